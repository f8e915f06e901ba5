"""How evenly attention is spread over a catalogue, and how much of it goes to what is rarely taken."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.exceptions import InvalidDataError


def lorenz_curve(exposures: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return which share of all exposure the least exposed items have.

    Parameters
    ----------
    exposures : float array of shape (n_items,)
        How often each item was shown, at least 0; items that were never shown count too.

    Returns
    -------
    items : float64 array of shape (n_items + 1,)
        Share of the items, from 0 to 1, least exposed first.
    shares : float64 array of shape (n_items + 1,)
        Their share of the exposure, from 0 to 1; all on the diagonal where nothing was shown.

    Raises
    ------
    InvalidDataError
        If there is no item, or a number is negative or not finite.

    Examples
    --------
    >>> items, shares = lorenz_curve([3, 1])
    >>> items.tolist(), shares.tolist()
    ([0.0, 0.5, 1.0], [0.0, 0.25, 1.0])
    """
    values = np.sort(_exposures(exposures))
    items = np.arange(len(values) + 1) / len(values)
    total = values.sum()
    if total == 0:
        return items, items.copy()
    return items, np.concatenate([[0.0], np.cumsum(values) / total])


def gini(exposures: ArrayLike) -> float:
    """Return the Gini coefficient of exposure: 0 where all items share it, near 1 where one has it all.

    Parameters and errors are those of `lorenz_curve`.

    Returns
    -------
    float in [0, 1)
        Twice the area between the Lorenz curve and the diagonal; 0 where nothing was shown.

    References
    ----------
    Gini, "Variabilità e mutabilità", 1912.

    Examples
    --------
    >>> gini([1, 1, 1]), gini([0, 0, 0, 8])
    (0.0, 0.75)
    """
    items, shares = lorenz_curve(exposures)
    return float(max(1.0 - 2.0 * np.trapezoid(shares, items), 0.0))


def coverage(exposures: ArrayLike) -> float:
    """Return the share of the items that were shown at all.

    Parameters and errors are those of `lorenz_curve`.

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> coverage([0, 2, 1, 0])
    0.5
    """
    values = _exposures(exposures)
    return float(np.count_nonzero(values) / len(values))


def least_popular(counts: ArrayLike, *, share: float = 0.5) -> NDArray[np.bool_]:
    """Return which items are the least taken ones.

    Parameters
    ----------
    counts : float array of shape (n_items,)
        How often each item was taken, at least 0.
    share : float in [0, 1], default 0.5
        Of the items, rounded down. Of equally taken items the earlier position is taken first.

    Returns
    -------
    bool array of shape (n_items,)

    Raises
    ------
    InvalidDataError
        As `lorenz_curve`; also if the share lies outside its range.

    Examples
    --------
    >>> least_popular([5, 0, 3, 9]).tolist()
    [False, True, True, False]
    """
    values = _exposures(counts)
    if not 0 <= share <= 1:
        raise InvalidDataError("A share of the items lies between 0 and 1.")
    is_tail = np.zeros(len(values), dtype=bool)
    is_tail[np.argsort(values, kind="stable")[: int(len(values) * share)]] = True
    return is_tail


def place_weights(n: int, *, is_position_weighted: bool = True) -> NDArray[np.float64]:
    """Return how much attention the places of a list get.

    Parameters
    ----------
    n : int
        Length of the list.
    is_position_weighted : bool, default True
        Whether place `p` (from 1) weighs `1 / log2(p + 1)`; otherwise all weigh 1.

    Returns
    -------
    float64 array of shape (n,)

    Examples
    --------
    >>> place_weights(3).round(2).tolist()
    [1.0, 0.63, 0.5]
    """
    return 1 / np.log2(np.arange(2, n + 2)) if is_position_weighted else np.ones(n)


def tail_share(
    ranked: ArrayLike, is_tail: NDArray[np.bool_], *, k: int = 10, is_position_weighted: bool = False
) -> float:
    """Return the share of the first `k` places that tail items have.

    Parameters
    ----------
    ranked : int array of shape (n_users, n)
        Item positions, best first; -1 where a list ends early: such a place is nobody's.
    is_tail : bool array of shape (n_items,)
    k : int, default 10
        How many places are looked at.
    is_position_weighted : bool, default False
        Whether earlier places count more, as in `place_weights`.

    Returns
    -------
    float in [0, 1]
        0 where nothing is shown.

    Examples
    --------
    >>> tail_share([[0, 1], [0, 2]], np.array([False, True, True]), k=2)
    0.5
    """
    shown = np.asarray(ranked)[:, :k]
    weights = place_weights(shown.shape[1], is_position_weighted=is_position_weighted) * (shown >= 0)
    total = weights.sum()
    return float((weights * is_tail[shown]).sum() / total) if total else 0.0


def novelty(ranked: ArrayLike, counts: ArrayLike, *, n_users: int, k: int = 10) -> float:
    """Return how surprising the shown items are, in bits: the mean of minus log2 of who took them.

    Parameters
    ----------
    ranked : int array of shape (n_lists, n)
        Item positions, best first; -1 where a list ends early.
    counts : float array of shape (n_items,)
        How many users took each item. An item that nobody took counts as half a user's.
    n_users : int
        Of how many, at least 1.
    k : int, default 10
        How many places are looked at.

    Returns
    -------
    float, at least 0
        0 where nothing is shown.

    References
    ----------
    Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems", 2010.

    Examples
    --------
    >>> novelty([[0, 1]], [4, 1], n_users=4)
    1.0
    """
    shown = np.asarray(ranked)[:, :k]
    shown = shown[shown >= 0]
    if not len(shown):
        return 0.0
    chances = np.clip(np.maximum(_exposures(counts), 0.5) / n_users, None, 1.0)
    return float(-np.log2(chances[shown]).mean() + 0.0)


def count_exposures(
    ranked: ArrayLike, *, n_items: int, k: int = 10, is_position_weighted: bool = False
) -> NDArray[np.float64]:
    """Return how much of the first `k` places each item has.

    Parameters
    ----------
    ranked : int array of shape (n_users, n)
        Item positions, best first; -1 where a list ends early.
    n_items : int
        Size of the catalogue.
    k, is_position_weighted
        As in `tail_share`.

    Returns
    -------
    float64 array of shape (n_items,)

    Examples
    --------
    >>> count_exposures([[0, 1], [0, -1]], n_items=3).tolist()
    [2.0, 1.0, 0.0]
    """
    shown = np.asarray(ranked)[:, :k]
    weights = place_weights(shown.shape[1], is_position_weighted=is_position_weighted) * (shown >= 0)
    counts = np.bincount(np.maximum(shown, 0).ravel(), weights=weights.ravel(), minlength=n_items)
    return counts.astype(np.float64)


def _exposures(values: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or not len(found):
        raise InvalidDataError("Exposure is counted for at least one item.")
    if not np.all(np.isfinite(found)) or np.any(found < 0):
        raise InvalidDataError("Exposures must be finite and at least 0.")
    return found
