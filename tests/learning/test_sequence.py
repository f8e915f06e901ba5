"""The sequence model's losses, and what its network may know."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ecomai.learning.callbacks import Curve
from ecomai.learning.devices import seeded
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.interactions import Interactions, as_interactions
from ecomai.learning.metrics.ranking import ndcg_at_k
from ecomai.learning.recommenders import sequence_losses
from ecomai.learning.recommenders.sequence import SequenceRecommender
from ecomai.learning.recommenders.sequence_losses import full_softmax_loss, sampled_softmax_loss
from ecomai.learning.recommenders.sequence_network import SequenceConfig, SequenceNetwork
from ecomai.learning.recommenders.sequence_windows import context_of
from ecomai.learning.splits import leave_last_out

FAST = {"dim": 16, "n_layers": 1, "max_length": 10, "batch_size": 32, "learning_rate": 1e-2, "device": "cpu"}
N_ITEMS, N_TARGETS = 20, 7


@pytest.fixture
def problem() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Hidden vectors, item vectors, targets and weights."""
    with seeded(0):
        return (
            torch.randn(N_TARGETS, 8),
            torch.randn(N_ITEMS, 8),
            torch.randint(N_ITEMS, (N_TARGETS,)),
            torch.rand(N_TARGETS),
        )


def cross_entropy(hidden: Tensor, vectors: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    return (functional.cross_entropy(hidden @ vectors.T, wanted, reduction="none") * weights).sum()


def sampled(problem: tuple[Tensor, ...], negatives: Tensor, log_expected: Tensor) -> Tensor:
    hidden, vectors, wanted, weights = problem
    is_hit = negatives == wanted.unsqueeze(1)
    return sampled_softmax_loss(hidden, vectors[wanted], vectors[negatives], is_hit, log_expected, weights)


def gradients(loss: Tensor, *of: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, of))


# -- losses -------------------------------------------------------------------------------------


@pytest.mark.parametrize("logits_at_once", [1, 3 * N_ITEMS, 10**6])
def test_the_full_softmax_in_chunks_is_cross_entropy_with_its_gradients(
    problem: tuple[Tensor, ...], logits_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequence_losses, "LOGITS_AT_ONCE", logits_at_once)
    hidden, vectors = (tensor.requires_grad_() for tensor in problem[:2])
    chunked, plain = 3 * full_softmax_loss(*problem), 3 * cross_entropy(*problem)
    torch.testing.assert_close(chunked, plain)
    for got, wanted in zip(
        gradients(chunked, hidden, vectors), gradients(plain, hidden, vectors), strict=True
    ):
        torch.testing.assert_close(got, wanted, atol=1e-6, rtol=1e-5)


def test_a_sample_of_all_items_is_the_full_softmax(problem: tuple[Tensor, ...]) -> None:
    everything = sampled(problem, torch.arange(N_ITEMS), torch.zeros(N_ITEMS))
    torch.testing.assert_close(everything, cross_entropy(*problem))


@pytest.mark.parametrize("is_corrected", [True, False])
def test_the_correction_makes_the_gradient_that_of_the_full_softmax_whatever_is_sampled(
    problem: tuple[Tensor, ...], is_corrected: bool
) -> None:
    """The normaliser is unbiased, its logarithm nearly so: what is left is noise. Without, it is not."""
    vectors = problem[1].requires_grad_()
    proposal = torch.arange(1.0, N_ITEMS + 1) ** 2
    proposal /= proposal.sum()
    with seeded(1):
        negatives = torch.multinomial(proposal, 40_000, replacement=True)
    correction = torch.log(len(negatives) * proposal[negatives]) * is_corrected
    (got,) = gradients(sampled(problem, negatives, correction), vectors)
    (wanted,) = gradients(cross_entropy(*problem), vectors)
    assert (torch.dist(got, wanted) / wanted.norm() < 0.03) == is_corrected


# -- the network --------------------------------------------------------------------------------


SIZES = {
    "n_items": N_ITEMS, "n_features": 0, "dim": 8, "n_layers": 2, "n_heads": 2, "max_length": 6,
    "dropout": 0.0, "id_dropout": 0.0, "n_negatives": 0, "n_members": 1, "has_context": False, "n_types": 0,
}  # fmt: skip


def network(**sizes: int) -> SequenceNetwork:
    with seeded(0):
        return SequenceNetwork(SequenceConfig(**{**SIZES, **sizes})).eval()


def test_what_comes_later_changes_nothing_of_what_was_predicted_before() -> None:
    net = network()
    early, late = torch.tensor([[1, 2, 3, 4]]), torch.tensor([[1, 2, 9, 11]])
    (member,) = net.users.members
    before, after = (member.hidden(net.items()[items]) for items in (early, late))
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:], after[:, 3:])


def test_the_scores_of_members_are_added() -> None:
    net = network(n_members=3)
    items, lengths = torch.tensor([[1, 2, 3], [4, 5, 0]]), torch.tensor([3, 2])
    vectors = net.items()
    parts = vectors.chunk(3, dim=1)
    apart = [
        member(part[items], lengths, None) @ part.T
        for member, part in zip(net.users.members, parts, strict=True)
    ]
    torch.testing.assert_close(net.users(vectors[items], lengths) @ vectors.T, sum(apart))


def test_members_start_apart_and_together_learn_what_one_learns(
    loyal_users: Interactions, item_vectors: np.ndarray
) -> None:
    split = leave_last_out(loyal_users)
    hits = {}
    for n_members in (1, 2):
        model = SequenceRecommender(**FAST, max_epochs=10, n_members=n_members)
        ranked = model.fit(split.train, item_vectors).recommend(split.histories, n=6)[0]
        hits[n_members] = np.mean(
            [target in row for row, (target,) in zip(ranked, split.targets, strict=True)]
        )
        assert model.item_vectors_.shape[1] == n_members * FAST["dim"]
    assert hits[2] > 0.9 * hits[1] > 0.45


# -- kinds of events, and time ------------------------------------------------------------------


def events(rows: list[tuple[int, int, int, float]]) -> Interactions:
    """Of user, item, type and age."""
    users, items, types, ages = (np.array(column) for column in zip(*rows, strict=True))
    return Interactions.from_columns(users, items, n_items=4, types=types, ages_days=ages)


def test_what_follows_is_learned_from_the_kind_of_event_and_from_the_time_between_events() -> None:
    """After a long pause comes item 2, else 3; after an event of kind 1 comes 0 instead."""
    rows, user = [], 0
    for _ in range(30):
        for kind, pause, following in ((0, 100.0, 2), (0, 0.01, 3), (1, 0.01, 0)):
            rows += [(user, 1, 0, 2 + pause), (user, 1, kind, 2.0), (user, following, 0, 1.0)]
            user += 1
    X = events(rows)
    asked = X.select(np.arange(3)).where(X.select(np.arange(3)).positions_from_end > 0)
    model = SequenceRecommender(**FAST, max_epochs=25, has_context=True).fit(X)
    assert model.recommend(asked, n=1)[0][:, 0].tolist() == [2, 3, 0]
    blind = SequenceRecommender(**FAST, max_epochs=1).fit(X).scores(asked)
    np.testing.assert_allclose(blind[0], blind[1], atol=1e-6)


def test_a_context_says_how_long_ago_the_event_before_was_and_nothing_of_what_comes() -> None:
    X = events([(0, 0, 2, 9.0), (0, 1, 0, 8.0), (0, 2, 5, 8.0), (1, 3, 1, 3.0)])
    context = context_of(X, n_types=3)
    assert context[:, 0].tolist() == [3, 1, 0, 2]  # the last kind of the first user was not learned
    assert context[:, 1].tolist() == [0, 11, 1, 0]  # log2 of a day's minutes is 10.5
    longer = events([(0, 0, 2, 9.0), (0, 1, 0, 8.0), (0, 2, 5, 8.0), (0, 2, 5, 1.0), (1, 3, 1, 3.0)])
    np.testing.assert_array_equal(context_of(longer, n_types=3)[:3], context[:3])


def test_a_model_that_knows_kinds_and_times_answers_where_they_are_not_known() -> None:
    X = events([(user, item, 0, 3.0 - item) for user in range(8) for item in range(3)])
    model = SequenceRecommender(**FAST, max_epochs=2, has_context=True).fit(X)
    assert np.isfinite(model.scores([[0, 1], []])).all()


# -- updates ------------------------------------------------------------------------------------

OLD, NEW = [[0, 1, 2]] * 64, [[3, 6, 7]] * 32  # items 6 and 7 are new


def test_an_update_learns_what_is_new_and_keeps_what_was_learned() -> None:
    model = SequenceRecommender(**FAST, max_epochs=30).fit(Interactions.from_sequences(OLD, n_items=6))
    for _ in range(6):
        model.partial_fit(Interactions.from_sequences(NEW, n_items=8), replay=OLD)
    assert model.n_items_ == 8
    assert model.recommend([[0], [0, 1], [3], [3, 6]], n=1)[0][:, 0].tolist() == [1, 2, 6, 7]


def test_an_update_costs_a_part_of_a_training_and_starts_from_the_learned_weights(
    loyal_users: Interactions, item_vectors: np.ndarray
) -> None:
    model = SequenceRecommender(**FAST, max_epochs=5).fit(loyal_users, item_vectors)
    before = model.item_vectors_.copy()
    watch = Curve()
    model.partial_fit(loyal_users.select(np.arange(32)), item_vectors, callbacks=[watch])
    change = np.linalg.norm(model.item_vectors_ - before, axis=1) / np.linalg.norm(before, axis=1)
    assert 0 < np.median(change) < 0.2
    assert max(step for step, _metrics in watch.points) <= 6


def test_an_item_that_an_update_brings_is_ranked_by_its_text_until_it_has_events(
    loyal_users: Interactions, item_vectors: np.ndarray
) -> None:
    model = SequenceRecommender(**FAST, max_epochs=2).fit(loyal_users, item_vectors)
    more = np.concatenate([item_vectors, item_vectors[:1]])
    grown = Interactions(loyal_users.items, loyal_users.offsets, n_items=len(more))
    model.partial_fit(grown.select(np.arange(16)), more)
    np.testing.assert_allclose(model.item_vectors_[-1], model.project_items(more[-1:])[0], atol=1e-5)


def test_an_item_gets_a_vector_of_its_own_with_the_update_that_brings_its_first_events(
    loyal_users: Interactions, item_vectors: np.ndarray
) -> None:
    model = SequenceRecommender(**FAST, max_epochs=2).fit(loyal_users, item_vectors)
    untouched = int(np.flatnonzero(np.bincount(loyal_users.items, minlength=24) == 0)[0])

    def own_part() -> float:
        texts = model.project_items(item_vectors)
        own = np.linalg.norm(model.item_vectors_ - texts, axis=1)
        return float(own[untouched] / np.median(own))

    assert own_part() < 1e-4
    model.partial_fit([[0, untouched, 1]] * 64, item_vectors, replay=loyal_users)
    assert 1e-3 < own_part() < 0.5


def test_items_that_moved_or_left_the_catalogue_keep_what_was_learned_of_them(
    loyal_users: Interactions, item_vectors: np.ndarray
) -> None:
    model = SequenceRecommender(**FAST, max_epochs=3).fit(loyal_users, item_vectors)
    before = model.item_vectors_.copy()
    order = np.random.default_rng(0).permutation(24)[:20]  # four items are gone
    known_as = np.concatenate([order, [-1]])  # and one is new
    vectors = np.concatenate([item_vectors[order], item_vectors[:1]])
    place = np.full(24, -1)
    place[order] = np.arange(20)
    stays = place[loyal_users.items] >= 0
    kept = loyal_users.where(stays)
    moved = Interactions(place[kept.items].astype(np.int32), kept.offsets, n_items=21)
    model.partial_fit(moved.select(np.arange(16)), vectors, known_as=known_as)
    change = np.linalg.norm(model.item_vectors_[:20] - before[order], axis=1)
    assert np.median(change / np.linalg.norm(before[order], axis=1)) < 0.2
    assert model.n_items_ == 21
    np.testing.assert_allclose(model.item_vectors_[-1], model.project_items(vectors[-1:])[0], atol=1e-5)


@pytest.mark.parametrize("known_as", [[0, 1], [0] * 23 + [24], [0] * 23 + [-2]])
def test_places_that_no_item_had_are_refused(
    loyal_users: Interactions, item_vectors: np.ndarray, known_as: list[int]
) -> None:
    model = SequenceRecommender(**FAST, max_epochs=1).fit(loyal_users, item_vectors)
    with pytest.raises(InvalidDataError, match="known_as"):
        model.partial_fit(loyal_users, item_vectors, known_as=np.array(known_as))


def test_an_update_of_another_catalogue_is_refused(
    loyal_users: Interactions, item_vectors: np.ndarray
) -> None:
    model = SequenceRecommender(**FAST, max_epochs=1).fit(loyal_users, item_vectors)
    with pytest.raises(InvalidDataError, match="only 2"):
        model.partial_fit([[0, 1]], item_vectors[:2])
    with pytest.raises(InvalidDataError, match="text features"):
        model.partial_fit(loyal_users)


def test_replay_keeps_what_an_update_alone_forgets():
    """New histories go another way than the old ones; who learns only them forgets the old way."""
    rng = np.random.default_rng(2)
    n_items, n_old = 40, 20
    old = [[(start + step) % n_old for step in range(8)] for start in rng.integers(n_old, size=300)]
    # The planted shift: what used to lead forwards leads backwards, by way of new items.
    new = [
        [value for step in range(4) for value in ((start - step) % n_old, n_old + (start - step) % n_old)]
        for start in rng.integers(n_old, size=300)
    ]
    model = SequenceRecommender(
        dim=24, n_layers=1, max_epochs=12, batch_size=32, device="cpu", random_state=0
    )
    model.fit(as_interactions(old, n_items=n_items))
    tests = [[(start + step) % n_old for step in range(5)] for start in range(n_old)]
    targets = [[(start + 5) % n_old] for start in range(n_old)]

    def old_ndcg(fitted) -> float:
        scores = fitted.scores(as_interactions(tests, n_items=n_items))
        return ndcg_at_k(np.argsort(-scores, axis=1)[:, :5], targets, k=5)

    before = old_ndcg(model)
    naive, ours = copy.deepcopy(model), copy.deepcopy(model)
    for _update in range(3):
        naive.partial_fit(as_interactions(new, n_items=n_items))
        ours.partial_fit(as_interactions(new, n_items=n_items), replay=as_interactions(old, n_items=n_items))
    assert before > 0.9
    assert old_ndcg(naive) < 0.9 * before  # more than the gate allows
    assert old_ndcg(ours) > 0.95 * before
