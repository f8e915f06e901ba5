"""What happened shortly before an assessment, as the event network reads it: to answer, and to learn.

Answering reads the newest events of a question's customer, card and device, a few rows each by an index,
however long a history is. Learning reads all events once. Both make the same table of the same columns, of
which the same windows are cut.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from ecomai.inference.event_windows import EventTable
from ecomai.reading import is_postgresql, read_rows
from ecomai.serving.predictors.event_ensemble import EventEnsemblePredictor

from .features import CODES, FEATURE_NAMES, FEATURES_VERSION
from .features.events import short
from .features.tokens import PLACES, STREAMS, TOKENS, token_numbers
from .models import Assessment, Label

#: Of the newest events, so many are learned from.
MOST_EVENTS = 200_000
LENGTHS = tuple(STREAMS.values())
_CHUNK = 5_000
_BAD = 1


@dataclass(frozen=True)
class PastEvent:
    """An assessment as an event; `values` are its token, and it was known as fraud from when until when."""

    id: int
    at: datetime
    kind: str
    owners: tuple[UUID | None, ...]
    values: Sequence[float | None]
    known_at: datetime | None = None
    known_until: datetime | None = None


@dataclass(frozen=True, eq=False)
class Sequences:
    """Events in the order they came. `ids` are the assessments' keys."""

    ids: NDArray[np.int64]
    table: EventTable

    @cached_property
    def _places(self) -> dict[int, int]:
        return {pk: place for place, pk in enumerate(self.ids.tolist())}

    def places(self, ids: Iterable[int]) -> NDArray[np.int64]:
        """Return where assessments are in the table; -1 for those that it does not have."""
        return np.array([self._places.get(int(pk), -1) for pk in ids], dtype=np.int64)

    def table_of(self, numbers: Sequence[str], streams: Iterable[str]) -> EventTable:
        """Return the table with some numbers alone, and nothing of other streams, as a model knows it."""
        columns = [TOKENS.index(name) for name in numbers]
        is_read = np.array([stream in set(streams) for stream in STREAMS])
        known = np.where(is_read, self.table.streams, -1)
        return replace(self.table, numbers=self.table.numbers[:, columns], streams=known)


def sequences_of(events: Iterable[PastEvent]) -> Sequences:
    """Return events, in any order, as a table. Of several with one id the first counts."""
    known = {event.id: event for event in reversed(list(events))}
    ordered = sorted(known.values(), key=lambda event: (event.at, event.id))
    values = np.array(
        [[np.nan if value is None else value for value in event.values] for event in ordered],
        dtype=np.float32,
    ).reshape(len(ordered), len(TOKENS))
    table = EventTable.of(
        [event.at.timestamp() for event in ordered],
        np.array(
            [[-1 if owner is None else short(owner.bytes) for owner in event.owners] for event in ordered],
            dtype=np.int64,
        ).reshape(len(ordered), len(STREAMS)),
        token_numbers(values),
        categories=np.array([[1 + CODES[event.kind]] for event in ordered], dtype=np.int64).reshape(-1, 1),
        outcomes=np.full(len(ordered), _BAD, dtype=np.int8),
        known_at=[np.inf if event.known_at is None else event.known_at.timestamp() for event in ordered],
        known_until=[
            np.inf if event.known_until is None else event.known_until.timestamp() for event in ordered
        ],
    )
    return Sequences(np.array([event.id for event in ordered], dtype=np.int64), table)


# -- when it answers ----------------------------------------------------------------------------


def sequences_before(rows: Sequence[Assessment]) -> tuple[Sequences, NDArray[np.int64]]:
    """Return the events before assessments, with these, and where these are.

    One query, by indexes, of at most 32 rows for each assessment. One that is not stored yet is judged
    where it stands: the locks on what it names let nobody else come in between.
    """
    cases = [_as_event(row, -1 - number if row.pk is None else row.pk) for number, row in enumerate(rows)]
    # A case may be the past of another one, and then its labels count.
    found = sequences_of([*_past_of(cases), *cases])
    return found, found.places(case.id for case in cases)


def _as_event(row: Assessment, pk: int) -> PastEvent:
    return PastEvent(pk, row.received_at, row.kind, _owners(row), tokens_of(row))


def _owners(row: Assessment) -> tuple[UUID | None, ...]:
    return tuple(getattr(row, stream) for stream in STREAMS)


def tokens_of(row: Assessment) -> list[float | None]:
    """The features that are a row's token; of another version of the features none is known."""
    if row.features_version != FEATURES_VERSION or len(row.features) != len(FEATURE_NAMES):
        return [None] * len(TOKENS)
    return [row.features[place] for place in PLACES]


def _past_of(cases: Sequence[PastEvent]) -> list[PastEvent]:
    if not is_postgresql():
        return [event for case in cases for event in _past_by_orm(case)]
    if len(cases) == 1:
        found = read_rows(_PAST_OF_ONE, (*cases[0].owners, cases[0].at))
    else:
        keys = [[case.owners[stream] for case in cases] for stream in range(len(STREAMS))]
        found = read_rows(_PAST_OF_MANY, (*keys, [case.at for case in cases]))
    return [
        PastEvent(pk, at, kind, tuple(owners), json.loads(values), known_at, _until(known_at, known_until))
        for pk, at, kind, *owners, values, known_at, known_until in found
    ]


def _until(known_at: datetime | None, known_until: datetime | None) -> datetime | None:
    """What was taken back before it was said the last time is known again."""
    return known_until if known_at and known_until and known_until > known_at else None


def _sql(given: str) -> str:
    """Each stream of each case is a look at the beginning of an index; labels are looked up by assessment."""
    table, labels = Assessment._meta.db_table, Label._meta.db_table
    looks = " UNION ".join(
        f'SELECT past.id FROM cases, LATERAL (SELECT id FROM "{table}" WHERE "{stream}" = cases."{stream}" '  # noqa: S608
        f"AND received_at < cases.at AND features_version = {FEATURES_VERSION} "
        f"ORDER BY received_at DESC LIMIT {length}) AS past"
        for stream, length in STREAMS.items()
    )
    owners = ", ".join(f'one."{stream}"' for stream in STREAMS)
    names = ", ".join(f'"{stream}"' for stream in STREAMS)
    tokens = f"$[{', '.join(str(place) for place in PLACES)}]"
    return (
        f"WITH cases AS MATERIALIZED (SELECT * FROM {given} AS given({names}, at)) "  # noqa: S608
        f"SELECT one.id, one.received_at, one.kind, {owners}, "
        f"jsonb_path_query_array(one.features, '{tokens}')::text, said.known_at, said.known_until "
        f'FROM ({looks}) AS found, LATERAL (SELECT * FROM "{table}" WHERE id = found.id) AS one, '
        f"LATERAL (SELECT max(recorded_at) FILTER (WHERE change = 1) AS known_at, "
        f"max(recorded_at) FILTER (WHERE change = -1) AS known_until "
        f'FROM "{labels}" WHERE assessment_id = one.id) AS said'
    )


# Arrays cost a checkout a millisecond more than values.
_PAST_OF_ONE = _sql(f"(VALUES ({'%s::uuid, ' * len(STREAMS)}%s::timestamptz))")
_PAST_OF_MANY = _sql(f"unnest({'%s::uuid[], ' * len(STREAMS)}%s::timestamptz[])")


def _past_by_orm(case: PastEvent) -> list[PastEvent]:
    rows: dict[int, Assessment] = {}
    for (stream, length), owner in zip(STREAMS.items(), case.owners, strict=True):
        if owner is not None:
            before = _usable().filter(**{stream: owner}, received_at__lt=case.at)
            rows |= {row.pk: row for row in before.order_by("-received_at")[:length]}
    changes = _changes(Label.objects.filter(assessment__in=rows))
    return [
        PastEvent(pk, row.received_at, row.kind, _owners(row), tokens_of(row), *changes.get(pk, ()))
        for pk, row in rows.items()
    ]


def _usable() -> QuerySet[Assessment]:
    columns = ("received_at", "kind", *STREAMS, "features", "features_version")
    return Assessment.objects.filter(features_version=FEATURES_VERSION).only(*columns)


def _changes(labels: QuerySet[Label]) -> Mapping[int, tuple[datetime | None, datetime | None]]:
    """From when and until when assessments were known as fraud, by their keys."""
    last: dict[int, dict[int, datetime]] = {}
    changes = labels.exclude(change=0).order_by("recorded_at", "pk")
    for pk, change, at in changes.values_list("assessment_id", "change", "recorded_at"):
        last.setdefault(pk, {})[change] = at
    return {pk: (each.get(1), _until(each.get(1), each.get(-1))) for pk, each in last.items()}


# -- when it learns -----------------------------------------------------------------------------


def read_sequences(*, as_of: datetime, most: int = MOST_EVENTS) -> Sequences:
    """Return the newest events before a moment, of all kinds, with what was known of them then."""
    changes = _changes(Label.objects.filter(recorded_at__lte=as_of))
    rows = _usable().filter(received_at__lt=as_of).order_by("-received_at", "-pk")[:most]
    return sequences_of(
        PastEvent(row.pk, row.received_at, row.kind, _owners(row), tokens_of(row), *changes.get(row.pk, ()))
        for row in rows.iterator(_CHUNK)
    )


# -- models that read it ------------------------------------------------------------------------


def reads_events(predictor: Any) -> bool:
    return isinstance(predictor, EventEnsemblePredictor)


def is_readable(predictor: Any) -> bool:
    """Whether a model takes our features, and our tokens if it reads any."""
    if list(getattr(predictor, "columns", ())) != list(FEATURE_NAMES):
        return False
    if not isinstance(predictor, EventEnsemblePredictor):
        return True
    is_known = set(predictor.numbers) <= set(TOKENS) and set(predictor.streams) <= set(STREAMS)
    return is_known and predictor.lengths == LENGTHS


def case_of(predictor: EventEnsemblePredictor, row: Assessment) -> tuple[EventTable, int]:
    """Return the events before an assessment, as the model reads them, and where it is among them."""
    found, places = sequences_before([row])
    return found.table_of(predictor.numbers, predictor.streams), int(places[0])


def probabilities(
    predictor: EventEnsemblePredictor,
    X: NDArray[np.float32],
    sequences: Sequences,
    places: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the probabilities of cases that are in the table, of shape (n_samples,)."""
    return predictor.predict_proba(X, sequences.table_of(predictor.numbers, predictor.streams), places)
