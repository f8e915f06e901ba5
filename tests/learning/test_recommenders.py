"""What each recommender is for, on shops whose right answers are known."""

import numpy as np
import pytest

from ecomai.learning.callbacks import Callback, Curve
from ecomai.learning.exceptions import InvalidDataError, TrainingCancelledError
from ecomai.learning.interactions import Interactions, as_interactions
from ecomai.learning.recommenders import item_item as item_item_module
from ecomai.learning.recommenders.blending import blended_ranking, choose_weights
from ecomai.learning.recommenders.item_item import ItemItemRecommender
from ecomai.learning.recommenders.popularity import PopularityRecommender
from ecomai.learning.recommenders.sequence import SequenceRecommender
from ecomai.learning.recommenders.sequence_network import IGNORED
from ecomai.learning.recommenders.sequence_windows import SequenceWindows
from ecomai.learning.splits import Split, leave_last_out

FAST = {"dim": 16, "n_layers": 1, "max_length": 10, "batch_size": 32, "learning_rate": 1e-2, "device": "cpu"}


def aged(rows: list[tuple[int, int, float]], n_items: int) -> Interactions:
    users, items, ages = (np.array(column) for column in zip(*rows, strict=True))
    return Interactions.from_columns(users, items, n_items=n_items, ages_days=ages)


# -- popularity ---------------------------------------------------------------------------------


def test_popularity_counts_weights() -> None:
    X = Interactions.from_columns(
        np.array([0, 0, 1]), np.array([0, 0, 1]), n_items=3, weights=np.array([1.0, 1.0, 5.0])
    )
    assert PopularityRecommender().fit(X).scores([[]]).tolist() == [[2, 5, 0]]


def test_an_event_counts_half_after_each_half_life() -> None:
    X = aged([(0, 0, 0.0), (0, 1, 10.0), (0, 2, 20.0)], 3)
    assert PopularityRecommender(half_life_days=10).fit(X).scores([[]]).tolist() == [[1, 0.5, 0.25]]


def test_what_was_popular_long_ago_falls_behind_what_is_now() -> None:
    X = aged([(user, 0, 100.0) for user in range(9)] + [(9, 1, 1.0), (9, 1, 2.0)], 2)
    assert PopularityRecommender().fit(X).recommend([[]], n=1)[0][0, 0] == 0
    assert PopularityRecommender(half_life_days=14).fit(X).recommend([[]], n=1)[0][0, 0] == 1


def test_a_half_life_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidDataError):
        PopularityRecommender(half_life_days=0).fit(aged([(0, 0, 1.0)], 1))


# -- item-item ----------------------------------------------------------------------------------


def test_items_taken_together_are_neighbours_and_no_item_is_its_own() -> None:
    model = ItemItemRecommender(shrinkage=0).fit([[0, 1], [0, 1], [0, 2], [3, 3]])
    neighbours, similarities = model.similar_items([0, 3], n=2)
    assert neighbours[0].tolist() == [1, 2]
    assert similarities[0, 0] > similarities[0, 1]
    assert neighbours[1].tolist() == [-1, -1]


def test_a_symmetric_similarity_of_whole_histories_is_the_cosine_of_users() -> None:
    rng = np.random.default_rng(2)
    rows = [rng.permutation(6)[: rng.integers(1, 6)].tolist() for _ in range(40)]
    model = ItemItemRecommender(
        n_neighbours=6, window=6, step_decay=1, backward_weight=1, shrinkage=0, history_decay=1
    ).fit(Interactions.from_sequences(rows, n_items=6))
    taken = np.array([[item in row for item in range(6)] for row in rows], dtype=float)
    cosine = (taken.T @ taken) / np.sqrt(np.outer(taken.sum(0), taken.sum(0)))
    np.fill_diagonal(cosine, 0)
    np.testing.assert_allclose(model.scores([[item] for item in range(6)]), cosine, atol=1e-6)


def test_what_comes_after_counts_more_than_what_came_before() -> None:
    model = ItemItemRecommender().fit([[0, 1]] * 5)
    assert model.scores([[0]])[0, 1] > model.scores([[1]])[0, 0] > 0


def test_pairs_count_less_the_farther_apart_and_the_older_they_are() -> None:
    apart = ItemItemRecommender().fit([[0, 1, 2]] * 5).scores([[0]])[0]
    assert apart[1] > apart[2] > 0
    X = aged([(0, 0, 100.0), (0, 1, 100.0), (1, 0, 1.0), (1, 2, 1.0)], 3)
    by_age = ItemItemRecommender(half_life_days=10).fit(X).scores([[0]])[0]
    assert by_age[2] > by_age[1]


def test_the_end_of_a_history_counts_most() -> None:
    model = ItemItemRecommender().fit([[0, 1], [2, 3]] * 5)
    assert model.recommend([[0, 2]], n=1)[0][0, 0] == 3
    assert model.recommend([[2, 0]], n=1)[0][0, 0] == 1


def test_counting_in_parts_gives_what_counting_at_once_gives(
    monkeypatch: pytest.MonkeyPatch, loyal_users: Interactions, item_vectors: np.ndarray
) -> None:
    at_once = ItemItemRecommender().fit(loyal_users, item_vectors)
    monkeypatch.setattr(item_item_module, "PAIRS_AT_ONCE", 7)
    monkeypatch.setattr(item_item_module, "ITEMS_AT_ONCE", 5)
    in_parts = ItemItemRecommender().fit(loyal_users, item_vectors)
    np.testing.assert_allclose(in_parts.scores([[0, 9]]), at_once.scores([[0, 9]]), rtol=0.2, atol=1e-3)
    np.testing.assert_array_equal(in_parts.support_, at_once.support_)


def test_an_item_that_nobody_took_has_neighbours_by_its_text_and_is_one(
    loyal_users: Interactions, item_vectors: np.ndarray, kinds: np.ndarray
) -> None:
    model = ItemItemRecommender(n_neighbours=8).fit(loyal_users, item_vectors)
    untouched = 5
    assert set(kinds[model.similar_items([untouched], n=3)[0][0]]) == {0}
    assert untouched in model.similar_items([0], n=8)[0][0]
    without = ItemItemRecommender(n_neighbours=8).fit(loyal_users)
    assert set(without.similar_items([untouched], n=3)[0][0]) == {-1}


# -- sequence -----------------------------------------------------------------------------------


def test_the_network_learns_an_order_that_counting_cannot_see() -> None:
    rows = [[0, 1, 2], [1, 0, 3]] * 40  # what comes third depends on the order of the first two
    model = SequenceRecommender(**FAST, max_epochs=30).fit(Interactions.from_sequences(rows, n_items=4))
    assert model.recommend([[0, 1], [1, 0]], n=1)[0].tolist() == [[2], [3]]


def test_an_item_that_nobody_took_is_ranked_by_its_text(
    loyal_users: Interactions, item_vectors: np.ndarray, kinds: np.ndarray
) -> None:
    model = SequenceRecommender(**FAST, max_epochs=15).fit(loyal_users, item_vectors)
    histories = [np.flatnonzero(kinds == kind)[:4].tolist() for kind in range(4)]
    scores = model.scores(histories)
    untouched = [np.flatnonzero(kinds == kind)[-1] for kind in range(4)]
    assert scores[:, untouched].argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_an_item_from_after_training_gets_the_vector_that_its_text_would_have_had(
    loyal_users: Interactions, item_vectors: np.ndarray
) -> None:
    model = SequenceRecommender(**FAST, max_epochs=2).fit(loyal_users, item_vectors)
    np.testing.assert_allclose(model.project_items(item_vectors[[5]]), model.item_vectors_[[5]], atol=1e-5)
    with pytest.raises(InvalidDataError):
        model.project_items(np.ones((1, 3), dtype=np.float32))


def test_a_customer_without_history_is_offered_what_customers_begin_with() -> None:
    rows = [[3, 0], [3, 1], [3, 2], [1, 3]] * 20
    model = SequenceRecommender(**FAST, max_epochs=20).fit(Interactions.from_sequences(rows, n_items=4))
    assert model.recommend([[]], n=1)[0][0, 0] == 3


def test_only_the_newest_items_are_looked_at(loyal_users: Interactions) -> None:
    model = SequenceRecommender(**FAST, max_epochs=1).fit(loyal_users)
    history = list(range(10))
    np.testing.assert_allclose(model.scores([[20] * 30 + history]), model.scores([history]), atol=1e-5)


def test_a_sampled_softmax_learns_what_the_full_one_does(
    loyal_users: Interactions, item_vectors: np.ndarray
) -> None:
    split = leave_last_out(loyal_users)
    hits = {}
    for n_negatives in (0, 8):
        model = SequenceRecommender(**FAST, max_epochs=15, n_negatives=n_negatives)
        ranked = model.fit(split.train, item_vectors).recommend(split.histories, n=6)[0]
        hits[n_negatives] = np.mean(
            [target in row for row, (target,) in zip(ranked, split.targets, strict=True)]
        )
    assert hits[8] > 0.9 * hits[0] > 0.5


def test_the_loss_is_sampled_where_a_catalogue_is_too_large_for_the_full_softmax(
    loyal_users: Interactions,
) -> None:
    small = SequenceRecommender(**FAST, max_epochs=1).fit(loyal_users)
    assert small.n_negatives_ == 0
    large = Interactions(loyal_users.items, loyal_users.offsets, n_items=200_000)
    assert SequenceRecommender(**{**FAST, "dim": 2, "n_heads": 1}, max_epochs=1).fit(large).n_negatives_ > 0


def test_training_stops_when_validation_gets_no_better_and_keeps_the_best_epoch(
    loyal_users: Interactions, item_vectors: np.ndarray
) -> None:
    split, curve = leave_last_out(loyal_users), Curve()
    model = SequenceRecommender(**FAST, max_epochs=60, patience=2)
    model.fit(split.train, item_vectors, valid=split, callbacks=[curve])
    judged = [metrics["ndcg@10"] for _step, metrics in curve.points if "ndcg@10" in metrics]
    assert len(judged) < 60
    assert model.best_epoch_ == int(np.argmax(judged)) + 1 == len(judged) - 2


def test_progress_rises_to_one_and_a_callback_can_cancel(loyal_users: Interactions) -> None:
    class Watch(Callback):
        def __init__(self, stop_at: float) -> None:
            self.seen: list[float] = []
            self.stop_at = stop_at

        def on_progress(self, progress: float) -> None:
            self.seen.append(progress)

        def should_stop(self) -> bool:
            return bool(self.seen) and self.seen[-1] >= self.stop_at

    whole, half = Watch(2.0), Watch(0.5)
    SequenceRecommender(**FAST, max_epochs=3).fit(loyal_users, callbacks=[whole])
    assert whole.seen == sorted(whole.seen)
    assert whole.seen[-1] == 1
    with pytest.raises(TrainingCancelledError):
        SequenceRecommender(**FAST, max_epochs=3).fit(loyal_users, callbacks=[half])
    assert half.seen[-1] < 0.7


def test_every_event_is_a_target_once_and_weighs_what_it_should() -> None:
    X = Interactions.from_columns(
        np.array([0] * 7 + [1]), np.array([0, 1, 2, 3, 4, 5, 6, 7]), n_items=8, weights=np.arange(1.0, 9.0)
    )
    batch = SequenceWindows(X, max_length=3).__getitems__([0, 1, 2, 3])
    is_target = batch["targets"] != IGNORED
    found = dict(zip(batch["targets"][is_target].tolist(), batch["weights"][is_target].tolist(), strict=True))
    # Where a window goes on from an earlier one, its start does not know what came before.
    assert found == {0: 1, 1: 2, 2: 3, 4: 5, 5: 6, 7: 8}


def test_without_any_event_there_is_nothing_to_learn() -> None:
    with pytest.raises(InvalidDataError, match="no interaction"):
        SequenceRecommender(**FAST).fit(Interactions.from_sequences([[], []], n_items=3))


# -- blending -----------------------------------------------------------------------------------


def test_weights_are_those_by_which_validation_cases_are_ranked_best() -> None:
    rng = np.random.default_rng(0)
    # Two kinds of users: the next item follows from the last one; what is popular says nothing of it.
    starts = rng.integers(0, 10, 200)
    histories = as_interactions([[start, 10 + start] for start in starts], n_items=30)
    targets = as_interactions([[20 + start] for start in starts], n_items=30)
    pairs = ItemItemRecommender(window=1).fit([[10 + n, 20 + n] for n in range(10)] * 5 + [[29]])
    popular = PopularityRecommender().fit([[0, 1, 2, 29]] * 9)
    models = {"pairs": pairs, "popular": popular}
    tried = [{"pairs": weight, "popular": 1.0} for weight in (0.0, 1.0, 1000.0)]
    chosen, ndcg = choose_weights(models, tried, Split(histories, histories, targets))
    assert chosen == tried[2]
    assert ndcg == sorted(ndcg)
    assert ndcg[2] == 1.0
    is_candidate = np.ones(30, dtype=bool)
    is_candidate[20:] = False
    (ranked,) = blended_ranking(models, [chosen], histories, n=30, is_candidate=is_candidate)
    assert not np.isin(ranked, np.arange(20, 30)).any()
    assert (np.sort(ranked, axis=1)[:, :12] == -1).all(), "ten are no candidates, two were taken"


def test_weights_need_a_case_and_something_to_try() -> None:
    nobody = as_interactions([], n_items=3)
    with pytest.raises(InvalidDataError):
        choose_weights({}, [{}], Split(nobody, nobody, nobody))
