"""`sequential`: which item comes next, with each user's last item left out."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecomai.benchmarking import Report
from ecomai.exceptions import InvalidInputError
from ecomai.learning.interactions import Interactions
from ecomai.learning.metrics.ranking import ranking_report
from ecomai.learning.splits import Split, leave_last_out

Metrics = dict[str, float]

KS = (5, 10)
TAIL = 5  # training interactions
CASES_AT_ONCE = 256
MIN_LENGTH = 3  # train, validation and test item
FILES = {"sequences": "sequences.txt.gz", "items": "items.csv.gz", "title": "title", "item_id": "item_id"}
SETTINGS: dict[str, Any] = {"dim": 64, "n_layers": 1, "n_heads": 1, "max_epochs": 12, "batch_size": 256}


def sequential(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Leave one out, full ranking: the last item of each user is the test, the one before it validation.

    `data` holds sequences ("user item item ...", oldest first) and, if there are any, titles; file and
    column names may be given in `benchmark.json`. Ids are relabelled and users shuffled with the seed
    first. Epochs are chosen on the validation items; the judged model learned from all but the test items.
    """
    from ecomai.learning.callbacks import Callback
    from ecomai.learning.recommenders.item_item import ItemItemRecommender
    from ecomai.learning.recommenders.popularity import PopularityRecommender
    from ecomai.learning.recommenders.sequence import SequenceRecommender

    class Progress(Callback):
        def __init__(self, start: float, end: float, message: str) -> None:
            self.start, self.end, self.message = start, end, message

        def on_progress(self, progress: float) -> None:
            report(self.start + progress * (self.end - self.start), self.message)

    X, titles = read_folder(data, seed=seed)
    test = leave_last_out(X, min_history=MIN_LENGTH - 1)
    valid = leave_last_out(test.train, min_history=MIN_LENGTH - 2)
    counts = np.bincount(valid.train.items, minlength=X.n_items)
    report(0.05, "texts")
    vectors = _encode(titles) if titles else None
    settings = {**SETTINGS, "device": device, "random_state": seed}
    search = SequenceRecommender(**settings)
    search.fit(valid.train, vectors, valid=valid, callbacks=[Progress(0.1, 0.5, "search for the epochs")])
    settings["max_epochs"] = (search.best_epoch_ or 0) + 1
    model = SequenceRecommender(**settings)
    model.fit(test.train, vectors, callbacks=[Progress(0.5, 0.9, "all but the test items")])
    peers = {
        "popularity": PopularityRecommender().fit(test.train),
        "item_item": ItemItemRecommender().fit(test.train, vectors),
    }
    report(0.95, "judging")
    return {
        "metrics": judge(model, test, counts),
        "rows": {},
        "splits": {},
        "peers": {name: judge(peer, test, counts) for name, peer in peers.items()},
        "settings": {**settings, "texts": bool(titles), "judged_users": len(test.targets)},
    }


def judge(model: Any, split: Split, counts: np.ndarray) -> Metrics:
    """Return recall, NDCG and coverage over all items, and the same for targets with few interactions."""
    ranked = np.concatenate(
        [model.recommend(part, n=max(KS), exclude_seen=True)[0] for part in _parts(split)]
    )
    found = _named(ranking_report(ranked, split.targets, n_items=len(counts), ks=KS))
    is_tail = counts[split.targets.items] <= TAIL
    if is_tail.any():
        targets = split.targets.select(np.flatnonzero(is_tail))
        tail = _named(ranking_report(ranked[is_tail], targets, n_items=len(counts), ks=KS))
        found |= {f"{name}_tail": value for name, value in tail.items() if "coverage" not in name}
    return found


def _parts(split: Split) -> Iterator[Interactions]:
    for start in range(0, len(split.histories), CASES_AT_ONCE):
        yield split.histories.select(np.arange(start, min(start + CASES_AT_ONCE, len(split.histories))))


def _named(metrics: Metrics) -> Metrics:
    names = {"recall@5", "ndcg@5", "recall@10", "ndcg@10", "coverage@10"}
    return {name: value for name, value in metrics.items() if name in names}


def read_folder(data: Path, *, seed: int) -> tuple[Interactions, list[str]]:
    """Return users' items as positions and a title for each item (no titles: an empty list), relabelled."""
    names = FILES | _description(data)
    path = data / names["sequences"]
    if not path.is_file():
        raise InvalidInputError(reason=f"{path.name} is missing in {data.name}.")
    rows = [line.split()[1:] for line in _lines(path)]
    if not rows or not all(rows):
        raise InvalidInputError(reason=f"{path.name} must hold lines of a user and at least one item.")
    titles = _titles(data, names)
    ids = sorted({item for row in rows for item in row} | set(titles))
    rng = np.random.default_rng(seed)
    position = dict(zip(ids, rng.permutation(len(ids)).tolist(), strict=True))
    sequences = [[position[item] for item in rows[user]] for user in rng.permutation(len(rows))]
    ordered = [""] * len(ids)
    for item, title in titles.items():
        ordered[position[item]] = title
    return Interactions.from_sequences(sequences, n_items=len(ids)), ordered if titles else []


def _description(data: Path) -> dict[str, str]:
    path = data / "benchmark.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _lines(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        yield from (line for line in file if line.strip())


def _titles(data: Path, names: dict[str, str]) -> dict[str, str]:
    path = data / names["items"]
    if not path.is_file():
        return {}
    items = pd.read_csv(path, dtype=str, keep_default_na=False)
    return dict(zip(items[names["item_id"]], items[names["title"]], strict=True))


def _encode(titles: list[str]) -> np.ndarray:
    from ecomai.learning.encoders.routed import RoutedTextEncoder

    encoder = RoutedTextEncoder().fit(titles)
    return encoder.encode(titles)
