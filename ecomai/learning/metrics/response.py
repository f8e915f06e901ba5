"""How well clicks and conversions were foretold."""

import numpy as np
from numpy.typing import ArrayLike

from ecomai.learning.exceptions import InvalidDataError

from .classification import average_precision, check_scored, roc_auc

LEAST_CHANCE = 1e-6
BINS = 10


def log_loss(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the mean logarithmic loss of probabilities.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        0 or 1; a class may be missing.
    y_score : array-like of shape (n_samples,)
        Probabilities of 1; nearer to 0 or 1 than a millionth counts as that.

    Returns
    -------
    float in [0, inf)

    Raises
    ------
    InvalidDataError
        If sizes differ, there is no sample, a label is neither 0 nor 1, or a score is not finite.

    Examples
    --------
    >>> round(log_loss([0, 1], [0.5, 0.5]), 4)
    0.6931
    """
    labels, scores = check_scored(y_true, y_score, needs_both=False)
    chance = np.clip(scores, LEAST_CHANCE, 1 - LEAST_CHANCE)
    return float(-np.where(labels == 1, np.log(chance), np.log1p(-chance)).mean())


def calibration_error_by_rank(y_true: ArrayLike, y_score: ArrayLike, *, n_bins: int = BINS) -> float:
    """Return how far probabilities are from shares, on average over bins of as many samples each.

    Clicks are so rare that bins of equal width would put all of them into one.

    Parameters
    ----------
    y_true, y_score : array-like of shape (n_samples,)
        As in `log_loss`.
    n_bins : int, default 10

    Returns
    -------
    float in [0, 1]

    Raises
    ------
    InvalidDataError
        As in `log_loss`, and if there is less than one bin.

    References
    ----------
    Nguyen and O'Connor, "Posterior calibration and exploratory analysis for NLP models", 2015, for bins of
    equal size.

    Examples
    --------
    >>> calibration_error_by_rank([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5], n_bins=2)
    0.0
    """
    labels, scores = check_scored(y_true, y_score, needs_both=False)
    if n_bins < 1:
        raise InvalidDataError("There must be a bin.")
    order = np.argsort(scores, kind="stable")
    parts = np.array_split(order, min(n_bins, len(order)))
    gaps = [abs(float((labels[part] - scores[part]).sum())) for part in parts]
    return sum(gaps) / len(labels)


def response_report(
    clicked: ArrayLike, converted: ArrayLike, *, click: ArrayLike, conversion: ArrayLike
) -> dict[str, float]:
    """Return the metrics by the names that benchmarks and versions use.

    Parameters
    ----------
    clicked, converted : int array-like of shape (n_exposures,)
        What came; `converted` is -1 where it is not known yet.
    click, conversion : array-like of shape (n_exposures,)
        Probabilities of a click, and of a conversion after it.

    Returns
    -------
    dict of str to float
        Those of conversions are of exposures that were clicked; a metric that cannot be told is left out.

    Raises
    ------
    InvalidDataError
        As `log_loss`.

    Examples
    --------
    >>> report = response_report([1, 0], [1, 0], click=[0.9, 0.1], conversion=[0.5, 0.5])
    >>> sorted(report)[:2], report["click_roc_auc"]
    (['click_average_precision', 'click_calibration_error'], 1.0)
    """
    clicks, conversions = np.asarray(clicked), np.asarray(converted)
    judged = (clicks == 1) & (conversions >= 0)
    chances = {"click": np.asarray(click), "conversion": np.asarray(conversion)[judged]}
    found: dict[str, float] = {}
    for name, labels in (("click", clicks), ("conversion", conversions[judged])):
        if not len(labels):
            continue
        found[f"{name}_log_loss"] = log_loss(labels, chances[name])
        found[f"{name}_calibration_error"] = calibration_error_by_rank(labels, chances[name])
        if 0 < labels.sum() < len(labels):
            found[f"{name}_roc_auc"] = roc_auc(labels, chances[name])
            found[f"{name}_average_precision"] = average_precision(labels, chances[name])
    return found
