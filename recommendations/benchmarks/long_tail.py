"""`long_tail`: rarely taken items get a share of the places, and what that costs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ecomai.benchmarking import Report
from ecomai.exceptions import InvalidInputError
from ecomai.learning.metrics.exposure import (
    count_exposures,
    gini,
    least_popular,
    novelty,
    tail_share,
)
from ecomai.learning.metrics.ranking import coverage_at_k, ndcg_at_k, recall_at_k
from ecomai.learning.recommenders.exposure import ExposureAccount, TailReranker
from ecomai.learning.splits import Split, leave_last_out

from .sequential import MAX_EPOCHS, MIN_LENGTH, SETTINGS, TAIL, encode_titles, read_folder

Metrics = dict[str, float]

K = 10
HALF = 0.5  # of the items are the tail
#: More of the places than the unconstrained lists give; the wanted one is the third.
GAINS = (0.05, 0.10, 0.15, 0.20, 0.25)
WANTED = 0.15
LEAST_SHARE = 0.34  # of the places: about what the tail has of later purchases
N_CANDIDATES = 30  # of each kind
N_STEPS = 3  # of the history, whose texts are compared with those of candidates
N_TREES = 100
MOST_LEARNED = 8000  # validation users
NEIGHBOURS = "item_item"
NETWORK = "transformer"


def long_tail(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Split and files of `sequential`; the served model is that of a shop, its network and item-item.

    The tail is the less popular half of the items by what was learned from without the last two of each
    user; `_tail` keys are of targets with few interactions, as in `sequential`. The weight of item-item is
    chosen on the validation items, and from these is learned what a candidate's scores, texts and popularity
    say of its chance to be taken: the gain that a price is weighed against. The target is a number of points
    above what the unconstrained lists give: that needs the lists, and none of the test items.
    """
    X, titles = read_folder(data, seed=seed)
    test = leave_last_out(X, min_history=MIN_LENGTH - 1)
    if not len(test.targets):
        raise InvalidInputError(reason=f"no user in {data.name} has {MIN_LENGTH} items.")
    valid = leave_last_out(test.train, min_history=MIN_LENGTH - 2)
    counts = np.bincount(valid.train.items, minlength=X.n_items)
    report(0.02, "texts")
    vectors = encode_titles(titles) if titles else None
    searched, epochs = _fit(valid, vectors, device=device, seed=seed, report=report, progress=0.1)
    weights = _choose_weights(searched, valid, seed=seed)
    tail = _Tail(counts, least_popular(counts, share=HALF), vectors)
    report(0.5, "gains")
    validated = _Scored.of(searched, weights, _some(valid, seed=seed), tail)
    valid_gains = _held_out_gains(validated, seed=seed)
    learned = _Gains(seed=seed).fit(validated, np.arange(len(validated.items)))
    models, _none = _fit(test, vectors, device=device, seed=seed, report=report, progress=0.55, epochs=epochs)
    report(0.95, "lists")
    tested = _Scored.of(models, weights, test, tail)
    gains = learned.predict(tested)
    target = max(_target(tested, WANTED), LEAST_SHARE)
    rows = _rows(tested, gains, validated, valid_gains, target)
    return {
        "metrics": rows["re_ranked"],
        "rows": rows,
        "splits": {"validation": _validation(validated, valid_gains)},
        "peers": _peers(tested, target),
        "curve": [_point(tested, gains, gain) for gain in GAINS],
        "settings": {
            **SETTINGS,
            "max_epochs": epochs,
            "weights": dict(weights),
            "target_share": round(target, 4),
            "tail_items": int(tail.is_tail.sum()),
            "tail_target_share": float(tail.is_tail[test.targets.items].mean()),
            "judged_users": len(test.targets),
        },
    }


def _some(valid: Split, *, seed: int) -> Split:
    """Return the cases of some users: enough to learn gains from."""
    cases = np.sort(np.random.default_rng(seed).permutation(len(valid.targets))[:MOST_LEARNED])
    return Split(valid.train, valid.histories.select(cases), valid.targets.select(cases))


@dataclass(frozen=True, eq=False)
class _Tail:
    counts: np.ndarray  # (n_items,) interactions learned from
    is_tail: np.ndarray  # (n_items,) bool
    vectors: np.ndarray | None  # (n_items, n_features) of texts


@dataclass(frozen=True, eq=False)
class _Scored:
    """Each user's best candidates of both kinds, and what is known of each."""

    split: Split
    tail: _Tail
    items: np.ndarray  # (n_users, 2 N_CANDIDATES)
    scores: np.ndarray  # (n_users, 2 N_CANDIDATES), minus infinity where there is no candidate
    features: np.ndarray  # (n_users, 2 N_CANDIDATES, n_features) float32

    @classmethod
    def of(cls, models: dict[str, Any], weights: Any, split: Split, tail: _Tail) -> "_Scored":
        from ecomai.learning.recommenders.base import USERS_AT_ONCE

        parts: list[tuple[np.ndarray, ...]] = []
        for start in range(0, len(split.histories), USERS_AT_ONCE):
            users = np.arange(start, min(start + USERS_AT_ONCE, len(split.histories)))
            part = split.histories.select(users)
            each = {name: model.scores(part) for name, model in models.items()}
            total = np.zeros((len(users), len(tail.counts)), dtype=np.float32)
            for name, scores in each.items():
                total += np.float32(weights[name]) * scores
            total[part.users, part.items] = -np.inf
            items, scores = _candidates(total, tail.is_tail)
            parts.append((items, scores, _features(items, scores, each, total, part, tail)))
        items, scores, features = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return cls(split, tail, items, scores, features)

    @property
    def is_tail(self) -> np.ndarray:
        return self.tail.is_tail[self.items]

    @property
    def is_target(self) -> np.ndarray:
        return self.items == self.split.targets.items[:, None]

    def unconstrained(self) -> np.ndarray:
        return self.listed(np.argsort(-self.scores, axis=1, kind="stable")[:, :K])

    def listed(self, columns: np.ndarray) -> np.ndarray:
        """Return the items of the lists; -1 where they end early."""
        items = np.take_along_axis(self.items, np.maximum(columns, 0), axis=1)
        scores = np.take_along_axis(self.scores, np.maximum(columns, 0), axis=1)
        return np.where((columns >= 0) & np.isfinite(scores), items, -1)

    def share(self, ranked: np.ndarray) -> float:
        return tail_share(ranked, self.tail.is_tail, k=K)

    def judge(self, ranked: np.ndarray) -> Metrics:
        targets, n_items = self.split.targets, len(self.tail.counts)
        exposures = count_exposures(ranked, n_items=n_items, k=K)
        found = {
            "ndcg@10": ndcg_at_k(ranked, targets, k=K),
            "recall@10": recall_at_k(ranked, targets, k=K),
            "tail_share": self.share(ranked),
            "tail_share_by_place": tail_share(ranked, self.tail.is_tail, k=K, is_position_weighted=True),
            "coverage@10": coverage_at_k(ranked, n_items=n_items, k=K),
            "gini": gini(exposures),
            "novelty": novelty(ranked, self.tail.counts, n_users=len(targets), k=K),
        }
        wanted = targets.items
        groups = {"tail": self.tail.counts[wanted] <= TAIL, "tail_half": self.tail.is_tail[wanted]}
        for name, is_in in groups.items():
            if is_in.any():
                some = targets.select(np.flatnonzero(is_in))
                found[f"recall@10_{name}"] = recall_at_k(ranked[is_in], some, k=K)
                found[f"ndcg@10_{name}"] = ndcg_at_k(ranked[is_in], some, k=K)
        return found


def _candidates(total: np.ndarray, is_tail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the best items of both kinds with their scores, the tail last."""
    from ecomai.learning.recommenders.base import top_n

    items, scores = [], []
    for kind in (np.where(is_tail, -np.inf, total), np.where(is_tail, total, -np.inf)):
        best = top_n(kind, N_CANDIDATES)
        items.append(best)
        scores.append(np.take_along_axis(kind, best, axis=1))
    return np.concatenate(items, axis=1), np.concatenate(scores, axis=1).astype(np.float64)


def _features(
    items: np.ndarray,
    scores: np.ndarray,
    each: dict[str, np.ndarray],
    total: np.ndarray,
    part: Any,
    tail: _Tail,
) -> np.ndarray:
    """Return what the gain of a candidate is learned from, of shape (n_users, n_candidates, n_features)."""
    is_tail = tail.is_tail[items]
    columns = [is_tail, np.log1p(tail.counts[items]), scores - total.max(axis=1, keepdims=True)]
    for own in each.values():
        mine = np.take_along_axis(own, items, axis=1)
        columns += [mine, mine - own.max(axis=1, keepdims=True)]
    half = items.shape[1] // 2
    columns += [scores - np.where(is_tail, scores[:, [half]], scores[:, [0]])]
    columns += [np.broadcast_to(np.arange(items.shape[1]) % half, items.shape)]
    columns += [np.broadcast_to(part.lengths[:, None], items.shape)]
    for step in range(1, N_STEPS + 1):
        columns.append(_likeness(items, part, tail.vectors, step))
    return np.nan_to_num(np.stack(columns, axis=2).astype(np.float32), neginf=-1e6)


def _likeness(items: np.ndarray, part: Any, vectors: np.ndarray | None, step: int) -> np.ndarray:
    """Return how like the texts of candidates are to that of one of the user's last items; 0 without."""
    if vectors is None:
        return np.zeros(items.shape, dtype=np.float32)
    at = np.maximum(part.offsets[1:] - step, part.offsets[:-1])
    return np.einsum("ucd,ud->uc", vectors[items], vectors[part.items[at]])


class _Gains:
    """How likely a candidate is taken, learned from validation users by boosted trees."""

    def __init__(self, *, seed: int) -> None:
        self.parameters = {
            "objective": "binary", "learning_rate": 0.08, "num_leaves": 31, "min_data_in_leaf": 200,
            "verbosity": -1, "seed": seed, "deterministic": True, "num_threads": 1,
        }  # fmt: skip

    def fit(self, scored: _Scored, users: np.ndarray) -> "_Gains":
        import lightgbm

        X = scored.features[users].reshape(-1, scored.features.shape[2])
        y = scored.is_target[users].ravel()
        self.trees = lightgbm.train(self.parameters, lightgbm.Dataset(X, y), num_boost_round=N_TREES)
        return self

    def predict(self, scored: _Scored, users: np.ndarray | None = None) -> np.ndarray:
        at = np.arange(len(scored.items)) if users is None else users
        X = scored.features[at].reshape(-1, scored.features.shape[2])
        found = np.asarray(self.trees.predict(X)).reshape(len(at), -1)
        return np.where(np.isfinite(scored.scores[at]), found, -np.inf)


def _held_out_gains(valid: _Scored, *, seed: int) -> np.ndarray:
    """Return the validation users' gains, each by trees that learned from the other half of them."""
    found = np.empty(valid.scores.shape)
    is_odd = np.arange(len(valid.items)) % 2 == 1
    for half in (is_odd, ~is_odd):
        learned = _Gains(seed=seed).fit(valid, np.flatnonzero(~half))
        found[half] = learned.predict(valid, np.flatnonzero(half))
    return found


def _fit(
    split: Split, vectors: np.ndarray | None, *, device: str, seed: int, report: Report, progress: float,
    epochs: int | None = None,
) -> tuple[dict[str, Any], int]:  # fmt: skip
    """Return the served model's parts, and how many epochs were best where they were searched."""
    from ecomai.learning.callbacks import Callback
    from ecomai.learning.recommenders.item_item import ItemItemRecommender
    from ecomai.learning.recommenders.sequence import SequenceRecommender

    class Progress(Callback):
        def on_progress(self, share: float) -> None:
            report(progress + 0.4 * share, "searching epochs" if epochs is None else "learning")

    most = epochs or MAX_EPOCHS["with_text" if vectors is not None else "without_text"]
    network = SequenceRecommender(**SETTINGS, max_epochs=most, device=device, random_state=seed)
    network.fit(split.train, vectors, valid=split if epochs is None else None, callbacks=[Progress()])
    neighbours = ItemItemRecommender().fit(split.train, vectors)
    return {NETWORK: network, NEIGHBOURS: neighbours}, int(network.best_epoch_ or most)


def _choose_weights(models: dict[str, Any], valid: Split, *, seed: int) -> Any:
    from ecomai.learning.recommenders.blending import NEIGHBOUR_WEIGHTS, choose_weights

    tried = [{NETWORK: 1.0, NEIGHBOURS: weight} for weight in NEIGHBOUR_WEIGHTS]
    return choose_weights(models, tried, valid, random_state=seed)[0]


def _target(scored: _Scored, gain: float) -> float:
    return min(scored.share(scored.unconstrained()) + gain, 1.0)


def _re_ranked(
    scored: _Scored, gains: np.ndarray, target: float, *, is_position_weighted: bool = False
) -> np.ndarray:
    reranker = TailReranker(target, n=K, is_position_weighted=is_position_weighted)
    return scored.listed(reranker.fit(gains, scored.is_tail).rerank(gains, scored.is_tail))


def _rows(
    tested: _Scored, gains: np.ndarray, valid: _Scored, valid_gains: np.ndarray, target: float
) -> dict[str, Metrics]:
    """Return what the lists are worth without and with the target, in each way of keeping it."""
    by_place = tail_share(tested.unconstrained(), tested.tail.is_tail, k=K, is_position_weighted=True)
    at_place = min(by_place + WANTED, 1.0)
    reranker = TailReranker(target, n=K).fit(valid_gains, valid.is_tail)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "unconstrained": tested.unconstrained,
        "re_ranked": lambda: _re_ranked(tested, gains, target),
        "one_at_a_time": lambda: _one_at_a_time(tested, gains, target, price=reranker.price_),
        "by_place": lambda: _re_ranked(tested, gains, at_place, is_position_weighted=True),
        "gains_alone": lambda: _re_ranked(tested, gains, 0.0),
    }
    return {name: tested.judge(way()) for name, way in ways.items()}


def _one_at_a_time(tested: _Scored, gains: np.ndarray, target: float, *, price: float) -> np.ndarray:
    """Return the lists as a shop answers: the price is that of the validation lists, an account watches."""
    account = ExposureAccount(target, price=price)
    found = np.full((len(tested.items), K), -1, dtype=np.int64)
    for row, (mine, is_tail) in enumerate(zip(gains, tested.is_tail, strict=True)):
        columns = account.rerank(mine, is_tail, n=K)
        found[row, : len(columns)] = columns
    return tested.listed(found)


def _validation(valid: _Scored, gains: np.ndarray) -> Metrics:
    before = valid.judge(valid.unconstrained())
    after = valid.judge(_re_ranked(valid, gains, max(_target(valid, WANTED), LEAST_SHARE)))
    return {**after, **{f"{name}_unconstrained": before[name] for name in ("ndcg@10", "tail_share")}}


def _peers(tested: _Scored, target: float) -> dict[str, Metrics]:
    """Return simpler ways to reach the same share: as many places in each list, and a bonus on scores."""
    # Scores alone, as probabilities of a softmax: what a served model says without more learning.
    plain = np.exp(tested.scores - np.max(tested.scores, axis=1, keepdims=True))
    plain = np.where(np.isfinite(tested.scores), plain, -np.inf)
    quota = np.full(len(tested.items), int(np.ceil(target * K - 1e-9)))
    fitted = TailReranker(0.0, n=K).fit(plain, tested.is_tail)
    return {
        "quota_per_list": tested.judge(
            tested.listed(fitted.rerank(plain, tested.is_tail, n_tail_least=quota))
        ),
        "score_bonus": tested.judge(_with_bonus(tested, target)),
        "price_on_scores": tested.judge(_re_ranked(tested, plain, target)),
    }


def _with_bonus(tested: _Scored, target: float) -> np.ndarray:
    low, high = 0.0, float(np.ptp(tested.scores[np.isfinite(tested.scores)]))
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if tested.share(_bonus(tested, middle)) >= target else (middle, high)
    return _bonus(tested, high)


def _bonus(tested: _Scored, bonus: float) -> np.ndarray:
    return tested.listed(np.argsort(-(tested.scores + bonus * tested.is_tail), axis=1, kind="stable")[:, :K])


def _point(tested: _Scored, gains: np.ndarray, gain: float) -> Metrics:
    found = tested.judge(_re_ranked(tested, gains, _target(tested, gain)))
    names = ("tail_share", "ndcg@10", "recall@10", "recall@10_tail", "coverage@10", "gini")
    return {name: found[name] for name in names if name in found}
