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
#: Scores are divided by these before they are read as logarithms of probabilities.
TEMPERATURES = (0.5, 1.0, 1.5, 2.0, 3.0)
NEIGHBOURS = "item_item"
NETWORK = "transformer"


def long_tail(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Split and files of `sequential`; the served model is that of a shop, its network and item-item.

    The tail is the less popular half of the items by what was learned from without the last two of each
    user; `_tail` keys are of targets with few interactions, as in `sequential`. The weight of item-item and
    how scores become gains are chosen on the validation items. The target is a number of points above what
    the unconstrained lists give: that needs the lists, and none of the test items.
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
    tail = _Tail(counts, least_popular(counts, share=HALF))
    report(0.5, "settings")
    validated = _Scored.of(searched, weights, valid, tail)
    temperature = _choose_temperature(validated)
    models, _none = _fit(test, vectors, device=device, seed=seed, report=report, progress=0.55, epochs=epochs)
    report(0.95, "lists")
    tested = _Scored.of(models, weights, test, tail)
    rows, target = _rows(tested, validated, temperature)
    return {
        "metrics": rows["re_ranked"],
        "rows": rows,
        "splits": {"validation": _validation(validated, temperature)},
        "peers": _peers(tested, target),
        "curve": [_point(tested, gain, temperature) for gain in GAINS],
        "settings": {
            **SETTINGS,
            "max_epochs": epochs,
            "weights": dict(weights),
            "temperature": temperature,
            "target_share": round(target, 4),
            "tail_items": int(tail.is_tail.sum()),
            "tail_target_share": float(tail.is_tail[test.targets.items].mean()),
            "judged_users": len(test.targets),
        },
    }


@dataclass(frozen=True, eq=False)
class _Tail:
    counts: np.ndarray  # (n_items,) interactions learned from
    is_tail: np.ndarray  # (n_items,) bool


@dataclass(frozen=True, eq=False)
class _Scored:
    """Each user's best candidates of both kinds, which is all that an optimal list can hold."""

    split: Split
    tail: _Tail
    items: np.ndarray  # (n_users, 2 K)
    scores: np.ndarray  # (n_users, 2 K), minus infinity where there is no candidate
    all_scores: np.ndarray  # (n_users, n_temperatures): logarithm of the sum of exponentials

    @classmethod
    def of(cls, models: dict[str, Any], weights: Any, split: Split, tail: _Tail) -> "_Scored":
        from ecomai.learning.recommenders.base import USERS_AT_ONCE, top_n

        parts: list[tuple[np.ndarray, ...]] = []
        for start in range(0, len(split.histories), USERS_AT_ONCE):
            users = np.arange(start, min(start + USERS_AT_ONCE, len(split.histories)))
            part = split.histories.select(users)
            total = np.zeros((len(users), len(tail.counts)), dtype=np.float32)
            for name, model in models.items():
                total += np.float32(weights[name]) * model.scores(part)
            total[part.users, part.items] = -np.inf
            kinds = [np.where(tail.is_tail, -np.inf, total), np.where(tail.is_tail, total, -np.inf)]
            items = np.concatenate([top_n(kind, K) for kind in kinds], axis=1)
            scores = np.concatenate(
                [np.take_along_axis(kind, top_n(kind, K), axis=1) for kind in kinds], axis=1
            )
            parts.append((items, scores.astype(np.float64), _log_sums(total)))
        items, scores, sums = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return cls(split, tail, items, scores, sums)

    @property
    def is_tail(self) -> np.ndarray:
        return self.tail.is_tail[self.items]

    def gains(self, temperature: float) -> np.ndarray:
        at = TEMPERATURES.index(temperature)
        return np.exp((self.scores - self.all_scores[:, [at]]) / temperature) + np.where(
            np.isfinite(self.scores), 0.0, -np.inf
        )

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


def _log_sums(total: np.ndarray) -> np.ndarray:
    """Return the logarithm of the sum of exponentials of each row, at each temperature."""
    highest = total.max(axis=1)
    sums = [np.exp((total - highest[:, None]) / one).sum(axis=1) for one in TEMPERATURES]
    return np.stack(
        [highest + one * np.log(each) for one, each in zip(TEMPERATURES, sums, strict=True)], axis=1
    )


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


def _choose_temperature(valid: _Scored) -> float:
    """Return the temperature whose gains keep most of NDCG at the wanted share, on validation items."""
    target = _target(valid, WANTED)
    kept = [ndcg_at_k(_re_ranked(valid, target, one), valid.split.targets, k=K) for one in TEMPERATURES]
    return TEMPERATURES[int(np.argmax(kept))]


def _target(scored: _Scored, gain: float) -> float:
    return min(scored.share(scored.unconstrained()) + gain, 1.0)


def _re_ranked(
    scored: _Scored, target: float, temperature: float, *, is_position_weighted: bool = False
) -> np.ndarray:
    gains = scored.gains(temperature)
    reranker = TailReranker(target, n=K, is_position_weighted=is_position_weighted)
    return scored.listed(reranker.fit(gains, scored.is_tail).rerank(gains, scored.is_tail))


def _rows(tested: _Scored, valid: _Scored, temperature: float) -> tuple[dict[str, Metrics], float]:
    """Return what the lists are worth without and with the target, in each way of keeping it."""
    target = max(_target(tested, WANTED), float(tested.tail.is_tail[valid.split.targets.items].mean()))
    by_place = tail_share(tested.unconstrained(), tested.tail.is_tail, k=K, is_position_weighted=True)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "unconstrained": tested.unconstrained,
        "re_ranked": lambda: _re_ranked(tested, target, temperature),
        "one_at_a_time": lambda: _one_at_a_time(tested, valid, target, temperature),
        "by_place": lambda: _re_ranked(
            tested, min(by_place + WANTED, 1.0), temperature, is_position_weighted=True
        ),
    }
    return {name: tested.judge(way()) for name, way in ways.items()}, target


def _one_at_a_time(tested: _Scored, valid: _Scored, target: float, temperature: float) -> np.ndarray:
    """Return the lists as a shop answers: the price is that of the validation lists, an account watches."""
    reranker = TailReranker(target, n=K).fit(valid.gains(temperature), valid.is_tail)
    account = ExposureAccount(target, price=reranker.price_)
    found = np.full((len(tested.items), K), -1, dtype=np.int64)
    for row, (gains, is_tail) in enumerate(zip(tested.gains(temperature), tested.is_tail, strict=True)):
        columns = account.rerank(gains, is_tail, n=K)
        found[row, : len(columns)] = columns
    return tested.listed(found)


def _validation(valid: _Scored, temperature: float) -> Metrics:
    before, target = valid.judge(valid.unconstrained()), _target(valid, WANTED)
    after = valid.judge(_re_ranked(valid, target, temperature))
    return {
        **after,
        "ndcg@10_unconstrained": before["ndcg@10"],
        "tail_share_unconstrained": before["tail_share"],
    }


def _peers(tested: _Scored, target: float) -> dict[str, Metrics]:
    """Return simpler ways to reach the same share: as many places in each list, and a bonus on scores."""
    quota = np.full(len(tested.items), int(np.ceil(target * K - 1e-9)))
    plain = TailReranker(0.0, n=K).fit(tested.gains(1.0), tested.is_tail)
    quotas = tested.listed(plain.rerank(tested.gains(1.0), tested.is_tail, n_tail_least=quota))
    return {"quota_per_list": tested.judge(quotas), "score_bonus": tested.judge(_with_bonus(tested, target))}


def _with_bonus(tested: _Scored, target: float) -> np.ndarray:
    low, high = 0.0, float(np.ptp(tested.scores[np.isfinite(tested.scores)]))
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if tested.share(_bonus(tested, middle)) >= target else (middle, high)
    return _bonus(tested, high)


def _bonus(tested: _Scored, bonus: float) -> np.ndarray:
    return tested.listed(np.argsort(-(tested.scores + bonus * tested.is_tail), axis=1, kind="stable")[:, :K])


def _point(tested: _Scored, gain: float, temperature: float) -> Metrics:
    found = tested.judge(_re_ranked(tested, _target(tested, gain), temperature))
    return {
        name: found[name]
        for name in ("tail_share", "ndcg@10", "recall@10_tail", "coverage@10")
        if name in found
    }
