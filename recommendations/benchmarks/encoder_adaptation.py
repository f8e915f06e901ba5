"""`encoder_adaptation`: what each way of adapting a text encoder brings to finding the next item by text."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ecomai.benchmarking import Report
from ecomai.exceptions import InvalidInputError
from ecomai.learning.interactions import Interactions
from ecomai.learning.metrics.ranking import ndcg_at_k, recall_at_k
from ecomai.learning.splits import Split, leave_last_out

from .sequential import read_folder

Metrics = dict[str, Any]

K = 10
TAIL = 5  # training interactions
CASES_AT_ONCE = 256
MIN_LENGTH = 3  # train, validation and test item
#: What bounds the time; `benchmark.json` may give others under the benchmark's name.
SETTINGS: dict[str, Any] = {
    "model": "all-MiniLM-L6-v2",
    "max_items": 0,  # 0: all; else a random part of the catalogue, and of the histories what lies in it
    "max_pairs": 3200,
    "max_texts": 3200,
    "max_epochs": 1,
    "train_batch_size": 32,
    "rank": 8,
    "rows": [],  # none: all
}
OWN_SETTINGS = ("max_items", "rows")
PRETRAINED_ONLY: dict[str, dict[str, Any]] = {
    "masked": {"kind": "full", "pretraining": "masked"},
    "contrastive": {"kind": "full", "pretraining": "contrastive"},
}
WITH_ITEMS: dict[str, dict[str, Any]] = {
    "items_full": {"kind": "full"},
    "items_top_2": {"kind": "full", "layers": 2},
    "items_head": {"layers": "head"},
    "items_lora": {"kind": "lora"},
    "items_adalora": {"kind": "adalora"},
    "items_prefix": {"kind": "prefix"},
    "items_bottleneck": {"kind": "bottleneck", "rank": 32},
    "items_full_no_hard_negatives": {"kind": "full", "n_hard_negatives": 0},
    "items_full_no_augmentation": {"kind": "full", "augmentation": 0.0},
}


def encoder_adaptation(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Rank the catalogue by the text of a user's last item alone; what comes next is the target.

    Encoders learn from all but the last two items of each user. `metrics` is the row that is best on the
    validation items (`splits`), judged on the test items like all `rows`.
    """
    settings = SETTINGS | _given(data)
    X, titles = read_folder(data, seed=seed)
    if not titles:
        raise InvalidInputError(reason=f"{data.name} has no titles to adapt an encoder to.")
    X, titles = _part(X, titles, settings["max_items"], seed)
    test = leave_last_out(X, min_history=MIN_LENGTH - 1)
    valid = leave_last_out(test.train, min_history=MIN_LENGTH - 2)
    counts = np.bincount(valid.train.items, minlength=X.n_items)
    wanted = settings["rows"] or ["published", *PRETRAINED_ONLY, *WITH_ITEMS]
    rows: dict[str, Metrics] = {}
    on_valid: dict[str, Metrics] = {}
    for number, name in enumerate(wanted):
        report(number / len(wanted), name)
        encoder, costs = _fit(name, titles, valid, settings, device=device, seed=seed)
        vectors = encoder.encode(titles)
        on_valid[name] = judge(vectors, valid, counts)
        rows[name] = judge(vectors, test, counts) | costs
    best = max(on_valid, key=lambda name: on_valid[name]["ndcg@10"])
    return {
        "metrics": rows[best],
        "rows": rows,
        "splits": {"validation": on_valid},
        "peers": {"popularity": _popularity(test, counts)},
        "settings": {**settings, "best": best, "n_items": X.n_items, "judged_users": len(test.targets)},
    }


def _fit(
    name: str, titles: Sequence[str], valid: Split, settings: dict[str, Any], *, device: str, seed: int
) -> tuple[Any, Metrics]:
    from ecomai.learning.encoders.adapted import AdaptedTextEncoder
    from ecomai.learning.encoders.pretrained import PretrainedTextEncoder
    from ecomai.learning.encoders.trade_offs import size_mb

    start = time.perf_counter()
    if name == "published":
        encoder: Any = PretrainedTextEncoder(settings["model"], device=device).fit()
        return encoder, {"seconds": 0.0, "trained_weights": 0, "size_mb": round(size_mb(encoder), 1)}
    own = {key: value for key, value in settings.items() if key not in OWN_SETTINGS}
    options = own | (PRETRAINED_ONLY | WITH_ITEMS)[name] | {"device": device, "random_state": seed}
    encoder = AdaptedTextEncoder(**options)
    encoder.fit(titles, None if name in PRETRAINED_ONLY else valid.train)
    seconds = round(time.perf_counter() - start, 1)
    stored = encoder.n_trained_ * 4 / 1e6
    return encoder, {
        "seconds": seconds, "trained_weights": encoder.n_trained_, "size_mb": round(stored, 2),
    }  # fmt: skip


def judge(vectors: np.ndarray, split: Split, counts: np.ndarray) -> Metrics:
    """Return how the cosine to a user's last item ranks all items, and rarely taken ones."""
    histories = split.histories
    lasts = histories.items[histories.offsets[1:] - 1]
    scores = (vectors[part] @ vectors.T for part in np.array_split(lasts, _n_parts(lasts)))
    return _judge_scores(scores, split, counts)


def _popularity(split: Split, counts: np.ndarray) -> Metrics:
    users = np.arange(len(split.targets))
    parts = np.array_split(users, _n_parts(users))
    return _judge_scores(
        (np.tile(counts.astype(np.float32), (len(part), 1)) for part in parts), split, counts
    )


def _judge_scores(scores: Any, split: Split, counts: np.ndarray) -> Metrics:
    from ecomai.learning.recommenders.base import top_n

    ranked, start = [], 0
    for part in scores:
        seen = split.histories.select(np.arange(start, start + len(part)))
        part[seen.users, seen.items] = -np.inf
        ranked.append(top_n(part, K))
        start += len(part)
    found = np.concatenate(ranked)
    is_tail = counts[split.targets.items] <= TAIL
    metrics = _named(found, split.targets, "")
    if is_tail.any():
        metrics |= _named(found[is_tail], split.targets.select(np.flatnonzero(is_tail)), "_tail")
    return metrics


def _named(ranked: np.ndarray, targets: Interactions, suffix: str) -> Metrics:
    metrics = {"recall@10": recall_at_k, "ndcg@10": ndcg_at_k}
    return {f"{name}{suffix}": metric(ranked, targets, k=K) for name, metric in metrics.items()}


def _n_parts(rows: np.ndarray) -> int:
    return -(-len(rows) // CASES_AT_ONCE)


def _part(X: Interactions, titles: list[str], max_items: int, seed: int) -> tuple[Interactions, list[str]]:
    """Return a random part of the catalogue, and the users who took something of it."""
    if not 0 < max_items < X.n_items:
        return X, titles
    kept = np.sort(np.random.default_rng(seed).permutation(X.n_items)[:max_items])
    inside = X.where(np.isin(X.items, kept))
    items = np.searchsorted(kept, inside.items).astype(np.int32)
    part = Interactions(items=items, offsets=inside.offsets, n_items=max_items)
    return part.select(np.flatnonzero(part.lengths)), [titles[item] for item in kept]


def _given(data: Path) -> dict[str, Any]:
    path = data / "benchmark.json"
    described = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return described.get("encoder_adaptation", {})
