"""What a policy would have earned, from what another one showed: off-policy estimates with intervals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.exceptions import InvalidDataError

Z_95 = 1.959963984540054  # two-sided


@dataclass(frozen=True)
class OffPolicyEstimate:
    """Mean reward of the policy that was not shown, with a 95 % interval.

    Attributes
    ----------
    value, low, high : float
        In units of the reward.
    effective_samples : float
        So many answers of the policy itself would say as much; few mean that the policies differ too much.
    n_samples : int
    clipped_share : float in [0, 1]
        Of the samples, whose weight was cut: each cut one pulls the value towards what was shown.
    """

    value: float
    low: float
    high: float
    effective_samples: float
    n_samples: int
    clipped_share: float


def inverse_propensity(
    rewards: ArrayLike, logged: ArrayLike, target: ArrayLike, *, max_weight: float | None = None
) -> OffPolicyEstimate:
    """Weigh each reward by how much likelier the target policy does what was done (IPS).

    Unbiased where no weight is cut, and of great variance where policies differ much.

    Parameters
    ----------
    rewards : float array of shape (n_samples,)
        What each logged action earned.
    logged : float array of shape (n_samples,)
        Probability with which the logging policy took it, in (0, 1].
    target : float array of shape (n_samples,)
        Probability with which the target policy would take it, in [0, 1].
    max_weight : float, optional
        Greater weights are cut to this, for less variance and some bias.

    Returns
    -------
    OffPolicyEstimate

    Raises
    ------
    InvalidDataError
        If there is no sample, shapes disagree, or a probability lies outside its range.

    References
    ----------
    Horvitz and Thompson, "A generalization of sampling without replacement from a finite universe", 1952;
    Bottou et al., "Counterfactual reasoning and learning systems", 2013, for cut weights.

    Examples
    --------
    >>> inverse_propensity([1, 0], [0.5, 0.5], [1, 0]).value
    1.0
    """
    rewards, weights, clipped = _weigh(rewards, logged, target, max_weight)
    return _estimate(rewards * weights, weights, clipped)


def self_normalised(
    rewards: ArrayLike, logged: ArrayLike, target: ArrayLike, *, max_weight: float | None = None
) -> OffPolicyEstimate:
    """Divide the weighted rewards by the weights' sum (SNIPS): a little bias, far less variance.

    Parameters and errors are those of `inverse_propensity`; all weights may not be 0.

    Returns
    -------
    OffPolicyEstimate
        Never outside the range of the rewards. The interval is that of a ratio (delta method).

    References
    ----------
    Swaminathan and Joachims, "The self-normalized estimator for counterfactual learning", 2015.

    Examples
    --------
    >>> self_normalised([1, 1], [0.5, 0.2], [1, 1]).value
    1.0
    """
    rewards, weights, clipped = _weigh(rewards, logged, target, max_weight)
    if not weights.any():
        raise InvalidDataError("The target policy would have done nothing of what was logged.")
    value = float(weights @ rewards / weights.sum())
    return _estimate(value + weights * (rewards - value) / weights.mean(), weights, clipped)


def doubly_robust(
    rewards: ArrayLike,
    logged: ArrayLike,
    target: ArrayLike,
    *,
    predicted: ArrayLike,
    target_value: ArrayLike,
    max_weight: float | None = None,
) -> OffPolicyEstimate:
    """Start from a reward model and correct it by what it got wrong on the logged actions.

    Right where the propensities or the model are right; of less variance than `inverse_propensity` where
    the model knows something.

    Parameters
    ----------
    rewards, logged, target, max_weight
        As in `inverse_propensity`.
    predicted : float array of shape (n_samples,)
        What the model expects of the logged action.
    target_value : float array of shape (n_samples,)
        What it expects of the target policy's actions in that context, on average.

    Returns
    -------
    OffPolicyEstimate

    Raises
    ------
    InvalidDataError
        As `inverse_propensity`.

    References
    ----------
    Dudík, Langford and Li, "Doubly robust policy evaluation and learning", 2011.

    Examples
    --------
    >>> doubly_robust([1, 0], [0.5, 0.5], [1, 0], predicted=[1, 0], target_value=[1, 1]).value
    1.0
    """
    rewards, weights, clipped = _weigh(rewards, logged, target, max_weight)
    predicted, target_value = _numbers(predicted), _numbers(target_value)
    if predicted.shape != rewards.shape or target_value.shape != rewards.shape:
        raise InvalidDataError("The model must expect something of every sample.")
    return _estimate(target_value + weights * (rewards - predicted), weights, clipped)


def effective_samples(weights: ArrayLike) -> float:
    """Return how many equally weighted samples say as much as these.

    Parameters
    ----------
    weights : float array of shape (n_samples,)
        At least 0.

    Returns
    -------
    float in [0, n_samples]

    References
    ----------
    Kish, "Survey sampling", 1965.

    Examples
    --------
    >>> effective_samples([1, 1, 0, 0])
    2.0
    """
    values = _numbers(weights)
    squares = float((values**2).sum())
    return float(values.sum() ** 2 / squares) if squares else 0.0


def _weigh(
    rewards: ArrayLike, logged: ArrayLike, target: ArrayLike, max_weight: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    rewards, logged, target = _numbers(rewards), _numbers(logged), _numbers(target)
    if not len(rewards) or not rewards.shape == logged.shape == target.shape:
        raise InvalidDataError("Each reward needs the probability of what earned it, by both policies.")
    if logged.min() <= 0 or logged.max() > 1 or target.min() < 0 or target.max() > 1:
        raise InvalidDataError("A probability lies between 0 and 1, and what was done had one above 0.")
    weights = target / logged
    if max_weight is None:
        return rewards, weights, 0.0
    if max_weight <= 0:
        raise InvalidDataError("The greatest weight must be above 0.")
    return rewards, np.minimum(weights, max_weight), float(np.mean(weights > max_weight))


def _estimate(
    terms: NDArray[np.float64], weights: NDArray[np.float64], clipped_share: float
) -> OffPolicyEstimate:
    """Return the mean of the terms and its normal interval."""
    value = float(terms.mean())
    error = float(terms.std(ddof=1) / np.sqrt(len(terms))) if len(terms) > 1 else float("inf")
    return OffPolicyEstimate(
        value, value - Z_95 * error, value + Z_95 * error,
        effective_samples(weights), len(terms), clipped_share,
    )  # fmt: skip


def _numbers(values: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or not np.all(np.isfinite(found)):
        raise InvalidDataError("Samples are one-dimensional and finite.")
    return found
