"""First purchases of new customers: fraud by time and at random, from what was known at each purchase."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomai.benchmarking import Report
from ecomai.exceptions import InvalidInputError

from .fraud_attacks import SignupAttacks, measure_red_team
from .fraud_cards import Metrics

FILE = "fraud_data_sample_51689.csv.gz"
RANGES = "ip_ranges_sample.csv.gz"
COLUMNS = (
    "user_id", "signup_time", "purchase_time", "purchase_value", "device_id", "source", "browser", "sex",
    "age", "ip_address", "class",
)  # fmt: skip
NAMES = ("source", "browser", "sex")
LEAST_IN_COUNTRY = 300
TEST_SHARE = VALID_SHARE = 0.2
#: Tried on the newest fifth of what is learned from, or on a random one, by the split.
GRID: dict[str, tuple[Any, ...]] = {"n_leaves": (2, 4, 8), "half_life_days": (None, 30.0, 120.0)}
TREES: dict[str, Any] = {
    "n_trees": 200,
    "learning_rate": 0.03,
    "min_leaf": 50,
    "l2": 10.0,
    "feature_share": 0.5,
}
N_MEMBERS = 3
N_THREADS = 2


def fraud_of_signups(data: Path, *, seed: int, report: Report) -> dict[str, Any]:
    """Measure both splits of first purchases: the newest fifth, and a fifth at random.

    `metrics` is the split by time, as a shop would use it. Sizes of the trees, how fast old purchases are
    forgotten and the calibration are learned on a part of what is learned from.
    """
    rows = read_signups(data)
    report(0.1, "features")
    features = make_features(rows, _read_ranges(data))
    y = rows["class"].to_numpy(np.int64)
    days = _days(rows["purchase_time"])
    n_train = round(len(rows) * (1 - TEST_SHARE))
    orders = {
        "by_time": np.arange(len(rows)),
        "at_random": np.random.default_rng(seed).permutation(len(rows)),
    }
    found, settings = {}, {}
    for number, (name, order) in enumerate(orders.items()):
        report(0.2 + 0.3 * number, name)
        split = order[:n_train], order[n_train:]
        found[name], settings[name] = _measure(features, y, days, split, seed)
    report(0.8, "red team")
    # By time little fraud is found at all, so the attacker is held against what is found at random.
    attacked = _attacked(features, y, orders["at_random"], settings["at_random"]["n_leaves"], seed)
    return {
        "metrics": found["by_time"]["ensemble"],
        "rows": {name: found["by_time"][name] for name in ("ensemble", "trees", "prior")} | attacked,
        "splits": {name: rows["ensemble"] for name, rows in found.items()},
        "peers": {
            f"{peer}_{split}": rows[peer]
            for split, rows in found.items()
            for peer in ("lightgbm", "lightgbm_on_columns", "logistic_regression")
        },
        "settings": {**settings, "trees": TREES, "seed": seed},
    }


def read_signups(data: Path) -> pd.DataFrame:
    """Return the purchases in the order of time."""
    rows = pd.read_csv(data / FILE, parse_dates=["signup_time", "purchase_time"])
    if missing := set(COLUMNS) - set(rows.columns):
        raise InvalidInputError(reason=f"{FILE} lacks {', '.join(sorted(missing))}.")
    return rows.sort_values("purchase_time", kind="stable").reset_index(drop=True)


def _read_ranges(data: Path) -> pd.DataFrame | None:
    path = data / RANGES
    return pd.read_csv(path).sort_values("lower_bound_ip_address") if path.is_file() else None


def _days(times: pd.Series) -> NDArray[np.float64]:
    return ((times - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)).to_numpy(np.float64)


def make_features(rows: pd.DataFrame, ranges: pd.DataFrame | None) -> pd.DataFrame:
    """Return what was known at each purchase: its columns, and earlier rows of its device and address."""
    signed_up, bought = _days(rows["signup_time"]), _days(rows["purchase_time"])
    found = pd.DataFrame(
        {
            "purchase_value": rows["purchase_value"],
            "age": rows["age"],
            "minutes_since_signup": (bought - signed_up) * 24 * 60,
            "purchase_hour": rows["purchase_time"].dt.hour,
            "purchase_weekday": rows["purchase_time"].dt.day_of_week,
            "signup_hour": rows["signup_time"].dt.hour,
            "signup_weekday": rows["signup_time"].dt.day_of_week,
        }
    )
    for name in NAMES:
        found = found.join(pd.get_dummies(rows[name], prefix=name, dtype=float))
    for name in ("device_id", "ip_address"):
        has_name = rows[name].notna().to_numpy()
        owner = pd.factorize(rows[name])[0]
        purchases = rows.groupby(name).cumcount().reindex(rows.index)
        found[f"{name}_purchases"] = np.where(has_name, purchases, np.nan)
        found[f"{name}_signups"] = np.where(has_name, _others_before(owner, signed_up, bought), np.nan)
    country = _countries(rows["ip_address"].to_numpy(np.float64), ranges)
    common = country.value_counts()
    for name in sorted(common[common >= LEAST_IN_COUNTRY].index):
        found[f"country_{name}"] = (country == name).astype(float)
    return found


def _others_before(
    owner: NDArray[np.integer], signed_up: NDArray[np.float64], bought: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return how many others of the same owner had signed up by the time of each purchase."""
    width = 1 + float(bought.max())
    keys = np.sort(owner * width + signed_up)
    first = np.searchsorted(keys, owner * width, side="left")
    n_before = np.searchsorted(keys, owner * width + bought, side="left") - first
    return n_before - (signed_up < bought)


def _countries(addresses: NDArray[np.float64], ranges: pd.DataFrame | None) -> pd.Series:
    if ranges is None:
        return pd.Series("", index=range(len(addresses)))
    lower, upper = (ranges[f"{end}_bound_ip_address"].to_numpy(np.float64) for end in ("lower", "upper"))
    place = np.searchsorted(lower, np.nan_to_num(addresses, nan=-1.0), side="right") - 1
    is_inside = (place >= 0) & (addresses <= upper[np.maximum(place, 0)])
    return pd.Series(np.where(is_inside, ranges["country"].to_numpy()[np.maximum(place, 0)], ""))


Split = tuple[NDArray[np.int64], NDArray[np.int64]]


def _measure(
    features: pd.DataFrame, y: NDArray[np.int64], days: NDArray[np.float64], split: Split, seed: int
) -> tuple[dict[str, Metrics], dict[str, Any]]:
    """Return metrics of our rows and the peers on a split, and what was chosen."""
    from ecomai.learning.classifiers.base import sigmoid
    from ecomai.learning.classifiers.ensemble import CalibratedEnsemble
    from ecomai.learning.classifiers.prior import PriorClassifier
    from ecomai.learning.metrics.classification import classification_report, roc_auc

    X = features.to_numpy(np.float32)
    train, test = split
    n_fit = round(len(train) * (1 - VALID_SHARE))
    inner = train[:n_fit], train[n_fit:]
    ways = [dict(zip(GRID, values, strict=True)) for values in product(*GRID.values())]
    tried = [_log_odds(X, y, days, inner, way, seed) for way in ways]
    best = max(range(len(ways)), key=lambda number: roc_auc(y[inner[1]], tried[number]))
    calibration = CalibratedEnsemble(random_state=seed).fit(tried[best][:, None], y[inner[1]])
    odds = _log_odds(X, y, days, split, ways[best], seed)
    prior = PriorClassifier().fit(X[train], y[train]).predict_proba(X[test])[:, 1]
    scores = {
        "ensemble": calibration.predict_proba(odds[:, None])[:, 1],
        "trees": sigmoid(odds),
        "prior": prior,
        **_peers(features, y, split, seed),
    }
    metrics = {name: classification_report(y[test], score) for name, score in scores.items()}
    return metrics, {**ways[best], "calibration": calibration.method_}


def _attacked(
    features: pd.DataFrame, y: NDArray[np.int64], order: NDArray[np.int64], n_leaves: int, seed: int
) -> dict[str, Metrics]:
    X, n_train = features.to_numpy(np.float32), round(len(y) * (1 - TEST_SHARE))
    train, test = order[:n_train], order[n_train:]
    trees = {**TREES, "n_leaves": n_leaves, "negative_share": 1.0, "n_threads": N_THREADS}
    attacks = SignupAttacks(list(features))
    return measure_red_team(attacks, (X[train], y[train]), (X[test], y[test]), trees, seed=seed)


def _log_odds(
    X: NDArray[np.float32],
    y: NDArray[np.int64],
    days: NDArray[np.float64],
    split: Split,
    way: dict[str, Any],
    seed: int,
) -> NDArray[np.float64]:
    """Return the mean of a few members that differ in rows and features seen."""
    from ecomai.learning.classifiers.boosted import BoostedClassifier

    train, test = split
    half_life = way["half_life_days"]
    age = days[train].max() - days[train]
    weights = np.ones(len(train)) if half_life is None else 0.5 ** (age / half_life)
    members = [
        BoostedClassifier(
            **TREES,
            n_leaves=way["n_leaves"],
            negative_share=1.0,
            n_threads=N_THREADS,
            random_state=seed + member,
        )
        for member in range(N_MEMBERS)
    ]
    fitted = (member.fit(X[train], y[train], sample_weight=weights) for member in members)
    return np.mean([member.decision_function(X[test]) for member in fitted], axis=0)


def _peers(
    features: pd.DataFrame, y: NDArray[np.int64], split: Split, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Return probabilities of peers with their defaults; LightGBM also without what earlier rows say."""
    import lightgbm
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, test = split
    X = features.to_numpy(np.float32)
    is_column = ~features.columns.str.contains("_purchases|_signups|country_")
    found = {}
    for name, known in (("lightgbm", X), ("lightgbm_on_columns", X[:, is_column])):
        model = lightgbm.LGBMClassifier(random_state=seed, n_jobs=N_THREADS, verbosity=-1)
        model.fit(known[train], y[train])
        found[name] = np.asarray(model.predict_proba(known[test]))[:, 1]
    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    known = np.nan_to_num(X, nan=0.0)
    found["logistic_regression"] = line.fit(known[train], y[train]).predict_proba(known[test])[:, 1]
    return found
