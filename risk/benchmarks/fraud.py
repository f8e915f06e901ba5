"""`fraud`: which transactions are fraud, learned from seven days of labels that came seven days late."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomai.benchmarking import Report
from ecomai.inference.event_windows import EventTable

from .fraud_attacks import CardAttacks, measure_red_team
from .fraud_cards import Cards, Fold, Metrics, judge, mean_of, read_cards
from .fraud_features import DAY, DELAY_DAYS, Floats, Transactions, all_features, as_matrix, published_features
from .fraud_peers import measure_peers
from .fraud_signups import FILE as SIGNUPS
from .fraud_signups import fraud_of_signups

#: Chosen on the choosing weeks. Pretraining on unlabelled history made the network worse on the one that was
#: tried (docs/performance.md), so that it begins with nothing.
NETWORK: dict[str, Any] = {
    "lengths": (16, 32), "dim": 32, "n_layers": 2, "n_heads": 2, "n_edges": 8, "dropout": 0.3,
    "max_epochs": 20, "batch_size": 128, "negative_share": 0.1,
}  # fmt: skip
TREES: dict[str, Any] = {"n_trees": 400, "learning_rate": 0.015, "n_leaves": 8}
N_TREE_MEMBERS = 3
N_NETWORK_MEMBERS = 2
N_ANOMALY = 100_000


def fraud(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Measure on card transactions, or on first purchases of a shop, whichever the folder holds.

    Cards: folds of seven days of labels, seven of delay and seven of test. The peers learn from the published
    features; ours from more of them, none of which sees the future or a label before it was known. Weights
    and calibration of the ensemble are learned on the choosing weeks.
    """
    if (data / SIGNUPS).is_file():
        return fraud_of_signups(data, seed=seed, report=report)
    cards = read_cards(data)
    report(0.02, "features")
    features = all_features(cards.transactions)
    published = as_matrix({name: features[name] for name in published_features(cards.transactions.head(2))})
    peers, tuned = measure_peers(cards, published, seed=seed, report=report, start=0.05, end=0.4)
    models = _Models(cards, features, device=device, seed=seed, report=report)
    chosen = [models.log_odds(fold) for fold in cards.choosing]
    ensemble = _learn_ensemble(cards, chosen, seed)
    reported = [models.log_odds(fold) for fold in cards.reported]
    rows = _judge_rows(cards, cards.reported, reported, ensemble)
    rows["anomaly"] = _anomaly(cards, models.X, seed)
    report(0.97, "red team")
    rows |= models.red_team(cards.reported[0])
    return {
        "metrics": rows["ensemble"],
        "rows": rows,
        "splits": {"choosing": _judge_rows(cards, cards.choosing, chosen, ensemble)["ensemble"]},
        "peers": peers,
        "settings": {
            "network": NETWORK, "trees": TREES, "tuned": tuned, "calibration": ensemble.method_,
            "weights": dict(zip(("trees", "transformer"), ensemble.weights_.tolist(), strict=True)),
            "seed": seed,
        },
    }  # fmt: skip


class _Models:
    """Our trees and our network, learned anew on each fold."""

    def __init__(
        self, cards: Cards, features: dict[str, Floats], *, device: str, seed: int, report: Report
    ) -> None:
        from ecomai.learning.classifiers.event_sequence import EventSequenceClassifier

        self.cards = cards
        self.X = as_matrix(features)
        self.names = list(features)
        self.seed = seed
        self.report = report
        self.done = 0.4
        self.table = event_table(cards.transactions, features)
        self.network = EventSequenceClassifier(**NETWORK, device=device, random_state=seed)

    def log_odds(self, fold: Fold) -> Floats:
        """Return what trees and transformer say of a fold's test, of shape (n_test, 2)."""
        y = self.cards.transactions.labels
        network = self._network(fold, y)
        self.done += 0.56 / (len(self.cards.choosing) + len(self.cards.reported))
        self.report(self.done, "learning")
        return np.column_stack([self._trees(fold, y), network])

    def red_team(self, fold: Fold) -> dict[str, Metrics]:
        """Return what an attacker gets past the trees, before and after they learned from attempts."""
        y = self.cards.transactions.labels
        train, test = ((self.X[rows], y[rows]) for rows in (fold.train, fold.test))
        return measure_red_team(CardAttacks(self.names), train, test, TREES, seed=self.seed)

    def _network(self, fold: Fold, y: NDArray[np.int64]) -> Floats:
        found = []
        for member in range(N_NETWORK_MEMBERS):
            self.network.random_state = self.seed + member
            self.network.fit(self.table, fold.train, y[fold.train])
            found.append(self.network.decision_function(self.table, fold.test))
        return np.mean(found, axis=0)

    def _trees(self, fold: Fold, y: NDArray[np.int64]) -> Floats:
        from ecomai.learning.classifiers.boosted import BoostedClassifier

        found = [
            BoostedClassifier(**TREES, random_state=self.seed + member)
            .fit(self.X[fold.train], y[fold.train], feature_names=self.names)
            .decision_function(self.X[fold.test])
            for member in range(N_TREE_MEMBERS)
        ]
        return np.mean(found, axis=0)


def event_table(transactions: Transactions, own: Mapping[str, Floats]) -> EventTable:
    """Return transactions as events of two streams, the customer's and the terminal's."""
    amounts = np.log1p(transactions.amounts)
    ratio, gaps = np.log(own["own_ratio"] + 0.01), np.log1p(own["own_gap_hours"])
    return EventTable.of(
        transactions.seconds,
        np.column_stack([transactions.customers, transactions.terminals]),
        np.column_stack([amounts, ratio, gaps, transactions.hours]),
        outcomes=transactions.labels,
        known_at=transactions.seconds + float(DELAY_DAYS * DAY),
    )


def _learn_ensemble(cards: Cards, log_odds: list[Floats], seed: int) -> Any:
    from ecomai.learning.classifiers.ensemble import CalibratedEnsemble

    rows = np.concatenate([fold.test for fold in cards.choosing])
    labels = cards.transactions.labels[rows]
    return CalibratedEnsemble(random_state=seed).fit(np.concatenate(log_odds), labels)


def _judge_rows(cards: Cards, folds: list[Fold], log_odds: list[Floats], ensemble: Any) -> dict[str, Metrics]:
    """Return each model's metrics, a mean over folds; a model alone says its own probability."""
    from ecomai.learning.classifiers.base import sigmoid
    from ecomai.learning.classifiers.prior import PriorClassifier

    labels = cards.transactions.labels
    found: dict[str, list[Metrics]] = {}
    for fold, odds in zip(folds, log_odds, strict=True):
        ones = np.ones((len(fold.train), 1))
        prior = PriorClassifier().fit(ones, labels[fold.train]).predict_proba(np.ones((len(fold.test), 1)))
        scores = {
            "prior": prior[:, 1],
            "trees": sigmoid(odds[:, 0]),
            "transformer": sigmoid(odds[:, 1]),
            "ensemble": ensemble.predict_proba(odds)[:, 1],
        }
        for name, score in scores.items():
            found.setdefault(name, []).append(judge(cards.transactions, fold.test, score))
    return {name: mean_of(metrics) for name, metrics in found.items()}


def _anomaly(cards: Cards, X: NDArray[np.float32], seed: int) -> Metrics:
    """Return what finds fraud before there is any label: learned from the history before the folds."""
    from ecomai.learning.classifiers.anomaly import AnomalyDetector

    sample = np.random.default_rng(seed).permutation(cards.history)[:N_ANOMALY]
    model = AnomalyDetector(random_state=seed).fit(X[sample])
    found = [
        judge(cards.transactions, fold.test, model.predict_proba(X[fold.test])[:, 1])
        for fold in cards.reported
    ]
    return mean_of(found)
