"""What customers bought: the lines of their purchases, and what each item says of who buys it."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.base import Estimator
from ecomai.learning.exceptions import InvalidDataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RECENT_DAYS = 30  # an item's trend is how it sells now, of how it always sold
N_FIGURES = 3  # of an item: buyers, first day, trend


@dataclass(frozen=True)
class PurchaseLines:
    """Lines of orders, by customer and day.

    Attributes
    ----------
    customers : int64 array of shape (n_lines,)
        Positions of customers, rising.
    days : float64 array of shape (n_lines,)
        Rising within a customer, of the same origin as the purchases'.
    items : int64 array of shape (n_lines,)
        Any numbers that stay the same from day to day.
    quantities, prices : float64 arrays of shape (n_lines,)
        Pieces, and what one of them cost.
    """

    customers: Ints
    days: Floats
    items: Ints
    quantities: Floats
    prices: Floats

    @classmethod
    def of(
        cls,
        customers: ArrayLike,
        days: ArrayLike,
        items: ArrayLike,
        quantities: ArrayLike,
        prices: ArrayLike,
    ) -> Self:
        """Return lines in any order, sorted.

        Raises
        ------
        InvalidDataError
            If sizes differ, or a number is not finite.
        """
        who, when = np.asarray(customers, dtype=np.int64), np.asarray(days, dtype=np.float64)
        what = np.asarray(items, dtype=np.int64)
        pieces, prices = np.asarray(quantities, dtype=np.float64), np.asarray(prices, dtype=np.float64)
        if who.ndim != 1 or not (who.shape == when.shape == what.shape == pieces.shape == prices.shape):
            raise InvalidDataError(
                "There must be a customer, a day, an item, pieces and a price for each line."
            )
        if not all(np.isfinite(column).all() for column in (when, pieces, prices)):
            raise InvalidDataError("A day, a number of pieces or a price is missing or infinite.")
        order = np.lexsort((prices, pieces, what, when, who))
        return cls(who[order], when[order], what[order], pieces[order], prices[order])

    def until(self, end_day: float, who: Ints) -> Self:
        """Return the lines known at an earlier end, of the customers `who` (rising), who become 0, 1, ..."""
        places = np.searchsorted(who, self.customers)
        is_theirs = who[np.minimum(places, len(who) - 1)] == self.customers if len(who) else places < 0
        rows = np.flatnonzero(is_theirs & (self.days <= end_day))
        return self._rows(rows, places[rows])

    def select(self, chosen: Ints) -> Self:
        """Return the lines of some customers, who become 0, 1, ... in that order."""
        starts = np.searchsorted(self.customers, chosen)
        counts = np.searchsorted(self.customers, chosen, side="right") - starts
        offsets = np.repeat(starts - np.cumsum(counts) + counts, counts)
        return self._rows(offsets + np.arange(counts.sum()), np.repeat(np.arange(len(chosen)), counts))

    def _rows(self, rows: Ints, customers: Ints) -> Self:
        return type(self)(
            customers.astype(np.int64),
            self.days[rows],
            self.items[rows],
            self.quantities[rows],
            self.prices[rows],
        )


class Assortment(Estimator):
    """What items say of their buyers: how many buy them, how long they are sold, how they sell now.

    Learned from all customers' lines, so that a customer can be described alone. Without lines it describes
    nobody.

    Attributes
    ----------
    items_ : int64 array of shape (n_items,)
        Rising.
    figures_ : float64 array of shape (n_items, 3)
        Logarithm of the number of buyers, first day, and how often it was bought lately of how often ever.
    """

    learned_arrays: ClassVar[tuple[str, ...]] = ("items_", "figures_")

    #: What each customer's lines come to, in the order of the columns.
    names: ClassVar[tuple[str, ...]] = (
        "n_items", "items_in_lines", "repeated_share", "pieces_median", "price_mean", "price_median",
        "item_buyers", "item_age", "item_trend",
    )  # fmt: skip

    items_: Ints
    figures_: Floats

    def fit(self, lines: PurchaseLines | None, end_day: float) -> Self:
        """Learn of items from the lines of all customers until a day."""
        if lines is None or not len(lines.items):
            self.items_, self.figures_ = np.empty(0, dtype=np.int64), np.empty((0, N_FIGURES))
            return self
        self.items_, codes, counts = np.unique(lines.items, return_inverse=True, return_counts=True)
        pairs = np.unique(np.column_stack([codes, lines.customers]), axis=0)[:, 0]
        first = np.full(len(self.items_), np.inf)
        np.minimum.at(first, codes, lines.days)
        is_recent = lines.days > end_day - RECENT_DAYS
        recent = np.bincount(codes, is_recent, minlength=len(self.items_)) / RECENT_DAYS
        span = max(end_day - float(lines.days.min()), 1.0)
        self.figures_ = np.column_stack(
            [np.log1p(np.bincount(pairs)), first, np.log1p(recent / (counts / span))]
        )
        return self

    def describe(self, lines: PurchaseLines | None, end_day: float, n_customers: int) -> Floats:
        """Return a row of numbers for each customer; NaN where nothing is known.

        Parameters
        ----------
        lines : PurchaseLines or None
        end_day : float
            Until when lines are known.
        n_customers : int

        Returns
        -------
        float64 array of shape (n_customers, 9)
            The columns are `names`.
        """
        self.check_is_fitted()
        if lines is None or not len(lines.items):
            return np.full((n_customers, len(self.names)), np.nan)
        who = lines.customers
        n_lines = np.bincount(who, minlength=n_customers).astype(np.float64)
        is_first, is_repeated = _first_and_repeated(lines)
        with np.errstate(invalid="ignore", divide="ignore"):  # a customer without lines has no figures
            n_items = np.bincount(who, is_first, minlength=n_customers)
            columns = [
                np.where(n_lines > 0, n_items, np.nan),
                n_items / n_lines,
                np.bincount(who, is_repeated, minlength=n_customers) / n_lines,
                _medians(who, lines.quantities, n_customers),
                np.bincount(who, lines.prices, minlength=n_customers) / n_lines,
                _medians(who, lines.prices, n_customers),
                *self._means(lines, end_day, n_customers),
            ]
        return np.column_stack(columns)

    def _means(self, lines: PurchaseLines, end_day: float, n_customers: int) -> list[Floats]:
        """Return the mean figures of the items that each customer bought, of those that are known."""
        if not len(self.items_):
            return [np.full(n_customers, np.nan)] * N_FIGURES
        places = np.minimum(np.searchsorted(self.items_, lines.items), len(self.items_) - 1)
        is_known = self.items_[places] == lines.items
        who, found = lines.customers[is_known], self.figures_[places[is_known]]
        n_known = np.bincount(who, minlength=n_customers)
        buyers, first, trend = (
            np.bincount(who, column, minlength=n_customers) / n_known for column in found.T
        )
        return [buyers, end_day - first, trend]


def _first_and_repeated(lines: PurchaseLines) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which lines are the first of an item, and which are of an item bought on an earlier day."""
    order = np.lexsort((lines.days, lines.items, lines.customers))
    who, what, when = lines.customers[order], lines.items[order], lines.days[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (np.diff(who) != 0) | (np.diff(what) != 0)
    first_days = when[np.maximum.accumulate(np.where(is_new, np.arange(len(order)), 0))]
    is_first, is_repeated = np.empty_like(is_new), np.empty_like(is_new)
    is_first[order], is_repeated[order] = is_new, when > first_days
    return is_first, is_repeated


def _medians(who: Ints, values: Floats, n_customers: int) -> Floats:
    order = np.lexsort((values, who))
    ends = np.cumsum(np.bincount(who, minlength=n_customers))
    starts = np.concatenate([[0], ends[:-1]])
    has_some = ends > starts
    found = np.full(n_customers, np.nan)
    ranked, first, last = values[order], starts[has_some], ends[has_some] - 1
    found[has_some] = (ranked[(first + last) // 2] + ranked[(first + last + 1) // 2]) / 2
    return found
