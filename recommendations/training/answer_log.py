"""Answers that visitors took something of, frozen as a file: what they saw, and what came of each item."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from django.db.models import QuerySet
from django.db.models.fields.json import KT

from ecomai.commerce.models import Event, EventType
from ecomai.commerce.snapshots import MOMENT, session_key
from ecomai.fusion.models import SessionLink

from ..app_settings import app_settings
from ..models import Answer

#: What visitors do with an answer they do so soon.
OPEN_FOR = timedelta(days=2)
#: What says that an item was taken, from what says least to what says most.
TAKEN = (EventType.CLICK.value, EventType.CART.value, EventType.PURCHASE.value)
AT_ONCE = 5_000
NOBODY = 0  # no customer and no session has this key in a snapshot
SCHEMA = pa.schema(
    [
        ("answer", pa.int64()), ("user_key", pa.int64()), ("placement", pa.string()), ("moment", MOMENT),
        ("seed_keys", pa.list_(pa.int64())), ("item_key", pa.int64()), ("position", pa.int32()),
        *((type, MOMENT) for type in TAKEN),
    ]
)  # fmt: skip

#: Items that an answer had, by its key as text.
Keyed = Mapping[str, "Logged"]


class Person(NamedTuple):
    """Who did something, as far as an event says: a customer's row, or a session of a storefront."""

    customer: int | None
    storefront: str
    session_id: str

    @property
    def names(self) -> Iterator[tuple[Any, ...]]:
        if self.customer is not None:
            yield (self.customer,)
        if self.session_id:
            yield (self.storefront, self.session_id)


@dataclass
class Logged:
    """One answer: `taken` has, by item and type of event, when that came first."""

    row: Mapping[str, Any]
    seen: set[int] = field(default_factory=set)
    taken: dict[int, dict[str, datetime]] = field(default_factory=lambda: defaultdict(dict))
    people: dict[int, set[Person]] = field(default_factory=lambda: defaultdict(set))

    def note(self, item: int, type: str, at: datetime) -> None:
        known = self.taken[item]
        known[type] = min(at, known.get(type, at))

    def shown(self) -> list[tuple[int, int]]:
        """Return what was seen with its place from 0: as was reported, and all above a taken item."""
        keys = self.row["item_keys"]
        last = max(keys.index(item) for item in self.taken)
        places = {key: place for place, key in reversed(list(enumerate(keys)))}
        return [(key, at) for key, at in places.items() if key in self.seen or at <= last]


def freeze_answers(path: Path, *, since: datetime, cutoff: datetime) -> str:
    """Write the answers of a period that something was taken of, and return a fingerprint of them.

    Nothing after the cutoff is read: neither an answer, nor what came of one. A click counts within two days,
    and what was put into a basket or bought after it within CONVERSION_DAYS. A browser may send whatever it
    likes, so only items that the answer had count.
    """
    if not path.exists():
        answers = _taken_answers(since, cutoff)
        _note_seen(answers, since, cutoff)
        _note_later(answers, since, cutoff)
        unfinished = path.with_suffix(".part")
        pq.write_table(pa.Table.from_pylist(list(_rows(answers.values())), schema=SCHEMA), unfinished)
        unfinished.rename(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_answers(path: Path) -> pd.DataFrame:
    """Return rows of what was seen, with times as UTC without a zone; NaT is never."""
    frame = pq.read_table(path).to_pandas()
    for name in ("moment", *TAKEN):
        frame[name] = frame[name].dt.tz_convert("UTC").dt.tz_localize(None)
    return frame


def gains_of(frame: pd.DataFrame, *, until: np.datetime64) -> np.ndarray:
    """Return what each row was worth by what had been done before a moment: the weight of what says most."""
    gains = np.zeros(len(frame), dtype=np.float32)
    for type in TAKEN:
        weight = _weight(type)
        is_done = (frame[type] < until).to_numpy()
        gains[is_done] = np.maximum(gains[is_done], weight)
    return gains


def _weight(type: str) -> float:
    """Return what an event is worth; a click on an answer at least what says least in a history."""
    weights = app_settings.EVENT_WEIGHTS
    least = min((weight for weight in weights.values() if weight > 0), default=1.0)
    own = weights.get(type, 0.0)
    return max(own, least if type == EventType.CLICK else 0.0)


# -- reading the log ------------------------------------------------------------------------------


def _told(since: datetime, cutoff: datetime, types: Iterable[str]) -> QuerySet[Any]:
    events = Event.objects.filter(
        type__in=types, occurred_at__gte=since, occurred_at__lt=cutoff, item__isnull=False,
        properties__has_key="answer",
    )  # fmt: skip
    return events.annotate(answer=KT("properties__answer")).order_by()


def _taken_answers(since: datetime, cutoff: datetime) -> Keyed:
    names = ("answer", "item_id", "type", "occurred_at", "customer_id", "storefront", "session_id")
    rows = list(_told(since, cutoff, TAKEN).values_list(*names))
    known = _answers({row[0] for row in rows}, since, cutoff)
    for key, item, type, at, *person in rows:
        answer = known.get(key)
        if answer is not None and item in answer.row["item_keys"] and _is_soon(answer, at):
            answer.note(item, type, at)
            answer.people[item] |= {Person(*person), _asked_by(answer)}
    return {key: answer for key, answer in known.items() if answer.taken}


def _answers(keys: set[str], since: datetime, cutoff: datetime) -> dict[str, Logged]:
    wanted = sorted(uuid for key in keys if (uuid := _as_uuid(key)) is not None)
    names = (
        "key", "customer_id", "storefront", "session_id", "placement", "seed_keys", "item_keys", "created_at",
    )  # fmt: skip
    found: dict[str, Logged] = {}
    for start in range(0, len(wanted), AT_ONCE):
        part = Answer.objects.filter(
            key__in=wanted[start : start + AT_ONCE], created_at__gte=since, created_at__lt=cutoff
        )
        found |= {str(row["key"]): Logged(row) for row in part.order_by().values(*names)}
    return found


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None  # whatever a browser sent


def _is_soon(answer: Logged, at: datetime) -> bool:
    asked_at: datetime = answer.row["created_at"]
    return asked_at <= at < asked_at + OPEN_FOR


def _asked_by(answer: Logged) -> Person:
    row = answer.row
    return Person(row["customer_id"], row["storefront"], row["session_id"])


def _note_seen(answers: Keyed, since: datetime, cutoff: datetime) -> None:
    """Note impressions: no index knows whose they are, so thousands of answers are looked for at once."""
    keys, seen = list(answers), _told(since, cutoff, [EventType.IMPRESSION.value])
    for start in range(0, len(keys), AT_ONCE):
        part = seen.filter(answer__in=keys[start : start + AT_ONCE])
        for key, item, at in part.values_list("answer", "item_id", "occurred_at").iterator(AT_ONCE):
            if _is_soon(answers[key], at):
                answers[key].seen.add(item)


def _note_later(answers: Keyed, since: datetime, cutoff: datetime) -> None:
    """Note what who took an item did with it after: into the basket, or bought."""
    waiting: dict[tuple[Any, ...], list[tuple[Logged, datetime]]] = defaultdict(list)
    for answer in answers.values():
        for item, known in answer.taken.items():
            taken_at = min(known.values())
            for name in {name for person in answer.people[item] for name in person.names}:
                waiting[(*name, item)].append((answer, taken_at))
    window = timedelta(days=app_settings.CONVERSION_DAYS)
    later = Event.objects.filter(
        type__in=TAKEN[1:], occurred_at__gte=since, occurred_at__lt=cutoff, item__isnull=False
    ).order_by()
    names = ("item_id", "type", "occurred_at", "customer_id", "storefront", "session_id")
    for item, type, at, *person in later.values_list(*names).iterator(AT_ONCE):
        for name in Person(*person).names:
            for answer, taken_at in waiting.get((*name, item), ()):
                if taken_at <= at < taken_at + window:
                    answer.note(item, type, at)


# -- rows -----------------------------------------------------------------------------------------


def _rows(answers: Iterable[Logged]) -> Iterator[dict[str, Any]]:
    """Yield rows in the order of time, so that the same log gives the same file."""
    ordered = sorted(answers, key=lambda answer: (answer.row["created_at"], str(answer.row["key"])))
    links = _links(ordered)
    for number, answer in enumerate(ordered):
        row = answer.row
        common = {
            "answer": number, "user_key": _user_key(_asked_by(answer), links), "placement": row["placement"],
            "moment": row["created_at"], "seed_keys": row["seed_keys"],
        }  # fmt: skip
        for item, place in sorted(answer.shown(), key=lambda one: one[1]):
            yield {**common, "item_key": item, "position": place, **answer.taken.get(item, {})}


def _links(answers: Iterable[Logged]) -> dict[tuple[str, str], int]:
    """Return whose the sessions are that asked while nobody knew."""
    sessions = sorted({answer.row["session_id"] for answer in answers if answer.row["customer_id"] is None})
    found: dict[tuple[str, str], int] = {}
    for start in range(0, len(sessions), AT_ONCE):
        part = SessionLink.objects.filter(session_id__in=sessions[start : start + AT_ONCE])
        found |= {
            (row[0], row[1]): row[2] for row in part.values_list("storefront", "session_id", "customer")
        }
    return found


def _user_key(person: Person, links: Mapping[tuple[str, str], int]) -> int:
    """Return who it is in a snapshot: events of a session that became a customer's are the customer's."""
    if person.customer is not None:
        return person.customer
    if not person.session_id:
        return NOBODY
    linked = links.get((person.storefront, person.session_id))
    return session_key(person.storefront, person.session_id) if linked is None else linked
