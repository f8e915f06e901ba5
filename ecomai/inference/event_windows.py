"""What happened shortly before a case, as the arrays that the event network reads; numpy alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SECONDS_PER_HOUR = 3600.0
#: What is known of an event's outcome when a case is judged.
UNKNOWN, GOOD, BAD = 0, 1, 2


@dataclass(frozen=True)
class EventTable:
    """Events in the order of time, each a part of one or more streams: of a customer, a device, a shop.

    Parameters
    ----------
    times : float64 array of shape (n_events,)
        In seconds, not falling.
    streams : int64 array of shape (n_events, n_streams)
        Whose event it is in each kind of stream; -1 where that is not known.
    numbers : float32 array of shape (n_events, n_numbers)
        Amounts, gaps, hours; NaN is missing.
    categories : int64 array of shape (n_events, n_categories)
        Hashed names, 0 where missing.
    outcomes : int8 array of shape (n_events,)
        1 turned out bad, 0 turned out good, -1 nobody knows.
    known_at : float64 array of shape (n_events,)
        When the outcome became known, in seconds; infinite for never.
    known_until : float64 array of shape (n_events,)
        From when on it was not known any more, such as a fraud that was none after all; infinite for never.
    texts : float32 array of shape (n_events, n_text) or None
        Vectors of what is written.
    """

    times: NDArray[np.float64]
    streams: NDArray[np.int64]
    numbers: NDArray[np.float32]
    categories: NDArray[np.int64]
    outcomes: NDArray[np.int8]
    known_at: NDArray[np.float64]
    known_until: NDArray[np.float64]
    texts: NDArray[np.float32] | None = None

    @classmethod
    def of(
        cls,
        times: ArrayLike,
        streams: ArrayLike,
        numbers: ArrayLike,
        *,
        categories: ArrayLike | None = None,
        outcomes: ArrayLike | None = None,
        known_at: ArrayLike | None = None,
        known_until: ArrayLike | None = None,
        texts: ArrayLike | None = None,
    ) -> "EventTable":
        """Return a table of whatever numpy understands, checked.

        Raises
        ------
        ValueError
            If sizes do not fit, or times fall.
        """
        when = np.asarray(times, dtype=np.float64)
        n = len(when)
        table = cls(
            when,
            np.asarray(streams, dtype=np.int64).reshape(n, -1),
            np.asarray(numbers, dtype=np.float32).reshape(n, -1),
            np.asarray(np.empty((n, 0)) if categories is None else categories, dtype=np.int64),
            np.full(n, -1, np.int8) if outcomes is None else np.asarray(outcomes, dtype=np.int8),
            np.full(n, np.inf) if known_at is None else np.asarray(known_at, dtype=np.float64),
            np.full(n, np.inf) if known_until is None else np.asarray(known_until, dtype=np.float64),
            None if texts is None else np.asarray(texts, dtype=np.float32),
        )
        table._check()
        return table

    def _check(self) -> None:
        if {len(array) for array in vars(self).values() if array is not None} != {len(self.times)}:
            raise ValueError("Each event needs its time, streams, numbers, categories and outcome.")
        flat = (self.outcomes, self.known_at, self.known_until)
        if self.categories.ndim != 2 or any(array.ndim != 1 for array in flat):
            raise ValueError("Categories have two dimensions, outcomes and their times one.")
        if not np.isfinite(self.times).all() or (np.diff(self.times) < 0).any():
            raise ValueError("Events must be in the order of time.")

    def __len__(self) -> int:
        return len(self.times)

    @property
    def n_streams(self) -> int:
        return self.streams.shape[1]


class EventWindows:
    """The newest events of a case's streams, with the case itself in front.

    An event of a table is a case. Its window holds itself at step 0, then for each stream its `lengths[s]`
    newest earlier events, newest first, padded with nothing; an event may stand in several streams.
    So a case is judged from a bounded number of events, whatever the length of a history.

    Parameters
    ----------
    table : EventTable
    lengths : sequence of n_streams int
        How many earlier events of each stream are looked at.
    n_buckets : int, default 1024
        Hashes of categories are taken modulo this; 0 stays what is missing.
    """

    def __init__(self, table: EventTable, lengths: Sequence[int], *, n_buckets: int = 1024) -> None:
        if len(lengths) != table.n_streams:
            raise ValueError(f"The events have {table.n_streams} streams, not {len(lengths)}.")
        self.table = table
        self.lengths = tuple(lengths)
        self._categories = np.where(
            table.categories == 0, 0, 1 + np.abs(table.categories) % max(n_buckets - 1, 1)
        )
        self.kinds = np.concatenate([[0], *(np.full(n, s + 1) for s, n in enumerate(lengths))]).astype(int)
        self._orders = [_Order.of(table.streams[:, stream]) for stream in range(table.n_streams)]

    @property
    def n_steps(self) -> int:
        return len(self.kinds)

    def steps(self, cases: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the events at each step, of shape (n_cases, n_steps); -1 is none."""
        rows: NDArray[np.int64] = np.asarray(cases, dtype=np.int64)
        earlier = [
            order.before(rows, length) for order, length in zip(self._orders, self.lengths, strict=True)
        ]
        return np.concatenate([rows[:, None], *earlier], axis=1)

    def inputs(self, cases: NDArray[np.integer]) -> dict[str, NDArray[Any]]:
        """Return what the network reads, each of shape (n_cases, n_steps, ...).

        Returns
        -------
        dict of str to array
            `numbers` (float32, NaN where missing), `ages` (float32: log of 1 + hours before the case),
            `categories` (int64), `states` (int64: what is known of the outcome by then; never of the
            case's own), `same` (float32: whether an event shares the case's streams), `kinds` (int64: 0 the
            case, then the stream; -1 nothing there), and `texts` (float32) where the table has some.
        """
        table, steps = self.table, self.steps(cases)
        is_there = steps >= 0
        now = table.times[cases][:, None]
        at = np.where(is_there, steps, 0)
        hours = np.maximum(now - table.times[at], 0) / SECONDS_PER_HOUR
        is_known = (table.known_at[at] <= now) & (now < table.known_until[at])
        states = np.where(is_known, 1 + table.outcomes[at].astype(np.int64), UNKNOWN)
        states[:, 0] = UNKNOWN
        found: dict[str, NDArray[Any]] = {
            "numbers": np.where(is_there[..., None], table.numbers[at], np.nan).astype(np.float32),
            "ages": np.where(is_there, np.log1p(hours), 0).astype(np.float32),
            "categories": np.where(is_there[..., None], self._categories[at], 0),
            "states": np.where(is_there, states, UNKNOWN),
            "same": self._same(at, is_there),
            "kinds": np.where(is_there, self.kinds, -1),
        }
        if table.texts is not None:
            found["texts"] = np.where(is_there[..., None], table.texts[at], 0).astype(np.float32)
        return found

    def _same(self, at: NDArray[np.int64], is_there: NDArray[np.bool_]) -> NDArray[np.float32]:
        streams = self.table.streams[at]  # (n_cases, n_steps, n_streams)
        own = streams[:, :1]
        return ((streams == own) & (own >= 0) & is_there[..., None]).astype(np.float32)


@dataclass(frozen=True)
class _Order:
    """Events by stream and time."""

    events: NDArray[np.int64]  # in that order
    places: NDArray[np.int64]  # where each event stands in it
    starts: NDArray[np.int64]  # where its stream begins
    is_known: NDArray[np.bool_]  # whose it is

    @classmethod
    def of(cls, stream: NDArray[np.int64]) -> "_Order":
        events = np.argsort(stream, kind="stable")
        places = np.empty_like(events)
        places[events] = np.arange(len(events))
        starts = np.searchsorted(stream[events], stream)
        return cls(events, places, starts, stream >= 0)

    def before(self, cases: NDArray[np.int64], length: int) -> NDArray[np.int64]:
        places = self.places[cases][:, None] - 1 - np.arange(length)
        is_there = (places >= self.starts[cases][:, None]) & self.is_known[cases][:, None]
        return np.where(is_there, self.events[np.where(is_there, places, 0)], -1)
