"""A text that grows is given out a whole sentence at a time."""

import json

import pytest

from ecomai.generation import budget
from ecomai.generation.composers import CompositionRequest, GroundedComposer, Piece
from ecomai.generation.composers.remote import RemoteComposer
from ecomai.generation.exceptions import ComposerAwayError
from ecomai.generation.facts import Facts
from ecomai.generation.services import stream_sentences, writes_in_worker
from ecomai.generation.streaming import sentences_as_they_come

from .test_local import folder, local  # noqa: F401

REQUEST = CompositionRequest(
    purpose="test.title", language="en", most=200, facts=Facts(title="Stoneware mug", brand="Ember")
)


def sentences(*parts):
    return [piece.text for piece in sentences_as_they_come(Piece(text=part) for part in parts) if piece.text]


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (("Parcels ", "arrive. ", "Returns ", "are free."), ["Parcels arrive.", "Returns are free."]),
        (("It costs 3.", "50 GBP. Choose", " it."), ["It costs 3.50 GBP.", "Choose it."]),
        (("包裹两天到。", "退货", "免费。"), ["包裹两天到。", "退货免费。"]),
        (("Parcels arrive. We do not ship ",), ["Parcels arrive."]),
        (("Parcels arrive",), ["Parcels arrive"]),
        (('["Parcels arri', 've. Returns are free."]'), ["Parcels arrive.", "Returns are free."]),
        (("[]",), []),
        (("", " ", "\n"), []),
        (("...", " Well. "), ["Well."]),
    ],
)  # fmt: skip
def test_a_sentence_is_given_out_once_it_has_ended(parts, found):
    assert sentences(*parts) == found


def test_a_sentence_does_not_wait_for_those_behind_it():
    taken = []

    def pieces():
        yield Piece(text="Parcels arrive. ")
        assert "Parcels arrive." in taken
        yield Piece(text="Returns are free.", n_tokens=7)

    n_tokens = 0
    for piece in sentences_as_they_come(pieces()):
        taken.append(piece.text)
        n_tokens += piece.n_tokens
    assert [text for text in taken if text] == ["Parcels arrive.", "Returns are free."]
    assert n_tokens == 7


def test_who_fills_in_templates_says_all_at_once():
    request = CompositionRequest(
        purpose="test.title", language="en", most=80, templates="{title} by {brand}", facts=REQUEST.facts
    )
    (piece,) = GroundedComposer().stream(request)
    assert piece.text == "Stoneware mug by Ember"


# -- a model of one's own ---------------------------------------------------------------------------


def test_a_model_streams_what_it_would_have_said_at_once(folder):  # noqa: F811
    from ecomai.learning.generation import LanguageModel

    messages = [{"role": "user", "content": "blue mug"}]
    model = LanguageModel.load(str(folder), device="cpu")
    parts = list(model.stream(messages, max_new_tokens=12))
    assert "".join(parts).strip() == model.generate(messages, max_new_tokens=12)


def test_a_model_stops_writing_when_nobody_listens(folder):  # noqa: F811
    from ecomai.learning.generation import LanguageModel

    model = LanguageModel.load(str(folder), device="cpu")
    n_steps = 0
    forward = model.model.forward

    def counted(*args, **kwargs):
        nonlocal n_steps
        n_steps += 1
        return forward(*args, **kwargs)

    model.model.forward = counted
    model.model.generation_config.eos_token_id = None
    parts = model.stream([{"role": "user", "content": "blue"}], max_new_tokens=400)
    next(parts)
    parts.close()
    assert n_steps < 300


def test_a_model_that_fails_amid_a_text_says_so(folder):  # noqa: F811
    from ecomai.learning.generation import LanguageModel

    model = LanguageModel.load(str(folder), device="cpu")

    def fail(*args, **kwargs):
        raise RuntimeError("out of memory")

    model.model.forward = fail
    with pytest.raises(RuntimeError, match="out of memory"):
        list(model.stream([{"role": "user", "content": "blue"}]))


@pytest.mark.django_db
def test_a_model_that_is_not_there_is_away(local, tmp_path):  # noqa: F811
    local(tmp_path)
    assert writes_in_worker()
    with pytest.raises(ComposerAwayError):
        list(stream_sentences(REQUEST))


# -- a server ---------------------------------------------------------------------------------------


def streams(*events, ending=b"data: [DONE]\n\n"):
    def send(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        handler.end_headers()
        for event in events:
            handler.wfile.write(
                event if isinstance(event, bytes) else f"data: {json.dumps(event)}\n\n".encode()
            )
            handler.wfile.flush()
        handler.wfile.write(ending)

    return send


def says(text):
    return {"choices": [{"delta": {"content": text}}]}


USAGE = {"choices": [], "usage": {"total_tokens": 42}}
ROLE = {"choices": [{"delta": {"role": "assistant"}}]}


@pytest.mark.django_db
def test_a_server_streams_and_what_it_used_is_settled(server):
    server.answers = [streams(ROLE, says("Parcels "), says("arrive. Returns"), says(" are free."), USAGE)]
    pieces = list(RemoteComposer().stream(REQUEST))
    assert "".join(piece.text for piece in pieces) == "Parcels arrive. Returns are free."
    assert sum(piece.n_tokens for piece in pieces) == budget.used_today("remote") == 42
    assert server.asked[0]["stream"] is True
    assert "JSON list" not in server.asked[0]["messages"][0]["content"]


@pytest.mark.django_db
def test_a_server_that_cannot_stream_says_it_at_once(server):
    server.answers = [server.says("Parcels arrive.", n_tokens=9)]
    (piece, paid) = RemoteComposer().stream(REQUEST)
    assert (piece.text, paid.n_tokens, budget.used_today("remote")) == ("Parcels arrive.", 9, 9)


@pytest.mark.django_db
def test_a_server_is_asked_again_only_as_long_as_nothing_came(server):
    server.answers = [server.breaks_off, streams(says("Parcels arrive."))]
    assert "".join(piece.text for piece in RemoteComposer().stream(REQUEST)) == "Parcels arrive."
    assert len(server.asked) == 2
    server.answers, server.asked = [streams(says("Parcels "), b"data: nonsense\n\n")], []
    with pytest.raises(ComposerAwayError):
        list(RemoteComposer().stream(REQUEST))
    assert len(server.asked) == 1


@pytest.mark.django_db
def test_a_server_that_hangs_amid_a_text_is_not_waited_for(server):
    def hangs(handler):
        streams(says("Parcels arrive. "), ending=b"")(handler)
        server.released.wait(20)

    server.answers = [hangs]
    pieces = RemoteComposer().stream(REQUEST)
    assert next(pieces).text == "Parcels arrive. "
    with pytest.raises(ComposerAwayError, match="too slow"):
        next(pieces)
