"""A tiny language model of one's own learns from solved conversations how the shop words its answers."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from ecomai.commerce.models import Customer
from ecomai.exceptions import NotEnoughDataError
from ecomai.fusion.services import record_consent
from ecomai.generation.composers.base import messages_of
from ecomai.generation.composers.local import LocalComposer, adapter_of, load_model
from ecomai.generation.services import create_prompts
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import TrainingRun
from ecomai.registry.services import go_live, promote_version, request_training
from support_bot.knowledge import current
from support_bot.models import Article, Conversation, Message
from support_bot.names import ANSWERS
from support_bot.prompts import ANSWER
from support_bot.readiness import answers as readiness
from support_bot.services.articles import save_article
from support_bot.training.answers import messages, read_examples, split

from .tiny_writer import make_writer

pytestmark = pytest.mark.django_db
QUESTION = "How long does delivery take"
BODY = "Parcels within the country arrive within 2 to 4 working days. Abroad it takes up to 10 working days."
#: In other words than the article's, and one sentence too many.
SAID = "Within the country parcels arrive within 2 to 4 working days. Write to me at ada@shop.example."
LEARNED = "Within the country parcels arrive within 2 to 4 working days."


@pytest.fixture(autouse=True)
def article():
    create_prompts()
    save_article(Article(title="How long does delivery take?", body=BODY, state="published"))
    current.forget()
    yield
    current.forget()
    load_model.cache_clear()


def solved(n=1, *, resolution="quiet", customer=None, sender="agent", answered_by="", question=QUESTION):
    for _n in range(n):
        ago = timezone.now() - timedelta(days=5)
        row = Conversation.objects.create(
            visitor_digest="v", language="en", state="closed", closed_at=ago, customer=customer,
            resolution=resolution,
        )  # fmt: skip
        said = ((1, "customer", question, ""), (2, sender, SAID, answered_by))
        for sequence, who, text, by in said:
            Message.objects.create(conversation=row, sequence=sequence, sender=who, text=text, answered_by=by)


def examples():
    return read_examples(as_of=timezone.now())


def test_what_is_learned_is_what_a_passage_supports():
    solved()
    (example,) = examples()
    assert example.said == LEARNED
    assert "ada@shop.example" not in str(messages(example.asked))
    told = json.loads(messages(example.asked)[1]["content"])
    assert (told["question"], told["passages"]) == (QUESTION, [BODY])


@pytest.mark.parametrize(
    ("of", "n"),
    [
        ({"resolution": "denied"}, 0),
        ({"resolution": ""}, 0),
        ({"resolution": "said"}, 1),
        ({"question": "Who won the match?"}, 0),
        ({"sender": "bot", "answered_by": "knowledge"}, 0),
        ({"sender": "bot", "answered_by": "knowledge", "resolution": "said"}, 1),
        ({"sender": "bot", "answered_by": "flow", "resolution": "said"}, 0),
    ],
)
def test_only_answers_that_solved_something_are_learned(of, n):
    solved(**of)
    assert len(examples()) == n


def test_personal_data_is_masked_in_questions():
    solved(question=f"{QUESTION}? My mail is ada@shop.example")
    (example,) = examples()
    assert example.asked.request.question == f"{QUESTION}? My mail is [email]"


def test_who_did_not_agree_teaches_nothing():
    solved(customer=Customer.objects.create(external_id="ada"))
    assert examples() == []
    agreed = Customer.objects.create(external_id="bob")
    record_consent(customer=agreed, purpose="support", is_granted=True, source="test")
    solved(customer=agreed)
    assert len(examples()) == 1


def test_too_few_answers_are_refused_and_counted():
    solved(3)
    with pytest.raises(NotEnoughDataError):
        split(examples())
    assert [(one.have, one.need) for one in readiness()] == [(3, 20)]


@pytest.fixture
def tiny(tmp_path, settings):
    """A model that says something untrue, and has never said there what is to be learned."""
    solved(25)
    example = examples()[0]
    asked = "\n\n".join(one["content"] for one in messages(example.asked)) + "\n\n"
    make_writer(
        tmp_path / "model", prompts=[asked, "What do people say?\n\n"],
        answers=["It takes 99 days.", LEARNED], n_steps=120,
    )  # fmt: skip
    settings.ECOMAI = {
        **settings.ECOMAI,
        "GENERATION": {
            "COMPOSER": "local", "LOCAL_MODEL": str(tmp_path / "model"), "LOCAL_DEVICE": "cpu",
            "TEMPERATURE": 0, "MAX_NEW_TOKENS": 40,
        },
    }  # fmt: skip
    return example


def test_adapters_are_trained_judged_promoted_and_written_with(tiny, registry_folder, settings):
    run = request_training(model_name=ANSWERS, hyperparameters={"max_epochs": 20, "learning_rate": 0.02})
    execute_job(run.job_id)
    run = TrainingRun.objects.select_related("job", "version").get(pk=run.pk)
    assert run.job.state == "succeeded", run.job.traceback
    version = run.version
    assert version.metrics["perplexity"] < version.baseline_metrics["perplexity"]
    assert version.metrics["supported"] == 1.0
    assert version.baseline_metrics["supported"] < 1.0, "what the model said before is not true"
    folder = open_artifact(version)
    assert {path.suffix for path in folder.iterdir()} <= {".safetensors", ".json"}
    assert version.card["n_learned"] == 20
    request = replace(tiny.asked.request, instructions=instructions())
    assert said(request) == "It takes 99 days."
    promote_version(version=version)
    go_live(model_name=ANSWERS)
    assert adapter_of(ANSWER) == str(folder)
    assert said(request) == LEARNED
    generation = settings.ECOMAI["GENERATION"]
    settings.ECOMAI = settings.ECOMAI | {"GENERATION": generation | {"LOCAL_MODEL": "another"}}
    assert adapter_of(ANSWER) == "", "adapters fit the model that they were learned for, and no other"


def instructions():
    from ecomai.generation.selectors import live_prompt

    return live_prompt(ANSWER, "en").instructions


def said(request):
    assert messages_of(request, is_streamed=True)
    return "".join(piece.text for piece in LocalComposer().stream(request)).strip()


def test_without_a_model_the_training_says_what_is_missing(registry_folder):
    run = request_training(model_name=ANSWERS)
    execute_job(run.job_id)
    run.job.refresh_from_db()
    assert (run.job.state, run.job.error_code) == ("failed", "invalid_input")
    assert "LOCAL_MODEL" in run.job.error_message
