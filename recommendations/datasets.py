"""From a frozen snapshot to what recommenders learn from and are judged on; nothing later than its cutoff."""

import itertools
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ecomai.inference.event_context import EventContext
from ecomai.learning.interactions import Interactions

from .app_settings import app_settings
from .selectors import interaction_types, ranked_types
from .texts import item_text

DAY: Any = np.timedelta64(1, "D")
KEY_COLUMNS = ("item_key", "external_id", "storefront", "is_active")
TEXT_COLUMNS = ("title", "category_path", "brand", "attributes", "description")


@dataclass(frozen=True, eq=False)
class Dataset:
    """A shop's history as positions: users x items, oldest first, with what is known of the items.

    `times` stands beside `interactions.items`; `item_keys` and `texts` say what each position is.
    """

    interactions: Interactions
    times: np.ndarray  # (n_events,) datetime64[us], UTC
    item_keys: np.ndarray  # (n_items,) int64
    external_ids: list[str]
    storefronts: list[str]
    is_active: np.ndarray  # (n_items,) bool
    texts: list[str]
    event_types: list[str]  # by the number that `interactions.types` has for each
    user_keys: np.ndarray | None = None  # (n_users,) int64, ascending: who each user is in the snapshot
    ends: np.ndarray | None = None  # (n_events,) datetime64[us]: of `times`, when each step was over

    @property
    def n_people_with_two(self) -> int:
        return int(np.count_nonzero(self.interactions.lengths >= 2))

    @property
    def n_touched_items(self) -> int:
        return len(np.unique(self.interactions.items))

    def rows_by_storefront(self) -> dict[str, list[int]]:
        rows: dict[str, list[int]] = defaultdict(list)
        for row, storefront in enumerate(self.storefronts):
            rows[storefront].append(row)
        return dict(rows)

    def places_of_users(self, user_keys: np.ndarray) -> np.ndarray:
        """Return which user each key is; -1 for one who did nothing."""
        known = np.empty(0, dtype=np.int64) if self.user_keys is None else self.user_keys
        if not len(known):
            return np.full(len(user_keys), -1)
        at = np.minimum(np.searchsorted(known, user_keys), len(known) - 1)
        return np.where(known[at] == user_keys, at, -1)

    def before(self, moment: np.datetime64) -> Interactions:
        """Return what had happened before a moment, with ages counted from there."""
        is_earlier = self.times < moment
        X = self.interactions.where(is_earlier)
        ages: np.ndarray = (moment - self.times[is_earlier]) / DAY
        return Interactions(
            items=X.items,
            offsets=X.offsets,
            n_items=X.n_items,
            ages_days=ages.astype(np.float32),
            weights=X.weights,
            types=X.types,
        )


@dataclass(frozen=True, eq=False)
class Cases:
    """Moments to judge a recommender on: what was known of a user, and what the user turned to next.

    A case is a user's last step to an item new to them within a period. `is_returning` says whether the
    user was known before the period began.
    """

    histories: Interactions
    targets: Interactions
    is_returning: np.ndarray  # (n_cases,) bool

    def __len__(self) -> int:
        return len(self.targets)

    def select(self, is_kept: np.ndarray) -> "Cases":
        rows = np.flatnonzero(is_kept)
        return Cases(self.histories.select(rows), self.targets.select(rows), self.is_returning[rows])


def read_dataset(folder: Path, *, cutoff: datetime) -> Dataset:
    """Read a snapshot. Raises ValueError if an event is later than the cutoff."""
    items = pq.read_table(folder / "items.parquet", columns=[*KEY_COLUMNS, *TEXT_COLUMNS]).to_pandas()
    items = items.sort_values("item_key")
    item_keys = items["item_key"].to_numpy(np.int64)
    event_types = ranked_types()
    user_keys, users, at, times, weights, types = _columns(_read_events(folder), item_keys, event_types)
    if len(times) and times.max() > _as_datetime64(cutoff):
        raise ValueError("The snapshot holds events later than its cutoff.")
    n_users = int(users.max()) + 1 if len(users) else 0
    kept, weights, types = _collapse(users, at, weights, types)
    ages: np.ndarray = (_as_datetime64(cutoff) - times[kept]) / DAY
    interactions = Interactions(
        items=at[kept].astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(np.bincount(users[kept], minlength=n_users))]).astype(
            np.int64
        ),
        n_items=len(item_keys),
        ages_days=ages.astype(np.float32),
        weights=weights.astype(np.float32),
        types=types.astype(np.int64),
    )
    return Dataset(
        interactions=interactions,
        times=times[kept],
        item_keys=item_keys,
        external_ids=items["external_id"].tolist(),
        storefronts=items["storefront"].tolist(),
        is_active=items["is_active"].to_numpy(bool),
        texts=[_text_of(row) for row in items[list(TEXT_COLUMNS)].to_dict("records")],
        event_types=event_types,
        user_keys=user_keys,
        ends=times[np.append(kept[1:], len(times)) - 1] if len(kept) else times[:0],
    )


def _text_of(row: dict[str, Any]) -> str:
    return item_text(**{**row, "attributes": json.loads(row["attributes"] or "{}")})


def _read_events(folder: Path) -> pd.DataFrame:
    table = pq.read_table(
        folder / "events.parquet",
        columns=["user_key", "item_key", "type", "occurred_at"],
        filters=pc.field("type").isin(interaction_types()) & pc.field("item_key").is_valid(),
    )
    return table.to_pandas()


def _columns(
    events: pd.DataFrame, item_keys: np.ndarray, event_types: Sequence[str]
) -> tuple[np.ndarray, ...]:
    """Return users' keys; and users, item positions, times, weights and types, by user and time.

    Items that are gone are left out.
    """
    events = events[events["item_key"].isin(item_keys) & events["user_key"].notna()]
    user_keys, users = np.unique(events["user_key"].to_numpy(np.int64), return_inverse=True)
    at = np.searchsorted(item_keys, events["item_key"].to_numpy(np.int64))
    times = events["occurred_at"].dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[us]")
    weights = events["type"].map(app_settings.EVENT_WEIGHTS).to_numpy(np.float64)
    numbers = {type: number for number, type in enumerate(event_types)}
    types = events["type"].map(numbers).to_numpy(np.int64)
    order = np.lexsort((times, users))
    return user_keys, users[order], at[order], times[order], weights[order], types[order]


def _collapse(
    users: np.ndarray, items: np.ndarray, weights: np.ndarray, types: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make view, basket and purchase of one item one step: its first row, as what says most of it."""
    if not len(users):
        return np.empty(0, dtype=np.int64), np.empty(0), np.empty(0, dtype=np.int64)
    is_first = np.ones(len(users), dtype=bool)
    is_first[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
    kept = np.flatnonzero(is_first)
    return kept, np.maximum.reduceat(weights, kept), np.maximum.reduceat(types, kept)


def period_starts(
    dataset: Dataset, *, valid_share: float, test_share: float
) -> tuple[np.datetime64, np.datetime64]:
    """Return when the validation and the test period begin, so that each holds its share of the events."""
    times = np.sort(dataset.times)
    at = [int(len(times) * (1 - test_share - valid_share)), int(len(times) * (1 - test_share))]
    return times[at[0]], times[at[1]]


def cases_between(
    dataset: Dataset,
    start: np.datetime64,
    stop: np.datetime64 | None = None,
    *,
    n_max: int,
    random_state: int,
    among: np.ndarray | None = None,
) -> Cases:
    """Return a case for each user with one in the period, at most `n_max` of them drawn at random.

    With `among`, an array of users, only theirs.
    """
    X, times = dataset.interactions, dataset.times
    users = X.users
    is_case = _is_new_to_user(users, X) & (times >= start)
    if among is not None:
        is_case &= np.isin(users, among)
    if stop is not None:
        is_case &= times < stop
    rows = np.flatnonzero(is_case)
    is_last = np.ones(len(rows), dtype=bool)
    is_last[:-1] = users[rows[1:]] != users[rows[:-1]]
    rows = rows[is_last]
    if len(rows) > n_max:
        rows = np.sort(np.random.default_rng(random_state).choice(rows, n_max, replace=False))
    first_times = times[X.offsets[users[rows]]]
    return Cases(before_rows(X, rows), _only_rows(X, rows), first_times < start)


def _is_new_to_user(users: np.ndarray, X: Interactions) -> np.ndarray:
    """Whether each event is a user's first with its item, and not the user's first of all."""
    pairs = users.astype(np.int64) * X.n_items + X.items
    is_new = np.zeros(X.n_events, dtype=bool)
    is_new[np.unique(pairs, return_index=True)[1]] = True
    is_new[X.offsets[:-1][X.lengths > 0]] = False
    return is_new


def before_rows(X: Interactions, rows: np.ndarray) -> Interactions:
    """Return, for each row, the same user's earlier events, as far back as answers look."""
    return _newest_before(X, X.offsets[X.users[rows]], rows)


def histories_at(dataset: Dataset, users: np.ndarray, moments: np.ndarray) -> Interactions:
    """Return what each user had done before a moment, as far back as answers look; of user -1, nothing.

    A step that went on after the moment, say from a look to a purchase, is the least that it can have been.
    """
    X, times = dataset.interactions, dataset.times
    begins, ends = np.zeros(len(users), dtype=np.int64), np.zeros(len(users), dtype=np.int64)
    for row in np.flatnonzero(users >= 0):
        begin, end = int(X.offsets[users[row]]), int(X.offsets[users[row] + 1])
        begins[row], ends[row] = begin, begin + int(np.searchsorted(times[begin:end], moments[row]))
    histories = _newest_before(X, begins, ends)
    if dataset.ends is not None and histories.types is not None:
        rows = np.flatnonzero(ends > begins)
        went_on = rows[dataset.ends[ends[rows] - 1] >= moments[rows]]
        histories.types[histories.offsets[went_on + 1] - 1] = 0
    return histories


def _newest_before(X: Interactions, begins: np.ndarray, stops: np.ndarray) -> Interactions:
    """Return the newest events of each user, who has those from `begins` on, before `stops`."""
    starts = np.maximum(begins, stops - app_settings.HISTORY_LENGTH)
    lengths = stops - starts
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    at = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    columns = {
        name: None if (values := getattr(X, name)) is None else values[at] for name in ("ages_days", "types")
    }
    return Interactions(items=X.items[at], offsets=offsets, n_items=X.n_items, **columns)


def _only_rows(X: Interactions, rows: np.ndarray) -> Interactions:
    return Interactions(
        items=X.items[rows], offsets=np.arange(len(rows) + 1, dtype=np.int64), n_items=X.n_items
    )


def _as_datetime64(moment: datetime) -> np.datetime64:
    return np.datetime64(moment.astimezone(UTC).replace(tzinfo=None), "us")


def as_sequences(X: Interactions, item_keys: np.ndarray) -> list[list[str]]:
    """Return histories as the ids that serving knows."""
    ids = item_keys.astype(str)
    return [ids[row].tolist() for row in X]


def event_contexts(X: Interactions, event_types: Sequence[str]) -> list[list[EventContext]]:
    """Return what is known of the events of histories besides their items, as serving reads it."""
    if X.types is None or X.ages_days is None:
        raise ValueError("These histories know neither types nor times.")
    events = [
        EventContext(event_types[type], -age)
        for type, age in zip(X.types.tolist(), X.ages_days.tolist(), strict=True)
    ]
    return [events[start:stop] for start, stop in itertools.pairwise(X.offsets.tolist())]


def groups_of(cases: Cases, train: Interactions, *, tail: int = 5) -> dict[str, np.ndarray]:
    """Return which cases belong to which group: new and returning customers, head and tail items."""
    counts = np.bincount(train.items, minlength=train.n_items)[cases.targets.items]
    return {
        "new_customers": ~cases.is_returning,
        "returning_customers": cases.is_returning,
        "head_items": counts > tail,
        "tail_items": counts <= tail,
    }


def describe(dataset: Dataset) -> dict[str, Any]:
    return {
        "n_events": dataset.interactions.n_events,
        "n_people": len(dataset.interactions),
        "n_items": len(dataset.item_keys),
    }
