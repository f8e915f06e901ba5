"""Whether texts are negative: learned from stars, judged on the newest, written to texts and sentences."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ecomai.exceptions import NotEnoughDataError
from ecomai.fusion.services import record_consent
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import Job, ModelVersion, TrainingRun
from ecomai.registry.services import promote_version, request_scoring, request_training
from ecomai.registry.tasks import run_training
from marketing import readiness
from marketing.models import CustomerProfile, Feedback, SaidBy, Sentiment
from marketing.scenario import SENTIMENT
from marketing.services import voice, work_requests
from marketing.services.listening import score_feedback
from marketing.training.sentiment import check_enough, read_rated

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
THINGS = ("parcel", "fabric", "price", "colour", "size")


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path) -> None:
    settings.ECOMAI = {**settings.ECOMAI, "REGISTRY": {"FOLDER": str(tmp_path / "registry")}}


def rated(n: int = 300) -> list[dict]:
    """Each fourth text is negative: something is awful in it, and lovely in the others."""
    now = timezone.now()
    return [
        {
            "external_id": f"r-{number}", "written_at": now - (n - number) * DAY / 4,
            "text": f"The {THINGS[number % 5]} is {'awful' if number % 4 == 0 else 'lovely'}.",
            "rating": 1 + number % 2 if number % 4 == 0 else 4 + number % 2,
        }
        for number in range(n)
    ]  # fmt: skip


@pytest.fixture
def version(settings) -> ModelVersion:
    voice.take_feedback(rated())
    run = request_training(model_name=SENTIMENT)
    run_training(run.pk)
    run = TrainingRun.objects.get(pk=run.pk)
    assert run.job.state == Job.State.SUCCEEDED, run.job.error_message
    found = run.version
    if found.state == ModelVersion.State.CANDIDATE:
        promote_version(version=found)
    return found


def score() -> Job:
    job = request_scoring(model_name=SENTIMENT)
    for part in job.shards.all():
        execute_job(part.pk)
    job.refresh_from_db()
    return job


def test_a_version_tells_negative_texts_of_the_newest_fifth(version):
    assert version.metrics["roc_auc"] > 0.99
    assert version.metrics["accuracy"] > 0.95
    assert set(version.baseline_metrics) == set(version.metrics)
    assert (version.card["n_learned"], version.card["n_asked"]) == (240, 60)
    assert version.card["has_encoder"] is False, "of so few texts it would learn them by heart"


def test_sentences_and_texts_without_stars_are_told_by_the_model(version, make_customer):
    voice.take_feedback(
        [
            {"external_id": "mixed", "text": "The fabric is lovely. The parcel is awful.", "rating": 2},
            {"external_id": "chat", "text": "The price is awful.", "source": "chat"},
        ]
    )
    mia = make_customer("mia")
    voice.take_feedback(
        [
            {"external_id": "own", "text": "The price is awful.", "source": "chat", "customer_id": "mia"},
        ]
    )
    work_requests()
    assert CustomerProfile.objects.get(customer=mia).last_sentiment == "", "nobody has told yet"
    assert score().state == Job.State.SUCCEEDED
    work_requests()
    assert CustomerProfile.objects.get(customer=mia).last_sentiment == Sentiment.NEGATIVE
    mixed, chat = Feedback.objects.get(external_id="mixed"), Feedback.objects.get(external_id="chat")
    assert (mixed.said_by, mixed.sentiment) == (SaidBy.STARS, Sentiment.NEGATIVE)
    assert (chat.said_by, chat.sentiment, chat.version) == ("model", Sentiment.NEGATIVE, version.number)
    assert chat.negative_probability > 0.5
    told = dict(mixed.sentences.values_list("aspect__slug", "sentiment"))
    assert told == {"quality": Sentiment.POSITIVE, "delivery": Sentiment.NEGATIVE}


def test_what_was_scored_is_not_scored_again_and_what_is_new_is(version):
    assert score().state == Job.State.SUCCEEDED
    before = Job.objects.count()
    score_feedback()
    assert Job.objects.count() == before, "nothing is new"
    voice.take_feedback([{"external_id": "new", "text": "The size is awful."}])
    score_feedback()
    assert Job.objects.count() > before


def test_training_sees_nothing_later_than_its_moment_and_nobody_who_refused(make_customer):
    now = timezone.now()
    mia, ben = make_customer("mia"), make_customer("ben")
    record_consent(customer=mia, purpose="marketing", is_granted=True, source="test")
    record_consent(customer=ben, purpose="marketing", is_granted=False, source="test")
    rows = [
        {"customer_id": "mia"}, {"customer_id": "ben"}, {}, {"rating": 3}, {"rating": None},
        {"written_at": now + timedelta(hours=2)},
    ]  # fmt: skip
    usual = {"text": "The size is awful.", "rating": 1, "written_at": now - DAY}
    voice.take_feedback([{"external_id": f"r-{n}"} | usual | row for n, row in enumerate(rows)])
    known = read_rated(as_of=timezone.now())
    assert len(known) == 2
    assert known.y.tolist() == [1, 1]
    assert known.grades.tolist() == [0.0, 0.0]
    assert len(read_rated(as_of=now - 2 * DAY)) == 0


def test_too_little_is_said_with_how_much_is_needed():
    voice.take_feedback(rated(60))
    with pytest.raises(NotEnoughDataError, match="200"):
        check_enough(read_rated(as_of=timezone.now()))
    told = readiness.sentiment()
    assert [(row.have, row.is_enough) for row in told] == [(60, False), (15, False)]
