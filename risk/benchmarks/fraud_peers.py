"""What others would take: scikit-learn's models and LightGBM, with their defaults and tuned."""

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomai.benchmarking import Report

from .fraud_cards import Cards, Fold, Metrics, judge, mean_of

MAX_ITERATIONS = 40  # of the net; a pass over 67,000 rows takes a second
#: What is tried on the choosing weeks, by average precision.
GRIDS: dict[str, dict[str, tuple[Any, ...]]] = {
    "logistic_regression": {"C": (0.01, 0.1, 1.0, 10.0)},
    "random_forest": {"max_depth": (5, 10, 20), "min_samples_leaf": (1, 5)},
    "lightgbm": {"n_estimators": (100, 300), "num_leaves": (7, 31), "learning_rate": (0.03, 0.1)},
    "feed_forward": {"hidden_layer_sizes": ((100,), (64, 32)), "alpha": (1e-4, 1e-1)},
}


def make_peer(name: str, seed: int, settings: Mapping[str, Any]) -> Any:
    """Return a peer that is not fitted yet."""
    import lightgbm
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    kinds: dict[str, Callable[[], Any]] = {
        "logistic_regression": lambda: LogisticRegression(random_state=seed),
        "random_forest": lambda: RandomForestClassifier(random_state=seed, n_jobs=2),
        "lightgbm": lambda: lightgbm.LGBMClassifier(random_state=seed, n_jobs=2, verbosity=-1),
        "feed_forward": lambda: MLPClassifier(random_state=seed, max_iter=MAX_ITERATIONS),
    }
    return kinds[name]().set_params(**settings)


def score_peer(model: Any, X: NDArray[np.float32], y: NDArray[np.int64], fold: Fold) -> NDArray[np.float64]:
    """Return probabilities of a fold's test, of features scaled by its training rows."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(X[fold.train])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(scaler.transform(X[fold.train]), y[fold.train])
    return np.asarray(model.predict_proba(scaler.transform(X[fold.test]))[:, 1], dtype=np.float64)


def measure_peers(
    cards: Cards, X: NDArray[np.float32], *, seed: int, report: Report, start: float, end: float
) -> tuple[dict[str, Metrics], dict[str, Any]]:
    """Return the metrics of each peer on the reported weeks, by default and tuned, and what was tuned."""
    found: dict[str, Metrics] = {}
    chosen: dict[str, Any] = {}
    for number, (name, grid) in enumerate(GRIDS.items()):
        report(start + (end - start) * number / len(GRIDS), name)
        ways = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
        chosen[name] = max(
            ways, key=lambda way: _mean(cards, cards.choosing, X, name, seed, way)["average_precision"]
        )
        found[name] = _mean(cards, cards.reported, X, name, seed, {})
        found[f"{name}_tuned"] = _mean(cards, cards.reported, X, name, seed, chosen[name])
    return found, chosen


def _mean(
    cards: Cards, folds: list[Fold], X: NDArray[np.float32], name: str, seed: int, way: Mapping[str, Any]
) -> Metrics:
    y = cards.transactions.labels
    return mean_of(
        [
            judge(cards.transactions, fold.test, score_peer(make_peer(name, seed, way), X, y, fold))
            for fold in folds
        ]
    )
