"""Who did something with which item, in which order: the input of every recommender."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .exceptions import InvalidDataError

EVENT_COLUMNS = ("ages_days", "weights", "types")


@dataclass(frozen=True, eq=False)
class Interactions:
    """Users' items, oldest first, in flat arrays so that millions of events stay small.

    User `u` owns the rows `offsets[u]:offsets[u + 1]`. Items are positions in a catalogue of `n_items`,
    which also counts the items that nobody touched yet.

    Parameters
    ----------
    items : int32 array of shape (n_events,)
        Position of each event's item, in [0, n_items).
    offsets : int64 array of shape (n_users + 1,)
        Where each user's events begin; the last entry is `n_events`.
    n_items : int
        Size of the catalogue.
    ages_days : float32 array of shape (n_events,), optional
        Days from the event to the cutoff, at least 0. Without it all events are of one age.
    weights : float32 array of shape (n_events,), optional
        How much an event says, at least 0; a purchase may weigh more than a view. Without it, 1.
    types : int64 array of shape (n_events,), optional
        What kind of event it was: a number from 0, of the caller's choice.

    Raises
    ------
    InvalidDataError
        If shapes disagree, or an item lies outside the catalogue, or a number is not finite.

    Examples
    --------
    >>> X = Interactions.from_sequences([[0, 2], [1]], n_items=3)
    >>> len(X), X[0].tolist()
    (2, [0, 2])
    """

    items: NDArray[np.int32]
    offsets: NDArray[np.int64]
    n_items: int
    ages_days: NDArray[np.float32] | None = None
    weights: NDArray[np.float32] | None = None
    types: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.items.ndim != 1 or self.offsets.ndim != 1 or len(self.offsets) == 0:
            raise InvalidDataError("Items and offsets must be arrays of one dimension.")
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.items) or np.any(np.diff(self.offsets) < 0):
            raise InvalidDataError("Offsets must rise from 0 to the number of events.")
        if len(self.items) and not (self.items.min() >= 0 and self.items.max() < self.n_items):
            raise InvalidDataError(f"Every item must lie in the catalogue of {self.n_items} items.")
        for name in EVENT_COLUMNS:
            values = getattr(self, name)
            if values is None:
                continue
            if values.shape != self.items.shape:
                raise InvalidDataError(f"There are {len(values)} {name} for {len(self.items)} events.")
            if not np.all(np.isfinite(values)) or np.any(values < 0):
                raise InvalidDataError(f"All {name} must be finite and at least 0.")

    @classmethod
    def from_sequences(cls, sequences: Sequence[ArrayLike], *, n_items: int) -> Self:
        """Build from one list of item positions per user, oldest first.

        Parameters
        ----------
        sequences : sequence of n_users int sequences
            A user may have none.
        n_items : int
            Size of the catalogue.

        Returns
        -------
        Interactions
            Without ages and weights.
        """
        rows = [_as_items(row) for row in sequences]
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        items = np.concatenate(rows) if rows else np.empty(0, dtype=np.int32)
        return cls(items=items, offsets=offsets, n_items=n_items)

    @classmethod
    def from_columns(
        cls,
        users: NDArray[np.integer],
        items: NDArray[np.integer],
        *,
        n_items: int,
        order: ArrayLike | None = None,
        n_users: int | None = None,
        ages_days: NDArray[np.floating] | None = None,
        weights: NDArray[np.floating] | None = None,
        types: NDArray[np.integer] | None = None,
    ) -> Self:
        """Build from columns of events in any order.

        Parameters
        ----------
        users, items : int array of shape (n_events,)
            Positions, from 0.
        n_items : int
            Size of the catalogue.
        order : array of shape (n_events,), optional
            What sorts a user's events, such as their times. Default: from the greatest age to the
            least, or as given where there are no ages. Ties keep their order.
        n_users : int, optional
            Default: the greatest user plus 1.
        ages_days, weights, types : array of shape (n_events,), optional
            As in the class.

        Returns
        -------
        Interactions
            Sorted by user, oldest first.
        """
        users, items = np.asarray(users), np.asarray(items)
        if users.shape != items.shape or users.ndim != 1:
            raise InvalidDataError("Users and items must be columns of the same length.")
        if order is None:
            order = np.zeros(len(users)) if ages_days is None else -np.asarray(ages_days)
        sorting = np.lexsort((np.asarray(order), users))
        counts = np.bincount(users, minlength=n_users or 0)
        if n_users is not None and len(counts) > n_users:
            raise InvalidDataError(f"A user lies outside the {n_users} users.")
        return cls(
            items=items[sorting].astype(np.int32),
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            n_items=n_items,
            ages_days=None if ages_days is None else np.asarray(ages_days, dtype=np.float32)[sorting],
            weights=None if weights is None else np.asarray(weights, dtype=np.float32)[sorting],
            types=None if types is None else np.asarray(types, dtype=np.int64)[sorting],
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, user: int) -> NDArray[np.int32]:
        return self.items[self.offsets[user] : self.offsets[user + 1]]

    def __iter__(self) -> Iterator[NDArray[np.int32]]:
        return (self[user] for user in range(len(self)))

    @property
    def n_events(self) -> int:
        return len(self.items)

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)

    @property
    def users(self) -> NDArray[np.int64]:
        """The user of each event."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def event_weights(self) -> NDArray[np.float32]:
        return np.ones(self.n_events, dtype=np.float32) if self.weights is None else self.weights

    @property
    def positions_from_end(self) -> NDArray[np.int64]:
        """How many events of the same user are newer than each event."""
        return np.repeat(self.offsets[1:], self.lengths) - 1 - np.arange(self.n_events)

    @property
    def first_of_basket(self) -> NDArray[np.bool_]:
        """Whether an event begins a basket: events of one user at one time are one, without ages each is."""
        is_first = np.ones(self.n_events, dtype=bool)
        if self.ages_days is not None:
            is_first[1:] = self.ages_days[1:] != self.ages_days[:-1]
            is_first[self.offsets[:-1][self.lengths > 0]] = True
        return is_first

    @property
    def baskets_from_end(self) -> NDArray[np.int64]:
        """How many baskets of the same user are newer than each event's."""
        number = np.cumsum(self.first_of_basket, dtype=np.int64)
        return np.repeat(number[self.offsets[1:] - 1], self.lengths) - number if self.n_events else number

    def where(self, is_kept: NDArray[np.bool_]) -> Self:
        """Return the events of a mask, for the same users."""
        counts = np.bincount(self.users[is_kept], minlength=len(self))
        return replace(
            self,
            items=self.items[is_kept],
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            **self._columns(is_kept),
        )

    def select(self, users: NDArray[np.integer]) -> Self:
        """Return the events of some users, in the order asked for."""
        users = np.asarray(users, dtype=np.int64)
        lengths = self.lengths[users]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.repeat(self.offsets[users] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return replace(
            self,
            items=self.items[rows],
            offsets=offsets,
            **self._columns(rows),
        )

    def _columns(self, rows: NDArray[Any]) -> dict[str, Any]:
        columns = {name: getattr(self, name) for name in EVENT_COLUMNS}
        return {name: None if values is None else values[rows] for name, values in columns.items()}

    def joined(self, other: Self) -> Self:
        """Return these users followed by another catalogue's, of which this one is a continuation.

        What only one of the two knows of its events is left out.
        """
        columns = {name: (getattr(self, name), getattr(other, name)) for name in EVENT_COLUMNS}
        return type(self)(
            items=np.concatenate([self.items, other.items]),
            offsets=np.concatenate([self.offsets, self.n_events + other.offsets[1:]]),
            n_items=max(self.n_items, other.n_items),
            **{
                name: None if first is None or second is None else np.concatenate([first, second])
                for name, (first, second) in columns.items()
            },
        )

    def newest(self, n: int) -> Self:
        """Return each user's `n` newest events."""
        return self.where(self.positions_from_end < n)


def as_interactions(X: "Interactions | Sequence[ArrayLike]", *, n_items: int | None = None) -> Interactions:
    """Return `X` as `Interactions`, checked against the catalogue where its size is known.

    Raises
    ------
    InvalidDataError
        If `X` is of another catalogue, or holds an item outside of it.
    """
    if isinstance(X, Interactions):
        if n_items is not None and X.n_items != n_items:
            raise InvalidDataError(f"These interactions are of {X.n_items} items, not of {n_items}.")
        return X
    if n_items is None:
        n_items = 1 + max((int(np.max(row)) for row in X if len(_as_items(row))), default=-1)
    return Interactions.from_sequences(X, n_items=n_items)


def _as_items(row: ArrayLike) -> NDArray[np.int32]:
    values = np.asarray(row)
    if values.ndim != 1:
        raise InvalidDataError("Each user's items must be a list of positions.")
    if values.size and not np.issubdtype(values.dtype, np.integer):
        raise InvalidDataError("Items are positions in the catalogue: whole numbers.")
    return values.astype(np.int32)
