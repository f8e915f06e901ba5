"""What a policy is worth that chooses who gets which treatment, at what each costs."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.trials import Trial

from .off_policy import Z_95, OffPolicyEstimate, doubly_robust
from .uplift import Interval

Floats = NDArray[np.float64]


def choose_arms(effects: ArrayLike, costs: ArrayLike) -> NDArray[np.int64]:
    """Return the arm whose expected gain exceeds its cost the most; 0, the control, where none does.

    Parameters
    ----------
    effects : float array-like of shape (n_samples, n_treatments)
        Predicted, in units of the outcome.
    costs : float array-like of shape (n_treatments,)
        Of treating one customer, in units of the outcome.

    Returns
    -------
    int64 array of shape (n_samples,)

    Raises
    ------
    InvalidDataError
        If there is not one cost for each treatment.

    Examples
    --------
    >>> choose_arms([[0.2, 0.1], [0.0, 0.3], [0.0, 0.0]], [0.1, 0.1]).tolist()
    [1, 2, 0]
    """
    gains = np.asarray(effects, dtype=np.float64)
    prices = np.asarray(costs, dtype=np.float64)
    if gains.ndim != 2 or prices.shape != (gains.shape[1],):
        raise InvalidDataError("There must be a cost for each treatment.")
    net = np.column_stack([np.zeros(len(gains)), gains - prices])
    return np.asarray(net.argmax(axis=1), dtype=np.int64)


def policy_value(
    trial: Trial, arms: ArrayLike, *, costs: ArrayLike, expected: ArrayLike | None = None
) -> OffPolicyEstimate:
    """Return the mean outcome, less the cost, if each customer got the arm that a policy chose.

    Parameters
    ----------
    trial : Trial
        What was done, and what came of it.
    arms : int array-like of shape (n_samples,)
        What the policy would do.
    costs : float array-like of shape (n_treatments,)
        Of treating one customer, in units of the outcome.
    expected : float array-like of shape (n_samples, n_arms), optional
        Outcomes that a model expects, which did not learn from these customers: the estimate is then doubly
        robust and narrower. Default: inverse propensity weighting.

    Returns
    -------
    OffPolicyEstimate
        Per customer, in units of the outcome.

    Raises
    ------
    InvalidDataError
        If an arm or a cost is unknown, or sizes differ.

    References
    ----------
    Zhao, Fang and Simchi-Levi, "Uplift modeling with multiple treatments and general response types", 2017,
    for the estimate by inverse propensity.
    """
    chosen, prices = _check_policy(trial, arms, costs)
    # Costs are known exactly, so that they are part of what is expected and not of what is weighed.
    model = -prices if expected is None else np.asarray(expected, dtype=np.float64) - prices
    if expected is not None and model.shape != (len(trial), trial.n_arms):
        raise InvalidDataError("The model must expect an outcome of each row in each arm.")
    known = np.broadcast_to(model, (len(trial), trial.n_arms))
    rows = np.arange(len(trial))
    return doubly_robust(
        trial.y - prices[trial.treatment], trial.received, (chosen == trial.treatment).astype(np.float64),
        predicted=known[rows, trial.treatment], target_value=known[rows, chosen],
    )  # fmt: skip


def policy_gains(
    trial: Trial,
    arms: ArrayLike,
    others: ArrayLike,
    *,
    costs: ArrayLike,
    expected: ArrayLike | None = None,
) -> Floats:
    """Return by how much more one policy earns of each customer than another, right on average.

    Parameters and errors are those of `policy_value`; `others` is what the other policy would do. Customers
    on whom both agree are 0, so that the mean has a far smaller error than two values have.

    Returns
    -------
    float64 array of shape (n_samples,)
        See `mean_interval`.
    """
    chosen, prices = _check_policy(trial, arms, costs)
    other, _prices = _check_policy(trial, others, costs)
    net = trial.robust_outcomes(expected) - prices
    rows = np.arange(len(trial))
    return np.asarray(net[rows, chosen] - net[rows, other])


def mean_interval(values: ArrayLike) -> Interval:
    """Return the mean of independent values with its normal interval.

    Parameters
    ----------
    values : float array-like of shape (n_values,)
        Two at least.

    Returns
    -------
    Interval
    """
    found = np.asarray(values, dtype=np.float64)
    mean, error = float(found.mean()), Z_95 * float(found.std(ddof=1) / np.sqrt(len(found)))
    return Interval(mean, mean - error, mean + error)


def _check_policy(trial: Trial, arms: ArrayLike, costs: ArrayLike) -> tuple[NDArray[np.int64], Floats]:
    chosen, prices = np.asarray(arms), np.asarray(costs, dtype=np.float64)
    if chosen.shape != (len(trial),) or not np.isin(chosen, np.arange(trial.n_arms)).all():
        raise InvalidDataError(f"A policy chooses one of {trial.n_arms} arms for each customer.")
    if prices.shape != (trial.n_arms - 1,) or not np.isfinite(prices).all():
        raise InvalidDataError("There must be a cost for each treatment.")
    return chosen.astype(np.int64), np.concatenate([[0.0], prices])


# -- sums along an order ------------------------------------------------------------------------
