"""How good scores of a rare class are: as an order, as a worklist, and as probabilities."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.exceptions import InvalidDataError

BINS = 10


def average_precision(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return the mean precision over all thresholds that find one more positive.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        1 is what is looked for, 0 the rest; both must occur.
    y_score : array-like of shape (n_samples,)
        Greater is more likely a 1.

    Returns
    -------
    float in [0, 1]
        A random order has the share of positives.

    Raises
    ------
    InvalidDataError
        If sizes differ, a label is neither 0 nor 1, a score is not a number, or a class is missing.

    References
    ----------
    scikit-learn, `average_precision_score`.

    Examples
    --------
    >>> average_precision([0, 1, 0, 1], [0.1, 0.9, 0.8, 0.7])
    0.8333333333333333
    """
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(*check_scored(y_true, y_score)))


def roc_auc(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Return how often a positive is scored above a negative.

    Parameters and errors are those of `average_precision`.

    Returns
    -------
    float in [0, 1]
        A random order has 0.5.

    References
    ----------
    scikit-learn, `roc_auc_score`.

    Examples
    --------
    >>> roc_auc([0, 1, 0, 1], [0.1, 0.9, 0.8, 0.7])
    0.75
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*check_scored(y_true, y_score)))


def expected_calibration_error(y_true: ArrayLike, y_score: ArrayLike, *, n_bins: int = BINS) -> float:
    """Return how far probabilities are from shares, on average over bins of equal width.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        0 or 1; a class may be missing.
    y_score : array-like of shape (n_samples,)
        Probabilities of 1.
    n_bins : int, default 10

    Returns
    -------
    float in [0, 1]
        The mean of |share of ones - mean probability| over bins, weighted by their samples.

    Raises
    ------
    InvalidDataError
        If sizes differ, there is no sample, a label is neither 0 nor 1, or a score is no probability.

    References
    ----------
    Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", 2015.

    Examples
    --------
    >>> expected_calibration_error([0, 1, 1, 1], [0.75, 0.75, 0.75, 0.75])
    0.0
    """
    labels, scores = check_scored(y_true, y_score, needs_both=False)
    if scores.min() < 0 or scores.max() > 1:
        raise InvalidDataError("Calibration is asked of probabilities: between 0 and 1.")
    bins = np.minimum((scores * n_bins).astype(np.int64), n_bins - 1)
    gaps = np.bincount(bins, weights=labels - scores, minlength=n_bins)
    return float(np.abs(gaps).sum() / len(labels))


def card_precision_at_k(
    y_true: ArrayLike, y_score: ArrayLike, *, cards: ArrayLike, days: ArrayLike, k: int = 100
) -> float:
    """Return the share of fraud among the `k` cards that would be looked at each day.

    A card's score is its greatest of the day. A card that was found is blocked: it is looked at on no
    later day.

    Parameters
    ----------
    y_true, y_score : array-like of shape (n_samples,)
        As in `average_precision`, of transactions; a class may be missing.
    cards, days : int array-like of shape (n_samples,)
        Whose a transaction is, and when it was.
    k : int, default 100
        How many cards a day can be looked at.

    Returns
    -------
    float in [0, 1]
        The mean over days of cards with fraud among those looked at, divided by `k`; a perfect order stays
        below 1 where fewer than `k` cards have fraud.

    Raises
    ------
    InvalidDataError
        As in `average_precision`, and if `k` is less than 1.

    References
    ----------
    Le Borgne et al., "Reproducible machine learning for credit card fraud detection", 2022, for the metric.

    Examples
    --------
    >>> card_precision_at_k([1, 0, 1, 0], [0.9, 0.8, 0.9, 0.1], cards=[1, 2, 1, 3], days=[0, 0, 1, 1], k=1)
    0.5
    """
    labels, scores = check_scored(y_true, y_score, needs_both=False)
    owners, when = np.asarray(cards), np.asarray(days)
    if not len(labels) == len(owners) == len(when) or k < 1:
        raise InvalidDataError("Each transaction needs a card and a day, and k must be at least 1.")
    found: NDArray[Any] = owners[:0]
    precisions = []
    for day in np.unique(when):
        rows = np.flatnonzero((when == day) & ~np.isin(owners, found))
        best = _best_cards(owners[rows], scores[rows], k)
        hits = np.intersect1d(best, owners[rows][labels[rows] == 1])
        found = np.union1d(found, hits)
        precisions.append(len(hits) / k)
    return float(np.mean(precisions))


def classification_report(
    y_true: ArrayLike, y_score: ArrayLike, *, cards: ArrayLike | None = None, days: ArrayLike | None = None
) -> dict[str, float]:
    """Return all metrics of this module by the names that benchmarks and versions use.

    Parameters
    ----------
    y_true, y_score : array-like of shape (n_samples,)
        `y_score` as probabilities.
    cards, days : int array-like of shape (n_samples,), optional
        With them, `card_precision@100` is among the metrics.

    Returns
    -------
    dict of str to float

    Raises
    ------
    InvalidDataError
        As the metrics themselves.

    Examples
    --------
    >>> sorted(classification_report([0, 1], [0.0, 1.0]))
    ['average_precision', 'expected_calibration_error', 'roc_auc']
    """
    report = {
        "average_precision": average_precision(y_true, y_score),
        "roc_auc": roc_auc(y_true, y_score),
    }
    if cards is not None and days is not None:
        report["card_precision@100"] = card_precision_at_k(y_true, y_score, cards=cards, days=days)
    return report | {"expected_calibration_error": expected_calibration_error(y_true, y_score)}


def check_scored(
    y_true: ArrayLike, y_score: ArrayLike, *, needs_both: bool = True
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return labels and scores as arrays, or raise InvalidDataError."""
    labels, scores = np.asarray(y_true), np.asarray(y_score, dtype=np.float64)
    if labels.ndim != 1 or labels.shape != scores.shape or not len(labels):
        raise InvalidDataError("There must be samples, and a score for each label.")
    if not np.isin(labels, (0, 1)).all():
        raise InvalidDataError("Labels must be 0 or 1.")
    if not np.isfinite(scores).all():
        raise InvalidDataError("A score is not a finite number.")
    if needs_both and len(np.unique(labels)) < 2:
        raise InvalidDataError("Both classes must occur.")
    return labels.astype(np.int64), scores


def _best_cards(cards: NDArray[Any], scores: NDArray[np.float64], k: int) -> NDArray[Any]:
    """Return the `k` cards of the greatest scores; ties go to the smaller card."""
    names, position = np.unique(cards, return_inverse=True)
    greatest = np.full(len(names), -np.inf)
    np.maximum.at(greatest, position, scores)
    return names[np.argsort(-greatest, kind="stable")[:k]]
