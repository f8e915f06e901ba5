"""`sequential`: which item comes next, with each user's last item left out."""

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ecomai.benchmarking import Report
from ecomai.exceptions import InvalidInputError
from ecomai.learning.callbacks import Callback
from ecomai.learning.interactions import Interactions
from ecomai.learning.metrics.ranking import ranking_report
from ecomai.learning.splits import Split, leave_last_out

Metrics = dict[str, float]

KS = (5, 10)
NEIGHBOURS = "item_item"
TAIL = 5  # training interactions
MIN_LENGTH = 3  # train, validation and test item
FILES = {"sequences": "sequences.txt.gz", "items": "items.csv.gz", "title": "title", "item_id": "item_id"}
SETTINGS: dict[str, Any] = {"dim": 64, "n_layers": 1, "n_heads": 1, "batch_size": 256}
# Texts teach in fewer epochs. Three networks are judged in all; searching the epochs needs one of each.
MAX_EPOCHS = {"with_text": 12, "without_text": 16}
N_MEMBERS = {"with_text": 2, "without_text": 1}
N_MEMBERS_ALONE = 3
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # what the variant with texts may say among the transformers

Weights = Mapping[str, float]


def sequential(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Leave one out, full ranking: the last item of each user is the test, the one before it validation.

    `data` holds sequences ("user item item ...", oldest first) and, if there are any, titles; file and
    column names may be given in `benchmark.json`. Ids are relabelled and users shuffled with the seed
    first. Epochs, and what each variant and item-item say in the ensemble, are chosen on the validation
    items; the judged models learned from all but the test items.
    """
    X, titles = read_folder(data, seed=seed)
    test = leave_last_out(X, min_history=MIN_LENGTH - 1)
    if not len(test.targets):
        raise InvalidInputError(reason=f"no user in {data.name} has {MIN_LENGTH} items.")
    valid = leave_last_out(test.train, min_history=MIN_LENGTH - 2)
    counts = np.bincount(valid.train.items, minlength=X.n_items)
    report(0.02, "texts")
    vectors = encode_titles(titles) if titles else None
    variants = {"with_text": vectors, "without_text": None} if titles else {"without_text": None}
    n_members = N_MEMBERS if titles else {"without_text": N_MEMBERS_ALONE}
    n_epochs = sum(MAX_EPOCHS[name] * (1 + n_members[name]) for name in variants)
    fit = _Fitting(report, n_epochs=n_epochs, device=device, random_state=seed)
    searched = {
        name: fit(f"search {name}", valid.train, texts, valid, max_epochs=MAX_EPOCHS[name])
        for name, texts in variants.items()
    }
    epochs = {name: model.best_epoch_ for name, model in searched.items()}
    searched[NEIGHBOURS] = _item_item(valid, vectors)
    weights = _choose_weights(searched, valid, seed=seed)
    validated = judge(searched, weights, valid, counts)
    models = {
        name: fit(name, test.train, texts, n_members=n_members[name], max_epochs=epochs[name])
        for name, texts in variants.items()
    }
    rows = {name: judge({name: model}, {name: 1.0}, test, counts) for name, model in models.items()}
    rows["transformers"] = judge(models, weights, test, counts)
    models[NEIGHBOURS] = _item_item(test, vectors)
    rows["ensemble"] = judge(models, weights, test, counts)
    return {
        "metrics": rows["ensemble"],
        "rows": rows,
        "splits": {"validation": validated},
        "peers": {
            "popularity": _popularity(test, counts),
            NEIGHBOURS: judge({NEIGHBOURS: models[NEIGHBOURS]}, {NEIGHBOURS: 1.0}, test, counts),
        },
        "settings": {
            **SETTINGS,
            "n_members": n_members,
            "max_epochs": epochs,
            "weights": weights,
            "judged_users": len(test.targets),
        },
    }


class _Progress(Callback):
    """A training's progress as a part of the whole run's."""

    def __init__(self, report: Report, *, start: float, end: float, message: str) -> None:
        self.report = report
        self.start = start
        self.end = end
        self.message = message

    def on_progress(self, progress: float) -> None:
        self.report(self.start + progress * (self.end - self.start), self.message)


class _Fitting:
    """Fits sequence models one after the other, and tells how far all of them are."""

    def __init__(self, report: Report, *, n_epochs: int, device: str, random_state: int) -> None:
        self.report = report
        self.share = 0.85 / n_epochs
        self.done = 0.1
        self.settings = {**SETTINGS, "device": device, "random_state": random_state}

    def __call__(
        self, name: str, X: Interactions, vectors: Any, valid: Split | None = None, **settings: Any
    ) -> Any:
        from ecomai.learning.recommenders.sequence import SequenceRecommender

        model = SequenceRecommender(**{**self.settings, **settings})
        end = self.done + self.share * model.n_members * model.max_epochs
        progress = _Progress(self.report, start=self.done, end=end, message=name)
        model.fit(X, vectors, valid=valid, callbacks=[progress])
        self.done = end
        return model


def _choose_weights(models: dict[str, Any], valid: Split, *, seed: int) -> Weights:
    """Return what each model says in the ensemble that ranks a part of the validation users best.

    Scores of transformers are logarithms of probabilities up to a constant of the user, those of item-item
    are sums of likenesses: so one weight stands between them, and one among the transformers.
    """
    from ecomai.learning.recommenders.blending import NEIGHBOUR_WEIGHTS, choose_weights

    tried = [
        {"with_text": share, "without_text": 1 - share, NEIGHBOURS: weight}
        for share in (SHARES if "with_text" in models else (0.0,))
        for weight in NEIGHBOUR_WEIGHTS
    ]
    return choose_weights(models, tried, valid, random_state=seed)[0]


def _item_item(split: Split, vectors: np.ndarray | None) -> Any:
    from ecomai.learning.recommenders.item_item import ItemItemRecommender

    return ItemItemRecommender().fit(split.train, vectors)


def _popularity(split: Split, counts: np.ndarray) -> Metrics:
    from ecomai.learning.recommenders.popularity import PopularityRecommender

    return judge({"": PopularityRecommender().fit(split.train)}, {"": 1.0}, split, counts)


def judge(models: dict[str, Any], weights: Weights, split: Split, counts: np.ndarray) -> Metrics:
    """Return how the weighted sum of the models' scores ranks all items, and rarely taken ones.

    Items of the history are left out of the ranking; `_tail` is of targets with few interactions.
    """
    from ecomai.learning.recommenders.blending import blended_ranking

    # A network of several members adds their scores up.
    ways = [{name: weights[name] / getattr(model, "n_members", 1) for name, model in models.items()}]
    (ranked,) = blended_ranking(models, ways, split.histories, n=max(KS))
    found = _named(ranking_report(ranked, split.targets, n_items=len(counts), ks=KS))
    is_tail = counts[split.targets.items] <= TAIL
    if is_tail.any():
        targets = split.targets.select(np.flatnonzero(is_tail))
        tail = _named(ranking_report(ranked[is_tail], targets, n_items=len(counts), ks=KS))
        found |= {f"{name}_tail": value for name, value in tail.items() if "coverage" not in name}
    return found


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


def encode_titles(titles: list[str]) -> np.ndarray:
    from ecomai.learning.encoders.routed import RoutedTextEncoder

    encoder = RoutedTextEncoder().fit(titles)
    return encoder.encode(titles)
