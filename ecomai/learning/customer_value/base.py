"""The contract of customer value: purchase histories in, a forecast of what follows out."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecomai.learning.base import Estimator
from ecomai.learning.callbacks import Callback
from ecomai.learning.exceptions import InvalidDataError

from .assortment import PurchaseLines

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_PURCHASES = 60  # the last column of a distribution is so many or more
LEAST_CUSTOMERS = 10  # with a purchase; fewer teach nothing
N_MOMENTS = 6  # at which the next purchase is looked for


@dataclass(frozen=True)
class PurchaseHistories:
    """Purchase days of customers and what they spent, known up to an end.

    Purchases of one customer on one day are one. A customer without a purchase has no row.

    Attributes
    ----------
    customers : int64 array of shape (n_purchases,)
        Positions of customers, rising.
    days : float64 array of shape (n_purchases,)
        Rising within a customer; any origin.
    amounts : float64 array of shape (n_purchases,)
        In one currency, at least 0.
    sizes : float64 array of shape (n_purchases,)
        Pieces bought, at least 0.
    end_day : float
        Until and with when everything is known.
    n_customers : int
    lines : PurchaseLines or None
        What was bought, where it is known.
    """

    customers: Ints
    days: Floats
    amounts: Floats
    sizes: Floats
    end_day: float
    n_customers: int
    lines: PurchaseLines | None = None

    @classmethod
    def of(
        cls,
        customers: ArrayLike,
        days: ArrayLike,
        amounts: ArrayLike,
        *,
        end_day: float,
        sizes: ArrayLike | None = None,
        lines: PurchaseLines | None = None,
    ) -> Self:
        """Return histories of purchases in any order; what comes after the end is left out.

        Parameters
        ----------
        customers : array-like of shape (n_purchases,)
            Numbers from 0; each must buy once by the end at least.
        days, amounts : array-like of shape (n_purchases,)
        end_day : float
        sizes : array-like of shape (n_purchases,), optional
            Pieces; one each by default.
        lines : PurchaseLines, optional
            Of the same customers and days.

        Raises
        ------
        InvalidDataError
            If sizes differ, a number is not finite or negative, or a customer has no purchase by the end.
        """
        who = np.asarray(customers, dtype=np.int64)
        when, spent = np.asarray(days, dtype=np.float64), np.asarray(amounts, dtype=np.float64)
        pieces = np.ones(len(who)) if sizes is None else np.asarray(sizes, dtype=np.float64)
        if who.ndim != 1 or not (who.shape == when.shape == spent.shape == pieces.shape):
            raise InvalidDataError("There must be a customer, a day, an amount and a size for each purchase.")
        if not all(np.isfinite(column).all() for column in (when, spent, pieces)):
            raise InvalidDataError("A day, an amount or a size is missing or infinite.")
        if min(who.min(initial=0), spent.min(initial=0), pieces.min(initial=0)) < 0:
            raise InvalidDataError("Customers, amounts and sizes must be at least 0.")
        n_customers = int(who.max(initial=-1)) + 1
        is_known = when <= end_day
        who, when, spent, pieces = who[is_known], when[is_known], spent[is_known], pieces[is_known]
        if len(np.unique(who)) != n_customers:
            raise InvalidDataError("Each customer must have a purchase by the end.")
        if lines is not None:
            lines = lines.until(end_day, np.arange(n_customers))
        return cls(*_one_a_day(who, when, spent, pieces), float(end_day), n_customers, lines)

    @property
    def starts(self) -> Ints:
        """Where each customer's purchases begin, and the end: (n_customers + 1,)."""
        return np.searchsorted(self.customers, np.arange(self.n_customers + 1)).astype(np.int64)

    @property
    def counts(self) -> Ints:
        return np.diff(self.starts)

    @property
    def first_days(self) -> Floats:
        return self.days[self.starts[:-1]]

    @property
    def last_days(self) -> Floats:
        return self.days[self.starts[1:] - 1]

    @property
    def ages(self) -> Floats:
        """Days from each customer's first purchase to the end."""
        return self.end_day - self.first_days

    def totals(self, values: ArrayLike) -> Floats:
        """Return the sum of a value of purchases for each customer: (n_customers,)."""
        sums = np.bincount(self.customers, np.asarray(values, np.float64), minlength=self.n_customers)
        return sums.astype(np.float64)

    def until(self, end_day: float) -> tuple[Self, Ints]:
        """Return what was known at an earlier end, and who (positions) had bought by then."""
        is_known = self.days <= end_day
        who, positions = np.unique(self.customers[is_known], return_inverse=True)
        histories = type(self)(
            positions.astype(np.int64),
            self.days[is_known],
            self.amounts[is_known],
            self.sizes[is_known],
            float(end_day),
            len(who),
            None if self.lines is None else self.lines.until(end_day, who),
        )
        return histories, who

    def select(self, who: ArrayLike) -> Self:
        """Return the histories of some customers (positions), in that order."""
        chosen = np.asarray(who, dtype=np.int64)
        counts = self.counts[chosen]
        offsets = np.repeat(self.starts[:-1][chosen] - np.cumsum(counts) + counts, counts)
        rows = offsets + np.arange(counts.sum())
        return type(self)(
            np.repeat(np.arange(len(chosen)), counts),
            self.days[rows],
            self.amounts[rows],
            self.sizes[rows],
            self.end_day,
            len(chosen),
            None if self.lines is None else self.lines.select(chosen),
        )

    def between(self, start_day: float, end_day: float) -> tuple[Floats, Floats]:
        """Return how often each customer bought after `start_day` until `end_day`, and for how much."""
        inside = ((self.days > start_day) & (self.days <= end_day)).astype(np.float64)
        return self.totals(inside), self.totals(inside * self.amounts)


def _one_a_day(
    customers: Ints, days: Floats, amounts: Floats, sizes: Floats
) -> tuple[Ints, Floats, Floats, Floats]:
    order = np.lexsort((sizes, amounts, days, customers))  # sums do not depend on the order given
    customers, days, amounts, sizes = customers[order], days[order], amounts[order], sizes[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (np.diff(customers) != 0) | (np.diff(days) != 0)
    if not len(order):
        return customers, days, amounts, sizes
    places = np.flatnonzero(is_new)
    return (
        customers[places],
        days[places],
        np.add.reduceat(amounts, places),
        np.add.reduceat(sizes, places),
    )


@dataclass(frozen=True)
class PurchaseForecast:
    """What customers will do within a horizon.

    Attributes
    ----------
    purchases : float64 array of shape (n_customers,)
        Expected number of purchase days.
    distribution : float64 array of shape (n_customers, n_counts)
        Probability of 0, 1, ... purchase days; the last column is that many or more.
    value : float64 array of shape (n_customers,)
        Expected amount.
    alive : float64 array of shape (n_customers,)
        Probability of being a customer still; where a model knows no death, of ever buying within the
        horizon.
    """

    purchases: Floats
    distribution: Floats
    value: Floats
    alive: Floats

    @property
    def buys(self) -> Floats:
        """Probability of buying at all within the horizon."""
        return 1 - self.distribution[:, 0]

    @property
    def median_purchases(self) -> Ints:
        return self.purchase_quantiles([0.5])[:, 0]

    def purchase_quantiles(self, levels: Sequence[float]) -> Ints:
        """Return the least numbers of purchases that are not exceeded so often: (n_customers, n_levels)."""
        below = np.cumsum(self.distribution, axis=1)[:, :, None]
        return np.asarray((below < np.asarray(levels) - 1e-12).sum(axis=1), dtype=np.int64)


class CustomerValueModel(Estimator):
    """Base of what foresees purchases: `fit`, `predict`, `value_quantiles`, `next_purchase_days`."""

    @abstractmethod
    def fit(
        self, histories: PurchaseHistories, *, horizon_days: float, callbacks: Sequence[Callback] = ()
    ) -> Self:
        """Learn from purchases until `histories.end_day`; what follows is foreseen from there.

        Parameters
        ----------
        histories : PurchaseHistories
        horizon_days : float
            How far it is mostly to foresee. `predict` may ask for another horizon.
        callbacks : sequence of Callback, default ()

        Returns
        -------
        CustomerValueModel
            Itself.

        Raises
        ------
        InvalidDataError
            If there are fewer than ten customers, nobody came back, or the horizon is not positive.
        TrainingCancelledError
            If a callback asks for it.
        """

    @abstractmethod
    def predict(self, histories: PurchaseHistories, horizon_days: float) -> PurchaseForecast:
        """Foresee the days after `histories.end_day`.

        Parameters
        ----------
        histories : PurchaseHistories
        horizon_days : float

        Returns
        -------
        PurchaseForecast

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        InvalidDataError
            If the horizon is not positive.
        """

    @abstractmethod
    def value_quantiles(
        self, histories: PurchaseHistories, horizon_days: float, levels: Sequence[float]
    ) -> Floats:
        """Return amounts that are not exceeded with these probabilities: (n_customers, n_levels)."""

    def next_purchase_days(self, histories: PurchaseHistories, horizon_days: float) -> Floats:
        """Return in how many days the next purchase is as likely made as not, if it comes in the horizon.

        Returns
        -------
        float64 array of shape (n_customers,)
            Above 0, at most the horizon.
        """
        moments = horizon_days * np.arange(1, N_MOMENTS + 1) ** 2 / N_MOMENTS**2  # denser at first
        chances = np.stack([self.predict(histories, moment).buys for moment in moments], axis=1)
        chances = np.maximum.accumulate(np.column_stack([np.zeros(len(chances)), chances]), axis=1)
        known = np.concatenate([[0.0], moments])
        return np.array(
            [np.interp(row[-1] / 2, row, known) if row[-1] > 0 else horizon_days for row in chances]
        )


def check_histories(histories: PurchaseHistories, horizon_days: float) -> None:
    """Raise InvalidDataError where there is nothing to learn from."""
    check_horizon(horizon_days)
    if histories.n_customers < LEAST_CUSTOMERS:
        raise InvalidDataError(f"There must be {LEAST_CUSTOMERS} customers at least.")
    if histories.counts.max() < 2:
        raise InvalidDataError("No customer has come back yet.")


def check_horizon(horizon_days: float) -> None:
    """Raise InvalidDataError unless the horizon is a positive number of days."""
    if not (np.isfinite(horizon_days) and horizon_days > 0):
        raise InvalidDataError("The horizon must be a positive number of days.")
