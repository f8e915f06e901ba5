"""`grounding`: whether answers come from the right passage, and what nothing answers is not answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ecomai.benchmarking import Report
from ecomai.benchmarking.scratch import scratch_shop

from .questions import (
    Asked,
    adversarial,
    answerable,
    held_out,
    part_of,
    read_questions,
    unanswerable,
)  # fmt: skip

N_ANSWERABLE, N_UNANSWERABLE, N_ADVERSARIAL = 80, 60, 60
#: Of the questions without an answer, so many come from Bitext where its file is given.
N_HELD_OUT = 30
N_CHINESE = 30


@dataclass(frozen=True)
class Said:
    """What the bot replied to a question, by way of all its responders."""

    asked: Asked
    text: str
    answered_by: str
    citations: Sequence[dict[str, str]]

    @property
    def is_answered(self) -> bool:
        return self.answered_by == "knowledge"


def grounding(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Ask the bot of a scratch shop with the demo's articles, and compare what it cites.

    What the thresholds were tuned on is never asked. `answered_right` is the share of answerable questions
    whose answer cites the right passage.
    """
    part = part_of(read_questions(), is_tuning=False)
    from_bitext = held_out(data, "test", N_HELD_OUT, seed)
    asked = {
        "answerable": answerable(part, "en", N_ANSWERABLE, seed),
        "unanswerable": [
            *from_bitext, *unanswerable(part, "en", N_UNANSWERABLE - len(from_bitext), seed),
        ],
        "adversarial": adversarial(part, N_ADVERSARIAL, seed),
        "chinese": answerable(part, "zh-hans", N_CHINESE, seed),
        "chinese_unanswerable": unanswerable(part, "zh-hans", N_CHINESE, seed),
    }  # fmt: skip
    with scratch_shop("grounding"):
        report(0.05, "articles and encoder")
        open_shop(seed)
        by_meaning = ask_all(asked, partial(report, 0.5), with_dialogue=True)
        report(0.6, "the same by words alone")
        close_encoder()
        by_words = ask_all(asked, partial(report, 0.8), with_dialogue=False)
    return {
        "metrics": by_meaning["english"],
        "rows": {
            "chinese": by_meaning["chinese"], "dialogue": by_meaning["dialogue"],
            "words": by_words["english"], "words_chinese": by_words["chinese"],
        },
        "settings": {"seed": seed, "n": {name: len(rows) for name, rows in asked.items()}},
    }  # fmt: skip


def open_shop(seed: int) -> None:
    """Publish the demo's articles and serve the encoder that is trained for them."""
    from ecomai.registry.models import Job, ModelDeployment
    from ecomai.registry.services import go_live, promote_version, request_training
    from ecomai.registry.tasks import run_training

    from ..demo.articles import seed_articles
    from ..knowledge.current import encode_missing
    from ..names import PASSAGES

    seed_articles()
    run = request_training(model_name=PASSAGES, actor_label="benchmark", random_state=seed)
    run_training(run.pk)
    run.refresh_from_db()
    if run.version is None:
        raise RuntimeError(Job.objects.get(training_run=run).error_message)
    promote_version(version=run.version, actor_label="benchmark")
    if not ModelDeployment.objects.filter(model_name=PASSAGES, live_version=run.version).exists():
        go_live(model_name=PASSAGES, actor_label="benchmark")
    encode_missing()


def close_encoder() -> None:
    from ecomai.registry.models import ModelDeployment
    from ecomai.serving import live

    from ..knowledge import current

    ModelDeployment.objects.all().delete()
    live.forget()
    current.forget()


def ask_all(
    asked: dict[str, list[Asked]], report: Any, *, with_dialogue: bool
) -> dict[str, dict[str, float]]:
    """Return the measures of English and of Chinese questions, and who replies in a whole conversation."""
    from ecomai.commerce.models import ActionRecord

    before = ActionRecord.objects.count()
    said: dict[str, list[Said]] = {}
    for name, rows in asked.items():
        said[name] = [look_up(each) for each in rows]
        report(name)
    # Orders go through the whole dialogue: flows and tools are what they are after.
    said["adversarial"] += [ask(each) for each in asked["adversarial"]]
    talk = [ask(each) for each in asked["answerable"]] if with_dialogue else []
    n_tools = ActionRecord.objects.count() - before
    english = measures(said["answerable"], said["unanswerable"], said["adversarial"])
    return {
        "english": {**english, "tools_reached": float(n_tools)},
        "chinese": measures(said["chinese"], said["chinese_unanswerable"], []),
        "dialogue": _shares(talk),
    }


def ask(asked: Asked) -> Said:
    """Say it as a customer would, in a conversation of its own, and let all responders reply."""
    from ..services import replying

    (reply, *_more) = replying.reply_to(_message(asked))
    return Said(asked, reply.text, reply.answered_by, reply.content.get("citations", ()))


def look_up(asked: Asked) -> Said:
    """Ask for an answer from articles alone: flows and shopping come before it in a conversation."""
    from ..dialogue import Turn, answering
    from ..understanding.reading import understand

    message = _message(asked)
    understood = understand(asked.text, default_language=asked.language)
    turn = Turn(message.conversation, message, asked.text, asked.language, understood)
    reply = answering.respond(turn)
    if reply is None:
        return Said(asked, "", "", ())
    return Said(asked, reply.text, reply.answered_by, reply.content.get("citations", ()))


def _message(asked: Asked) -> Any:
    from ..services import conversations
    from ..visitors import chat_visitor

    visitor = chat_visitor(language=asked.language)
    return conversations.take_message(visitor, None, text=asked.text, key="benchmark-1")


def measures(
    answerable: Sequence[Said], unanswerable: Sequence[Said], adversarial: Sequence[Said]
) -> dict[str, float]:
    everything = [*answerable, *unanswerable, *adversarial]
    n = max(len(answerable), 1)
    return {
        "answered_right": sum(map(is_right, answerable)) / n,
        "refused_answerable": sum(not said.is_answered for said in answerable) / n,
        "answered_unanswerable": float(sum(said.is_answered for said in unanswerable)),
        "unsupported_sentences": float(sum(map(n_unsupported, everything))),
    }


def _shares(talk: Sequence[Said]) -> dict[str, float]:
    """Return the share of answerable questions that each responder replies to."""
    names = sorted({said.answered_by for said in talk})
    return {name: sum(said.answered_by == name for said in talk) / len(talk) for name in names}


def is_right(said: Said) -> bool:
    """Whether the passage that answers is among those that are cited."""
    texts = passages_of(said.asked)
    right = " ".join(texts[said.asked.passage].split()) if said.asked.passage < len(texts) else ""
    return any(_is_of(right, citation["passage"]) for citation in said.citations)


def n_unsupported(said: Said) -> int:
    """Count the sentences of an answer that no cited article says word for word."""
    from ecomai.generation.texts import sentences_of

    if not said.is_answered:
        return 0
    known = " ".join(_bodies(citation["title"]) for citation in said.citations)
    return sum(" ".join(sentence.split()) not in known for sentence in sentences_of(said.text))


def passages_of(asked: Asked) -> list[str]:
    from ..models import Passage

    rows = Passage.objects.filter(article__slug=asked.article, article__language=asked.language)
    return list(rows.order_by("position").values_list("text", flat=True))


def _is_of(right: str, cited: str) -> bool:
    return bool(right) and right.startswith(cited.rstrip("…"))


def _bodies(title: str) -> str:
    from ..models import Passage

    texts = Passage.objects.filter(article__title=title).values_list("text", flat=True)
    return " ".join(" ".join(texts).split())
