"""How good effects of a treatment are predicted: as an order, and as numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.trials import Trial, make_trial

from .off_policy import Z_95

Floats = NDArray[np.float64]
N_BINS = 10
N_DRAWS = 200


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class UpliftBin:
    """Customers of similar predicted effect, and what the treatment truly brought among them.

    Attributes
    ----------
    n_samples : int
    predicted : float
        Mean predicted effect.
    effect : Interval
        Difference of mean outcomes; NaN where an arm has fewer than two of these customers.
    """

    n_samples: int
    predicted: float
    effect: Interval


@dataclass(frozen=True)
class SleepingDogs:
    """Customers on whom a treatment is predicted to do harm.

    Attributes
    ----------
    share : Interval
        Of the customers.
    effect : Interval
        What the treatment truly brought among them; NaN where they are too few.
    """

    share: Interval
    effect: Interval

    @property
    def is_confirmed(self) -> bool:
        """Whether the treatment did harm there for sure: the whole interval lies below 0."""
        return self.effect.high < 0


# -- curves -------------------------------------------------------------------------------------


def qini_curve(
    y: ArrayLike, uplift: ArrayLike, treatment: ArrayLike, *, propensity: ArrayLike | None = None
) -> tuple[Floats, Floats]:
    """Return what treating the best first has brought, over how many are treated.

    Parameters
    ----------
    y : float array-like of shape (n_samples,)
        Outcomes.
    uplift : float array-like of shape (n_samples,)
        Predicted effects, or anything that orders customers as they do; equal ones are treated at once.
    treatment : int array-like of shape (n_samples,)
        1 where treated, 0 in the control; of several treatments, select one and the control.
    propensity : float array-like of shape (2,) or (n_samples, 2), optional
        Probabilities of control and treatment. Default: their shares.

    Returns
    -------
    shares : float64 array of shape (n_points,)
        Of the customers, from 0 to 1.
    gains : float64 array of shape (n_points,)
        Outcomes gained per customer, counted on the treated; the last is the average effect.

    Raises
    ------
    InvalidDataError
        If the treatment was given to all or to nobody, sizes differ, or a number is not finite.

    References
    ----------
    Radcliffe, "Using control groups to target on predicted lift: building and assessing uplift models",
    2007.

    Examples
    --------
    >>> shares, gains = qini_curve([1, 0, 0, 0], [2, 2, 1, 1], [1, 0, 1, 0])
    >>> shares.tolist(), gains.tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.5, 0.5])
    """
    trial, order = _check_scored(y, uplift, treatment, propensity)
    return _qini(_Sums(trial, order))


def uplift_curve(
    y: ArrayLike, uplift: ArrayLike, treatment: ArrayLike, *, propensity: ArrayLike | None = None
) -> tuple[Floats, Floats]:
    """Return the difference of mean outcomes among the best, times their share.

    Parameters, returns and errors are those of `qini_curve`; here each part of the order is compared within
    itself, which is fairer where arms are unequal by chance and noisier at its beginning.

    References
    ----------
    Gutierrez and Gérardy, "Causal inference and uplift modelling: a review of the literature", 2017.
    """
    trial, order = _check_scored(y, uplift, treatment, propensity)
    return _uplift(_Sums(trial, order))


def qini_score(
    y: ArrayLike, uplift: ArrayLike, treatment: ArrayLike, *, propensity: ArrayLike | None = None
) -> float:
    """Return the area between Qini curve and a random order, as a share of what a perfect order has.

    The perfect order treats first who was treated and responded, last who responded untreated; no model
    comes near it, so that good scores on real data are a few hundredths. Parameters and errors are those of
    `qini_curve`.

    Returns
    -------
    float at most 1
        0 is a random order; NaN where no outcome differs.

    References
    ----------
    scikit-uplift, `qini_auc_score`.

    Examples
    --------
    >>> qini_score([1, 0, 0, 1], [3, 2, 2, 1], [1, 1, 0, 0])
    1.0
    """
    return _score(_qini_area, y, uplift, treatment, propensity)


def auuc_score(
    y: ArrayLike, uplift: ArrayLike, treatment: ArrayLike, *, propensity: ArrayLike | None = None
) -> float:
    """Return the area under the uplift curve, as a share of what a perfect order has.

    Unlike `qini_score`, the average effect counts: a random order has about half of it. Parameters and
    errors are those of `qini_curve`.

    Returns
    -------
    float at most 1
        NaN where no outcome differs.

    References
    ----------
    Devriendt, Van Belle, Guns and Verbeke, "Learning to rank for uplift modeling", 2020.
    """
    return _score(_uplift_area, y, uplift, treatment, propensity)


def bootstrap_scores(
    y: ArrayLike,
    uplifts: Sequence[ArrayLike],
    treatment: ArrayLike,
    *,
    propensity: ArrayLike | None = None,
    score: Callable[..., float] = qini_score,
    n_draws: int = N_DRAWS,
    random_state: int = 0,
) -> Floats:
    """Return scores of several predictions on the same draws of customers, with replacement.

    Parameters
    ----------
    y, treatment, propensity
        As in `qini_curve`.
    uplifts : sequence of n_models arrays of shape (n_samples,)
    score : {qini_score, auuc_score}, default qini_score
    n_draws : int, default 200
    random_state : int, default 0

    Returns
    -------
    float64 array of shape (n_draws, n_models)
        Differences of columns are paired; see `interval_of`.

    Raises
    ------
    InvalidDataError
        As in `qini_curve`.
    """
    area = _AREAS[score]
    checked = [_check_scored(y, uplift, treatment, propensity) for uplift in uplifts]
    trial = checked[0][0]
    perfect = _perfect_order(trial)
    draws = np.random.default_rng(random_state)
    found = np.empty((n_draws, len(checked)))
    for draw in range(n_draws):
        counts = np.bincount(draws.integers(0, len(trial), len(trial)), minlength=len(trial))
        best = area(_Sums(trial, perfect, counts))
        found[draw] = [_share_of(area(_Sums(trial, order, counts)), best) for _trial, order in checked]
    return found


def interval_of(draws: ArrayLike, value: float | None = None) -> Interval:
    """Return the middle 95 % of draws.

    Parameters
    ----------
    draws : float array-like of shape (n_draws,)
    value : float, optional
        Default: their mean.

    Returns
    -------
    Interval

    Examples
    --------
    >>> interval_of([1.0, 1.0, 1.0])
    Interval(value=1.0, low=1.0, high=1.0)
    """
    drawn = np.asarray(draws, dtype=np.float64)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(drawn.mean()) if value is None else value, float(low), float(high))


# -- effects ------------------------------------------------------------------------------------


def uplift_by_bin(
    y: ArrayLike,
    uplift: ArrayLike,
    treatment: ArrayLike,
    *,
    propensity: ArrayLike | None = None,
    n_bins: int = N_BINS,
) -> list[UpliftBin]:
    """Return deciles of the predicted effect, greatest first, with what was measured in each.

    Parameters and errors are those of `qini_curve`; `n_bins` may be at most the number of samples.

    Returns
    -------
    list of n_bins UpliftBin
    """
    trial, _order = _check_scored(y, uplift, treatment, propensity)
    if not 1 <= n_bins <= len(trial):
        raise InvalidDataError(f"There can be 1 to {len(trial)} bins.")
    effects = np.asarray(uplift, dtype=np.float64)
    parts = np.array_split(np.argsort(-effects, kind="stable"), n_bins)
    return [
        UpliftBin(len(part), float(effects[part].mean()), _measured(trial.select(part))) for part in parts
    ]


def find_sleeping_dogs(
    y: ArrayLike, uplift: ArrayLike, treatment: ArrayLike, *, propensity: ArrayLike | None = None
) -> SleepingDogs:
    """Return how many customers a treatment is predicted to harm, and whether it truly does.

    Parameters and errors are those of `qini_curve`; here `uplift` is in units of the outcome.

    Returns
    -------
    SleepingDogs
    """
    trial, _order = _check_scored(y, uplift, treatment, propensity)
    is_harmed = np.asarray(uplift, dtype=np.float64) < 0
    share = float(is_harmed.mean())
    error = Z_95 * float(np.sqrt(share * (1 - share) / len(trial)))
    return SleepingDogs(
        Interval(share, max(0.0, share - error), min(1.0, share + error)),
        _measured(trial.select(is_harmed)),
    )


def _measured(trial: Trial) -> Interval:
    """Return the weighted difference of mean outcomes of the treated and the control."""
    means, variance = [], 0.0
    for arm in (1, 0):
        is_in = trial.treatment == arm
        if is_in.sum() < 2:
            return Interval(np.nan, np.nan, np.nan)
        weights, values = 1 / trial.received[is_in], trial.y[is_in]
        mean = float(np.average(values, weights=weights))
        n = int(is_in.sum())
        variance += float((weights**2 @ (values - mean) ** 2) / weights.sum() ** 2) * n / (n - 1)
        means.append(mean)
    effect, error = means[0] - means[1], Z_95 * float(np.sqrt(variance))
    return Interval(effect, effect - error, effect + error)


# -- policies -----------------------------------------------------------------------------------


Order = tuple[NDArray[np.int64], NDArray[np.int64]]  # rows, best first, and where each run of equals ends


class _Sums:
    """Weighted numbers and outcomes of both arms among the first so many of an order."""

    def __init__(self, trial: Trial, order: Order, counts: NDArray[np.integer] | None = None) -> None:
        rows, ends = order
        weights = (1 / trial.received if counts is None else counts / trial.received)[rows]
        is_treated = trial.treatment[rows] == 1
        y = trial.y[rows]

        def cumulated(values: Floats) -> Floats:
            return np.concatenate([[0.0], np.cumsum(values)[ends]])

        self.n_treated = cumulated(weights * is_treated)
        self.n_control = cumulated(weights * ~is_treated)
        self.treated = cumulated(weights * is_treated * y)
        self.control = cumulated(weights * ~is_treated * y)
        ones = np.ones(len(rows)) if counts is None else counts[rows].astype(np.float64)
        number = cumulated(ones)
        self.shares = number / number[-1]


def _qini(sums: _Sums) -> tuple[Floats, Floats]:
    gains = sums.treated - _ratio(sums.control * sums.n_treated, sums.n_control)
    return sums.shares, gains / sums.n_treated[-1]


def _uplift(sums: _Sums) -> tuple[Floats, Floats]:
    difference = _ratio(sums.treated, sums.n_treated) - _ratio(sums.control, sums.n_control)
    return sums.shares, difference * sums.shares


def _qini_area(sums: _Sums) -> float:
    shares, gains = _qini(sums)
    return float(np.trapezoid(gains, shares) - gains[-1] / 2)


def _uplift_area(sums: _Sums) -> float:
    shares, gains = _uplift(sums)
    return float(np.trapezoid(gains, shares))


_AREAS: dict[Callable[..., float], Callable[[_Sums], float]] = {
    qini_score: _qini_area,
    auuc_score: _uplift_area,
}


def _score(
    area: Callable[[_Sums], float],
    y: ArrayLike,
    uplift: ArrayLike,
    treatment: ArrayLike,
    propensity: ArrayLike | None,
) -> float:
    trial, order = _check_scored(y, uplift, treatment, propensity)
    return _share_of(area(_Sums(trial, order)), area(_Sums(trial, _perfect_order(trial))))


def _share_of(area: float, best: float) -> float:
    return area / best if best > 0 else np.nan


def _ratio(parts: Floats, wholes: Floats) -> Floats:
    return np.divide(parts, wholes, out=np.zeros_like(parts), where=wholes > 0)


def _perfect_order(trial: Trial) -> Order:
    return _order_of(trial.y * np.where(trial.treatment == 1, 1.0, -1.0))


def _order_of(uplift: Floats) -> Order:
    rows = np.argsort(-uplift, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(uplift[rows])), len(rows) - 1)
    return rows, ends


def _check_scored(
    y: ArrayLike, uplift: ArrayLike, treatment: ArrayLike, propensity: ArrayLike | None
) -> tuple[Trial, Order]:
    trial = make_trial(treatment, y, propensity, n_arms=2)
    effects = np.asarray(uplift, dtype=np.float64)
    if effects.shape != (len(trial),) or not np.isfinite(effects).all():
        raise InvalidDataError("Each row needs a predicted effect that is a number.")
    return trial, _order_of(effects)
