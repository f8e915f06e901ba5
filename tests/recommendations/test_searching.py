"""Training of search: from what searches led to, or from the catalogue alone."""

import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from ecomai.commerce.models import Event, Item
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.services import promote_version
from ecomai.serving.predictors import load_predictor
from recommendations.training.led import Step, past_queries, searches_of, taken_shares

from .test_training import train

pytestmark = pytest.mark.django_db
NAMES = ("cup", "kettle", "lamp", "chair", "blanket", "knife")
COLOURS = ("red", "blue", "green", "white")
# What visitors call what the shop calls otherwise: no letter of it stands in the catalogue.
OWN_WORDS = {"cup": "beaker", "kettle": "boiler"}


def make_items():
    rows = [
        Item(external_id=f"{colour}-{name}", title=f"{colour} {name}", category_path=f"Things > {name}")
        for name in NAMES
        for colour in COLOURS
    ]
    return {(item.title): item for item in Item.objects.bulk_create(rows)}


def search_and_view(items, n=240):
    """People search for a thing in their words, and look at a red one of it."""
    rng, begin, rows = np.random.default_rng(4), timezone.now() - timedelta(days=40), []
    for person in range(n):
        name = NAMES[int(rng.integers(len(NAMES)))]
        at = begin + timedelta(hours=4 * person)
        query = OWN_WORDS.get(name, name)
        rows.append(
            Event(key=uuid.uuid4(), type="search", session_id=f"s-{person}", query=query, occurred_at=at)
        )
        rows.append(
            Event(
                key=uuid.uuid4(), type="view", session_id=f"s-{person}", item=items[f"red {name}"],
                occurred_at=at + timedelta(minutes=2),
            )
        )  # fmt: skip
    Event.objects.bulk_create(rows)


@pytest.fixture
def enough(settings, registry_folder):
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": {"MIN_ITEMS": 5}}


def test_search_learns_what_visitors_mean_by_their_words(enough):
    search_and_view(make_items())
    run = train("search", encoder="char_ngram", n_trees=5)
    assert run.job.state == "succeeded", run.job.traceback
    version = run.version
    assert version.metrics["ndcg@10"] > 1.2 * version.baseline_metrics["ndcg@10"]
    assert version.card["behaviour"]["weight"] > 0
    assert "latest period" in version.card["split"]["protocol"]
    assert version.group_metrics["known_queries"]["n_cases"] >= 30

    predictor = load_predictor(open_artifact(version))
    found = predictor.search("beakers")
    wanted = Item.objects.get(title="red cup")
    assert found.item_ids[int(found.total.argmax())] == str(wanted.pk)
    assert {row.query for row in predictor.past_queries} == {"beaker", "boiler", *NAMES[2:]}

    promote_version(version=version)
    again = train("search", encoder="char_ngram", n_trees=5).version
    assert again.data_fingerprint == version.data_fingerprint
    assert again.live_metrics["ndcg@10"] == pytest.approx(again.metrics["ndcg@10"])


def test_without_any_search_the_mixture_is_judged_on_mistyped_titles(enough):
    make_items()
    run = train("search", encoder="char_ngram")
    assert run.job.state == "succeeded", run.job.traceback
    assert "mistyped" in run.version.card["split"]["protocol"]
    assert run.version.metrics["ndcg@10"] > run.version.baseline_metrics["ndcg@10"]
    assert run.version.card["behaviour"]["weight"] == 0


def test_without_items_there_is_nothing_to_search(enough):
    run = train("search", encoder="char_ngram")
    assert run.job.state == "failed"
    assert "5" in run.job.error_message


def step(person, type, minute, item=None, query=""):
    return Step(person, type, item, query, timezone.make_aware(timezone.datetime(2026, 1, 1, 12, minute)))


def test_a_search_led_to_what_followed_soon_and_before_the_next_one():
    found = list(
        searches_of(
            [
                step("a", "view", 0, item=9),
                step("a", "search", 1, query="mugg"),
                step("a", "search", 2, query="mug"),
                step("a", "view", 3, item=1),
                step("a", "purchase", 4, item=1),
                step("a", "view", 40, item=2),
                step("b", "view", 41, item=3),
            ]
        )
    )
    assert [(one.query, one.before, one.taken) for one in found] == [
        ("mugg", "", {}), ("mug", "mugg", {1: 1.0}),
    ]  # fmt: skip
    assert taken_shares(found, {"mugg": "mug", "mug": "mug"}) == {"mug": {1: 1.0 / 5}}
    assert past_queries(found) == [("mug", 1, 1), ("mugg", 1, 0)]
