"""A shop's kept history, in the order in which our features learned of it."""

import heapq
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from .features import LabelMoment, Moment, State, replay
from .models import Assessment, Label
from .normalising import event_of

_CHUNK = 2000


def replay_history(
    *, until: datetime | None = None, states: dict[bytes, State] | None = None
) -> Iterator[tuple[int, list[float | None]]]:
    """Yield primary key and features of each assessment as they are kept: computed anew, None for missing.

    What was assessed without its history (`features_version` 0) was never folded, so it is left out.
    `states` holds the states at the end afterwards, by their key.
    """
    moments = heapq.merge(_questions(until), _labels(until), key=lambda each: each[0])
    for pk, values in replay((moment for _order, moment in moments), states):
        yield pk, kept_values(values)


def kept_values(values: Sequence[float]) -> list[float | None]:
    """Return a feature vector as assessments keep it."""
    return [None if math.isnan(value) else value for value in values]


# A label of the same microsecond concerns other entities, so which comes first makes no difference.
_Ordered = tuple[tuple[datetime, int, int], Any]


def _questions(until: datetime | None) -> Iterator[_Ordered]:
    rows = Assessment.objects.exclude(features_version=0).order_by("received_at", "pk")
    rows = rows.filter(received_at__lt=until) if until else rows
    for row in rows.iterator(_CHUNK):
        yield (row.received_at, 0, row.pk), Moment(row.pk, event_of(row))


def _labels(until: datetime | None) -> Iterator[_Ordered]:
    labels = Label.objects.exclude(change=0).select_related("assessment").order_by("recorded_at", "pk")
    labels = labels.filter(recorded_at__lt=until) if until else labels
    for label in labels.iterator(_CHUNK):
        moment = LabelMoment(label.recorded_at.timestamp(), event_of(label.assessment), label.change)
        yield (label.recorded_at, 1, label.pk), moment
