"""The model of a kind: boosted trees on features, calibrated on a later period, judged on one after that."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.exceptions import NotEnoughDataError
from ecomai.registry.runs import Candidate, Run
from ecomai.serving.predictors import load_predictor
from ecomai.serving.predictors.tabular_classifier import TabularClassifierPredictor

from ..app_settings import app_settings
from ..datasets import RiskDataset, forbidden_columns, read_dataset
from ..features import FEATURE_NAMES, FEATURES_VERSION
from ..reasons import REASONS
from ..scorecard import Scorecard
from .scorecards import fit_scorecard, score_rows

if TYPE_CHECKING:
    from ecomai.learning.classifiers.boosted import BoostedClassifier
    from ecomai.learning.classifiers.ensemble import CalibratedEnsemble

#: Fewer cases, or frauds among them, say nothing about a group or a period.
LEAST_GROUP, LEAST_FRAUD = 50, 2
LARGE = 0.9


@dataclass(frozen=True)
class Periods:
    """Rows to learn from, to calibrate on, and to judge by; each later than the one before."""

    train: slice
    valid: slice
    test: slice


def train_risk(run: Run) -> Candidate:
    """Train the model of a kind from outcomes that were known at the cutoff. Forbidden features are blank."""
    from ecomai.learning.classifiers.boosted import BoostedClassifier
    from ecomai.learning.classifiers.ensemble import CalibratedEnsemble

    kind = run.model_name.partition(".")[2]
    run.report(0.02, _("Reading assessments"))
    dataset = read_dataset(kind, as_of=run.cutoff or timezone.now())
    check_enough(dataset)
    periods = split_periods(dataset, run.hyperparameters)
    forbidden = forbidden_columns(kind)
    X, y = without(dataset.X, forbidden), dataset.y
    run.report(0.2, _("Growing trees"))
    trees = BoostedClassifier(
        n_trees=run.hyperparameters["n_trees"], n_leaves=run.hyperparameters["n_leaves"],
        negative_share=1.0 if y.mean() > 0.02 else 0.2, random_state=run.random_state,
    ).fit(X[periods.train], y[periods.train], feature_names=FEATURE_NAMES)  # fmt: skip
    run.report(0.6, _("Calibrating"))
    margins = trees.decision_function(X[periods.valid])[:, None]
    ensemble = CalibratedEnsemble(random_state=run.random_state).fit(margins, y[periods.valid])
    card = fit_scorecard(X[periods.train], y[periods.train], forbidden=forbidden)
    folder = write_artifact(run.folder / "artifact", trees, ensemble, typical_row(X, y, periods.train), card)
    run.report(0.8, _("Judging"))
    return _judged(run, dataset, X, periods, folder, card, forbidden)


def check_enough(dataset: RiskDataset) -> None:
    for have, need, unit in (
        (len(dataset), app_settings.MIN_ASSESSMENTS, _("assessments with a known outcome")),
        (int(dataset.y.sum()), app_settings.MIN_FRAUD, _("known frauds")),
    ):
        if have < need:
            raise NotEnoughDataError(have=have, need=need, unit=unit)


def split_periods(dataset: RiskDataset, hyperparameters: Mapping[str, Any]) -> Periods:
    """Cut by time. Raises NotEnoughDataError where a period has no fraud to learn from or to judge by."""
    n_samples = len(dataset)
    test = round(n_samples * (1 - hyperparameters["test_share"]))
    valid = round(n_samples * (1 - hyperparameters["test_share"] - hyperparameters["valid_share"]))
    periods = Periods(slice(0, valid), slice(valid, test), slice(test, n_samples))
    for period in (periods.train, periods.valid, periods.test):
        n_fraud = int(dataset.y[period].sum())
        if n_fraud < LEAST_FRAUD:
            unit = _("known frauds in each part of the time")
            raise NotEnoughDataError(have=n_fraud, need=LEAST_FRAUD, unit=unit)
    return periods


def split_of(dataset: RiskDataset, periods: Periods) -> dict[str, Any]:
    """Return what a model card says of the parts of the time."""
    y = dataset.y[periods.test]
    return {
        "n_train": periods.train.stop, "n_valid": periods.valid.stop - periods.valid.start,
        "n_test": len(y), "n_test_fraud": int(y.sum()),
        "test_from": iso(dataset.received[periods.test.start]),
    }  # fmt: skip


def without(X: NDArray[np.float32], forbidden: Sequence[str]) -> NDArray[np.float32]:
    """Return rows in which forbidden columns are not known, so that nothing can be learned from them."""
    columns = [FEATURE_NAMES.index(name) for name in forbidden]
    blank = X.copy()
    blank[:, columns] = np.nan
    return blank


def typical_row(X: NDArray[np.float32], y: NDArray[np.int64], period: slice) -> NDArray[np.float32]:
    """Return the medians of honest rows; NaN where most do not know a feature."""
    honest = X[period][y[period] == 0]
    is_rare = np.isnan(honest).mean(axis=0) > 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # columns of NaN alone
        medians = np.nanmedian(honest, axis=0)
    return np.where(is_rare, np.nan, medians).astype(np.float32)


def write_artifact(
    folder: Path,
    trees: "BoostedClassifier",
    ensemble: "CalibratedEnsemble",
    typical: NDArray[np.float32],
    card: Scorecard,
) -> Path:
    """Write what a web process serves; see `TabularClassifierPredictor`."""
    from ecomai.learning.export import export_tabular_classifier

    return export_tabular_classifier(
        trees,
        ensemble.calibration,
        folder,
        typical=typical,
        groups={code: kind.features for code, kind in REASONS.items()},
        simple=card.as_json(),
        features_version=FEATURES_VERSION,
    )


def _judged(
    run: Run, dataset: RiskDataset, X: NDArray[np.float32], periods: Periods, folder: Path, card: Scorecard,
    forbidden: Sequence[str],
) -> Candidate:  # fmt: skip
    """Judge the files as they will serve, beside the simple model and the version that serves now."""
    predictor = TabularClassifierPredictor.load(folder)
    rows, y = X[periods.test], dataset.y[periods.test]
    found = predictor.predict_proba(rows)
    return Candidate(
        folder=folder,
        kind=predictor.kind,
        metrics=report(y, found),
        baseline_metrics=report(y, score_rows(card, rows)),
        live_metrics=_live_metrics(run.live_artifact(), dataset.X[periods.test], y),
        group_metrics=group_metrics(dataset, periods.test, found),
        window_start=dataset.received[0],
        window_end=dataset.received[-1],
        data_fingerprint=dataset.fingerprint,
        hyperparameters=run.hyperparameters,
        card={
            "intended_use": _("Deciding about orders and the like together with people and rules."),
            "features": predictor.used_columns,
            "forbidden_features": list(forbidden),
            "label_delay_days": app_settings.LABEL_DELAY_DAYS,
            "ms_per_answer": median_milliseconds(predictor.assess, list(rows)),
            "split": split_of(dataset, periods),
        },
    )  # fmt: skip


def report(y: NDArray[np.int64], probabilities: NDArray[np.float64]) -> dict[str, float]:
    from ecomai.learning.metrics.classification import classification_report

    return classification_report(y, probabilities)


def group_metrics(
    dataset: RiskDataset, period: slice, found: NDArray[np.float64]
) -> dict[str, dict[str, float]]:
    """Return metrics of the groups that have enough cases and frauds."""
    y = dataset.y[period]
    orders, amounts = dataset.column("own_orders")[period], dataset.column("amount")[period]
    is_known = np.nan_to_num(orders) >= 1
    known_amounts = amounts[np.isfinite(amounts)]
    bound = np.quantile(known_amounts, LARGE) if len(known_amounts) else np.inf
    groups = {
        "new_customers": ~is_known,
        "known_customers": is_known,
        "large_amounts": np.nan_to_num(amounts, nan=-np.inf) >= bound,
    }
    return {
        name: report(y[rows], found[rows])
        for name, rows in groups.items()
        if rows.sum() >= LEAST_GROUP and LEAST_FRAUD <= y[rows].sum() < rows.sum()
    }


def _live_metrics(folder: Path | None, rows: NDArray[np.float32], y: NDArray[np.int64]) -> dict[str, float]:
    """Judge the version that serves; nothing is said of one that reads something else."""
    if folder is None:
        return {}
    predictor: Any = load_predictor(folder)
    if predictor.kind != TabularClassifierPredictor.kind or predictor.columns != list(FEATURE_NAMES):
        return {}
    return report(y, predictor.predict_proba(rows))


def median_milliseconds(assess: Callable[[Any], Any], rows: Sequence[Any]) -> float:
    """How long an answer with its reasons takes, by the median of a few."""
    taken = []
    for row in rows[:50]:
        started = time.perf_counter()
        assess(row)
        taken.append(time.perf_counter() - started)
    return round(1000 * float(np.median(taken)), 3)


def iso(moment: datetime) -> str:
    return moment.isoformat()
