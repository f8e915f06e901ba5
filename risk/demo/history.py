"""The demo's past: questions and chargebacks in the order in which they came, told to the features.

It is folded as it would have been, moment by moment, so that what was known then is what it would have been.
"""

import heapq
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from ecomai.capabilities import RiskQuestion

from ..features import FEATURES_VERSION, State, fold, vector
from ..features.states import fold_label, neighbour_keys
from ..models import Assessment, EntityState, Label
from ..normalising import entities_of, event_of, prepare


@dataclass(frozen=True)
class Asked:
    """A question of the past, and when the bank took the money back, if it did."""

    at: datetime
    question: RiskQuestion
    charged_back_at: datetime | None = None


@dataclass
class History:
    """What became of it: assessments with their features, not stored yet, chargebacks, and states."""

    assessments: list[Assessment] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    states: dict[UUID, State] = field(default_factory=dict)
    kinds: dict[UUID, str] = field(default_factory=dict)


def tell(asked: Iterable[Asked]) -> History:
    """Return the history of questions. Money comes back after its order, whatever order they are given in."""
    history = History()
    waiting: list[tuple[datetime, int, Assessment]] = []
    numbers = itertools.count()
    for one in sorted(asked, key=lambda each: each.at):
        for at, row in _due(waiting, one.at):
            _charge_back(history, row, at)
        row = _ask(history, one)
        if one.charged_back_at is not None:
            heapq.heappush(waiting, (one.charged_back_at, next(numbers), row))
    for at, row in _due(waiting, None):
        _charge_back(history, row, at)
    return history


def _due(
    waiting: list[tuple[datetime, int, Assessment]], until: datetime | None
) -> Iterator[tuple[datetime, Assessment]]:
    while waiting and (until is None or waiting[0][0] < until):
        at, _number, row = heapq.heappop(waiting)
        yield at, row


def _states(history: History, row: Assessment) -> dict[str, State]:
    named = entities_of(row)
    history.kinds |= {pk: kind for kind, pk in named.items()}
    return {kind: history.states.setdefault(pk, State()) for kind, pk in named.items()}


def _ask(history: History, one: Asked) -> Assessment:
    row = prepare(replace(one.question, occurred_at=one.at))
    row.received_at = one.at
    states, event = _states(history, row), event_of(row)
    row.features = [None if math.isnan(value) else value for value in vector(states, event)]
    row.features_version = FEATURES_VERSION
    fold(states, event)
    history.assessments.append(row)
    return row


def _charge_back(history: History, row: Assessment, at: datetime) -> None:
    states = _states(history, row)
    but = row.customer.bytes if row.customer else None
    near = [UUID(bytes=key) for key in neighbour_keys(states, but=but)]
    fold_label(states, [history.states[pk] for pk in near], at=at.timestamp(), n=1)
    row.is_fraud = True
    history.labels.append(
        Label(
            assessment=row, is_fraud=True, source=Label.Source.CHARGEBACK, known_at=at, recorded_at=at,
            change=1, reference=f"demo-{row.external_id}",
        )
    )  # fmt: skip


def keep(history: History) -> None:
    """Store all of it, with a few statements."""
    rows = Assessment.objects.bulk_create(history.assessments, batch_size=500)
    for label in history.labels:
        label.assessment_id = label.assessment.pk
    Label.objects.bulk_create(history.labels, batch_size=500)
    storefront = rows[0].storefront if rows else ""
    EntityState.objects.bulk_create(
        [
            EntityState(id=pk, storefront=storefront, kind=history.kinds[pk], state=state.encode())
            for pk, state in history.states.items()
        ],
        batch_size=500,
    )
