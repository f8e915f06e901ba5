"""Lists in which rarely shown items get a wanted share of the places, for as little relevance as it takes."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.base import Estimator
from ecomai.learning.exceptions import InvalidDataError
from ecomai.learning.metrics.exposure import place_weights

LISTS_AT_ONCE, VALUES_AT_ONCE = 20_000, 2_000
SEARCH_STEPS = 60  # halvings of the price's interval: far below any difference of gains
SLACK = 1e-9  # shares are sums of floats


class TailReranker(Estimator):
    """Re-rank scored lists so that tail items get at least a share of the places.

    Of all lists together that meet the share, those with the greatest discounted gain are wanted. Its
    Lagrangian puts one price on a tail item's place; at a given price each list is solved exactly and
    alone: with `j` tail places the best list holds the best `j` tail items and the best others, in the
    order of their gains. So the lists give up places where it costs them least, not a quota each.

    Parameters
    ----------
    target_share : float in [0, 1], default 0.3
        Of the places, over all lists.
    n : int, default 10
        Length of a list.
    is_position_weighted : bool, default False
        Whether an earlier place counts more towards the share, as in `place_weights`. Then tail items
        also move up inside a list.

    Attributes
    ----------
    price_ : float
        What a tail place is worth, in units of the gains; 0 where the share is met without.
    share_ : float
        What tail items get at that price in the lists it was learned from. Below the target only where
        these hold too few tail items.

    References
    ----------
    Singh and Joachims, "Fairness of exposure in rankings", 2018, for exposure as a constraint.

    Examples
    --------
    >>> gains = np.array([[0.5, 0.4, 0.1], [0.5, 0.4, 0.39]])
    >>> is_tail = np.array([[False, False, True]] * 2)
    >>> reranker = TailReranker(target_share=0.25, n=2).fit(gains, is_tail)
    >>> reranker.rerank(gains, is_tail).tolist()
    [[0, 1], [0, 2]]
    """

    learned_values: ClassVar[tuple[str, ...]] = ("price_", "share_")

    def __init__(self, target_share: float = 0.3, n: int = 10, is_position_weighted: bool = False) -> None:
        self.target_share = target_share
        self.n = n
        self.is_position_weighted = is_position_weighted

    def fit(self, gains: ArrayLike, is_tail: ArrayLike) -> Self:
        """Learn the least price at which these lists meet the target; no clicks are needed.

        Parameters
        ----------
        gains : float array of shape (n_lists, n_candidates)
            Expected gain of showing each candidate, at least 0 and comparable between lists, such as a
            probability of being taken; minus infinity where a list has fewer candidates.
        is_tail : bool array of shape (n_lists, n_candidates)

        Returns
        -------
        TailReranker
            Itself.

        Raises
        ------
        InvalidDataError
            If shapes disagree, a gain is negative or no number, or the target lies outside its range.
        """
        if not 0 <= self.target_share <= 1 or self.n < 1:
            raise InvalidDataError("A target share lies between 0 and 1, and a list has at least 1 place.")
        lists = _Lists.of(gains, is_tail, self.n)
        low, high = 0.0, lists.greatest_gain() * 4 + 1e-12
        share = self._share(lists, low)
        if share < self.target_share - SLACK:
            for _ in range(SEARCH_STEPS):
                middle = (low + high) / 2
                is_met = self._share(lists, middle) >= self.target_share - SLACK
                low, high = (low, middle) if is_met else (middle, high)
            low, share = high, self._share(lists, high)
        self.price_, self.share_ = float(low), float(share)
        return self

    def rerank(
        self, gains: ArrayLike, is_tail: ArrayLike, *, n_tail_least: int | NDArray[np.int64] = 0
    ) -> NDArray[np.int64]:
        """Return the lists at the learned price.

        Parameters
        ----------
        gains, is_tail
            As in `fit`; one list is a row of its own.
        n_tail_least : int or int array of shape (n_lists,), default 0
            So many tail items are in each list, as far as it has them, whatever they cost.

        Returns
        -------
        int64 array of shape (n_lists, n)
            Columns of the candidates, best first; -1 where a list ends early.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        """
        self.check_is_fitted()
        gains, is_tail = _checked(gains, is_tail)
        least = np.broadcast_to(np.asarray(n_tail_least, dtype=np.int64), len(gains))
        found = np.full((len(gains), self.n), -1, dtype=np.int64)
        for start in range(0, len(gains), LISTS_AT_ONCE):
            rows = slice(start, start + LISTS_AT_ONCE)
            lists = _Lists.of(gains[rows], is_tail[rows], self.n)
            found[rows] = self._solve(lists, self.price_, least[rows])
        return found

    def _solve(self, lists: "_Lists", price: float, least: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.is_position_weighted:
            return lists.priced(price, least)
        return lists.with_tail(np.maximum(lists.best_counts(price), np.minimum(least, lists.most_tail)))

    def _share(self, lists: "_Lists", price: float) -> float:
        if not self.is_position_weighted:
            return float(lists.best_counts(price).sum() / max(lists.lengths.sum(), 1))
        ranked = lists.priced(price, np.zeros(len(lists.lengths), dtype=np.int64))
        weights = place_weights(self.n) * (ranked >= 0)
        is_tail = np.take_along_axis(lists.is_tail, np.maximum(ranked, 0), axis=1)
        return float((weights * is_tail).sum() / max(weights.sum(), SLACK))


class ExposureAccount:
    """Keep the target exactly while lists come one at a time.

    A price that was learned from other lists may be too low for today's; then the account falls behind, and
    the list that would leave it below the target gives up as many places as are missing. With a `step` the
    price moves as well, up while the target is missed and down while it is exceeded, so that it need not be
    learned beforehand. Accounts of several processes that each keep the target keep it together.

    Parameters
    ----------
    target_share : float in [0, 1]
        Of the places, over all lists.
    price : float, default 0.0
        What a tail place is worth in the beginning, in units of the gains; see `TailReranker.price_`.
    step : float, default 0.0
        How far one list that misses the target by all of its places moves the price.

    Attributes
    ----------
    n_places, n_tail : int
        What was shown so far.

    References
    ----------
    Balseiro, Lu and Mirrokni, "Dual mirror descent for online allocation problems", 2020, for the step.

    Examples
    --------
    >>> account = ExposureAccount(0.5)
    >>> account.rerank([1.0, 0.9, 0.1], [False, False, True], n=2).tolist()
    [0, 2]
    """

    def __init__(self, target_share: float, *, price: float = 0.0, step: float = 0.0) -> None:
        if not 0 <= target_share <= 1 or price < 0 or step < 0:
            raise InvalidDataError("A target share lies between 0 and 1; price and step are at least 0.")
        self.target_share = target_share
        self.price = price
        self.step = step
        self.n_places = 0
        self.n_tail = 0

    def rerank(
        self, gains: ArrayLike, is_tail: ArrayLike, *, n: int = 10, is_kept: bool = True
    ) -> NDArray[np.int64]:
        """Return one list: columns of the candidates, best first.

        Parameters
        ----------
        gains, is_tail : arrays of shape (n_candidates,)
            As in `TailReranker.fit`.
        n : int, default 10
            Length of the list.
        is_kept : bool, default True
            Whether the list is shown, and so counts.

        Returns
        -------
        int64 array of shape (at most n,)
        """
        gains, is_tail = np.asarray(gains, dtype=np.float64)[None], np.asarray(is_tail, dtype=bool)[None]
        length = int(min(np.isfinite(gains).sum(), n))
        if not length:
            return np.empty(0, dtype=np.int64)
        wanted = self.target_share * (self.n_places + length)
        missing = min(max(int(np.ceil(wanted - self.n_tail - SLACK)), 0), length)
        lists = _Lists.of(gains, is_tail, n)
        n_free = lists.best_counts(self.price)
        (ranked,) = lists.with_tail(np.maximum(n_free, np.minimum(missing, lists.most_tail)))
        if is_kept:
            self.n_places += length
            self.n_tail += int(is_tail[0, ranked[:length]].sum())
            # What the price alone would give: places that were forced say nothing about it.
            free_share = float(n_free[0]) / length
            self.price = max(self.price + self.step * (self.target_share - free_share), 0.0)
        return ranked[:length]


@dataclass(frozen=True, eq=False)
class _Lists:
    """The best candidates of both kinds, which is all that an optimal list can hold."""

    n: int
    is_tail: NDArray[np.bool_]  # (n_lists, n_candidates)
    head: NDArray[np.int64]  # (n_lists, n) columns, best first
    tail: NDArray[np.int64]
    head_gains: NDArray[np.float64]  # (n_lists, n), minus infinity beyond the last
    tail_gains: NDArray[np.float64]

    @classmethod
    def of(cls, gains: ArrayLike, is_tail: ArrayLike, n: int) -> Self:
        gains, is_tail = _checked(gains, is_tail)
        head, head_gains = _best(np.where(is_tail, -np.inf, gains), n)
        tail, tail_gains = _best(np.where(is_tail, gains, -np.inf), n)
        return cls(n, is_tail, head, tail, head_gains, tail_gains)

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The discounted gain of the best list with each number of tail items; of shape (n_lists, n + 1)."""
        parts = range(0, len(self.head_gains), VALUES_AT_ONCE)
        rows = [slice(start, start + VALUES_AT_ONCE) for start in parts]
        return np.concatenate([_values(self.head_gains[at], self.tail_gains[at], self.n) for at in rows])

    @property
    def most_tail(self) -> NDArray[np.int64]:
        return np.isfinite(self.tail_gains).sum(axis=1)

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.minimum(np.isfinite(self.head_gains).sum(axis=1) + self.most_tail, self.n)

    def greatest_gain(self) -> float:
        gains = np.concatenate([self.head_gains, self.tail_gains], axis=1)
        return float(np.max(gains, where=np.isfinite(gains), initial=0.0)) * self.n

    def best_counts(self, price: float) -> NDArray[np.int64]:
        """Return how many tail items each list holds; of equally good numbers the greater."""
        worth = self.values + price * np.arange(self.n + 1)
        return self.n - np.argmax(worth[:, ::-1], axis=1)

    def with_tail(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the best lists with so many tail items each."""
        places = np.arange(self.n)
        others = np.where(places < (self.n - counts)[:, None], self.head_gains, -np.inf)
        tails = np.where(places < counts[:, None], self.tail_gains, -np.inf)
        return self._merged(others, tails, np.concatenate([others, tails], axis=1))

    def priced(self, price: float, least: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the lists ordered by gain and price: by the rearrangement inequality the best."""
        both = np.concatenate([self.head_gains, self.tail_gains + price], axis=1)
        chosen = np.argsort(-both, axis=1, kind="stable")[:, : self.n]
        counts = np.sum((chosen >= self.n) & np.isfinite(np.take_along_axis(both, chosen, axis=1)), axis=1)
        counts = np.maximum(counts, np.minimum(least, self.most_tail))
        places = np.arange(self.n)
        others = np.where(places < (self.n - counts)[:, None], self.head_gains, -np.inf)
        tails = np.where(places < counts[:, None], self.tail_gains + price, -np.inf)
        return self._merged(others, tails, np.concatenate([others, tails], axis=1))

    def _merged(
        self, others: NDArray[np.float64], tails: NDArray[np.float64], both: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        order = np.argsort(-both, axis=1, kind="stable")[:, : self.n]
        columns = np.take_along_axis(np.concatenate([self.head, self.tail], axis=1), order, axis=1)
        return np.where(np.isfinite(np.take_along_axis(both, order, axis=1)), columns, -1)


def _checked(gains: ArrayLike, is_tail: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    gains, is_tail = np.asarray(gains, dtype=np.float64), np.asarray(is_tail, dtype=bool)
    if gains.ndim != 2 or gains.shape != is_tail.shape or not gains.size:
        raise InvalidDataError(f"Gains of shape {gains.shape} do not fit marks of shape {is_tail.shape}.")
    if np.any(np.isnan(gains)) or np.any(gains == np.inf) or np.any(gains[np.isfinite(gains)] < 0):
        raise InvalidDataError("A gain is at least 0, or minus infinity where there is no candidate.")
    return gains, is_tail


def _best(gains: NDArray[np.float64], n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the `n` best columns and their gains; padded where there are fewer candidates."""
    if gains.shape[1] < n:
        padding = np.full((len(gains), n - gains.shape[1]), -np.inf)
        gains = np.concatenate([gains, padding], axis=1)
    part = np.sort(np.argpartition(-gains, n - 1, axis=1)[:, :n], axis=1)
    order = np.argsort(-np.take_along_axis(gains, part, axis=1), axis=1, kind="stable")
    columns = np.take_along_axis(part, order, axis=1)
    return columns, np.take_along_axis(gains, columns, axis=1)


def _values(head: NDArray[np.float64], tail: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return minus infinity for a number of tail items that does not fill a list."""
    counts, places = np.arange(n + 1)[:, None], np.arange(n)
    heads = np.where(places < n - counts, head[:, None], -np.inf)  # (L, n + 1, n)
    tails = np.where(places < counts, tail[:, None], -np.inf)
    gains = -np.sort(-np.concatenate([heads, tails], axis=2), axis=2)[:, :, :n]
    values = np.where(np.isfinite(gains), gains, 0.0) @ place_weights(n)  # (L, n + 1)
    n_head, n_tail = np.isfinite(head).sum(axis=1)[:, None], np.isfinite(tail).sum(axis=1)[:, None]
    is_filled = np.minimum(n_head, n - counts.T) + counts.T == np.minimum(n_head + n_tail, n)
    return np.where((n_tail >= counts.T) & is_filled, values, -np.inf)
