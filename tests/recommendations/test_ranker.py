"""The ranker of candidates: learned from what customers did next, and never from what came later."""

import numpy as np
import pytest

from ecomai.learning.interactions import Interactions
from ecomai.registry.models import ModelDeployment
from ecomai.registry.services import go_live, promote_version
from ecomai.serving import live
from recommendations import services
from recommendations.datasets import Dataset
from recommendations.pipeline.features import FEATURES, SOURCE_KINDS, Asked, ItemFacts, feature_matrix
from recommendations.scenario import RANKER
from recommendations.training import ranker as ranker_training
from recommendations.training import ranker_cases
from tests.recommendations.test_training import ENOUGH, make_history, train

DAY = np.timedelta64(1, "D")
BEGIN = np.datetime64("2026-01-01T00:00:00", "us")


def dataset(*users, event_types=("view", "purchase")):
    """Each user's events as (item, day, type)."""
    events = [event for user in users for event in user]
    return Dataset(
        interactions=Interactions(
            items=np.array([event[0] for event in events], dtype=np.int32),
            offsets=np.concatenate([[0], np.cumsum([len(user) for user in users])]).astype(np.int64),
            n_items=10,
            weights=np.array([5.0 if event[2] == "purchase" else 1.0 for event in events], dtype=np.float32),
            types=np.array([event_types.index(event[2]) for event in events], dtype=np.int64),
            ages_days=np.zeros(len(events), dtype=np.float32),
        ),
        times=np.array([BEGIN + int(event[1] * 24) * np.timedelta64(1, "h") for event in events]),
        item_keys=np.arange(10), external_ids=[], storefronts=[], is_active=np.ones(10, dtype=bool), texts=[],
        event_types=list(event_types),
    )  # fmt: skip


def test_a_case_knows_what_came_before_and_gains_by_what_says_most():
    events = [
        (1, 0, "view"), (2, 5, "purchase"), (3, 10, "view"), (4, 11, "view"), (3, 12, "purchase"),
        (5, 30, "view"),
    ]  # fmt: skip
    cases = ranker_cases.cases_in(
        dataset(events, [(7, 10, "view"), (8, 11, "view")], [(9, 1, "view")]),
        BEGIN + 9 * DAY, BEGIN + 40 * DAY, n_max=10, random_state=0,
    )  # fmt: skip
    assert [row.tolist() for row in cases.histories] == [[1, 2], [1, 2, 3], [1, 2, 3, 4], [7]]
    assert cases.targets[0] == {3: 5.0, 4: 1.0}
    assert cases.targets[1] == {4: 1.0, 3: 5.0}
    assert cases.targets[2:] == [{3: 5.0}, {8: 1.0}]
    assert cases.moments[0] == BEGIN + 10 * DAY


def test_nothing_after_the_period_is_gained():
    cases = ranker_cases.cases_in(
        dataset([(1, 0, "view"), (3, 10, "view"), (4, 11, "view")]), BEGIN + 9 * DAY, BEGIN + 11 * DAY,
        n_max=10, random_state=0,
    )  # fmt: skip
    assert cases.targets == [{3: 1.0}]


def test_features_are_those_of_the_item_and_who_asks():
    items = ItemFacts(
        popularity=np.array([9.0, 1.0, 0.0, 0.0]), prices=np.array([10.0, 20.0, np.nan, 40.0]),
        categories=np.array([0, 0, 1, -1]), departments=np.array([0, 0, 0, -1]),
        brands=np.array([-1, 2, 2, -1]),
        listed_days=np.array([0.0, 90.0, 90.0, 90.0]),
    )  # fmt: skip
    said = np.zeros((3, len(SOURCE_KINDS)))
    said[0, 0], said[1, 0], said[2, 1] = 1.0, 0.5, 1.0
    asked = Asked(history=np.array([0, 1, 0]), bought=np.array([1]), now_days=100.0)
    rows = dict(
        zip(FEATURES, feature_matrix(items, asked, np.array([0, 1, 2]), said).T.tolist(), strict=True)
    )
    assert rows["rank_sequence"] == [1.0, 0.5, 0.0]
    assert rows["said_similar"] == [0.0, 0.0, 1.0]
    assert rows["times_seen"] == [2.0, 1.0, 0.0]
    assert rows["last_seen"] == [1.0, 0.5, 0.0]
    assert rows["is_bought"] == [0.0, 1.0, 0.0]
    assert rows["same_category"] == [1.0, 1.0, 0.0]
    assert rows["price_ratio"][0] == 0.0
    assert np.isnan(rows["price_ratio"][2])
    assert np.isnan(rows["same_brand"][0])
    assert rows["popularity_rank"] == [0.0, 0.25, 0.5]
    nobody = feature_matrix(items, Asked(np.empty(0, int), np.empty(0, int)), np.array([0]), said[:1])
    assert nobody.shape == (1, len(FEATURES))


@pytest.fixture
def trained(db, settings, registry_folder, monkeypatch):
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": ENOUGH}
    monkeypatch.setattr(ranker_training, "MIN_CASES", 20)
    items = make_history()
    run = train("ranker", encoder="char_ngram", valid_share=0.3, test_share=0.2, sequence_epochs=3, dim=16)
    assert run.job.state == "succeeded", run.job.traceback
    return run.version, items


def test_both_rankers_are_reported_and_what_is_kept_serves(trained, make_pipeline):
    version, _items = trained
    card = version.card
    assert set(card["rankers"]) == {"trees", "transformer"}
    assert all(row["p95_ms"] > 0 and 0 < row["ndcg@10"] <= 1 for row in card["rankers"].values())
    assert card["form"] in card["rankers"]
    assert {"blend", "sequence", "popularity"} <= set(card["peers"])
    # Whoever walks along one kind goes on with it, which popularity does not know.
    assert version.metrics["ndcg@10"] > 1.5 * version.baseline_metrics["ndcg@10"]
    promote_version(version=version)
    go_live(model_name=RANKER)
    live.refresh()
    assert ModelDeployment.objects.get(model_name=RANKER).live_version == version
    services.refresh_popularity()
    make_pipeline("trending", "new")
    answer = services.recommend(placement="home", n=5)
    assert (answer.source, len(answer.picks)) == ("pipeline", 5)
    assert answer.picks[0].score == 1.0


def test_a_ranker_that_reads_other_features_is_passed_over(live_models, shop, make_pipeline, monkeypatch):
    class Other:
        features = ("another",)

        def scores(self, X):
            raise AssertionError("It must not be asked.")

    from recommendations.pipeline import ranking

    class Served:
        predictor = Other()

    monkeypatch.setattr(ranking.live, "get_live", lambda name: Served if name == RANKER else None)
    make_pipeline("new")
    assert services.recommend(placement="home", n=3).source == "pipeline"
