"""What turned out: a label counts from when it was recorded, and every later one supersedes it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ..exceptions import UnknownAssessmentError
from ..features import fold_label
from ..features.states import State, neighbour_keys
from ..models import Assessment, EntityState, Label
from ..normalising import entities_of
from ..signals import label_recorded
from .holds import ABUSE, set_holds
from .states import Entity, take_states, write_states

_TRIES = 5


class _OthersCameError(Exception):
    """An account came to one of the entities while its neighbours were being locked."""


def record_label(
    *,
    assessment: Assessment,
    is_fraud: bool,
    source: str,
    known_at: datetime | None = None,
    reference: str = "",
    note: str = "",
    user: Any = None,
) -> Label:
    """Keep a label; return it. One with a `reference` that is known already changes nothing.

    What was known later counts: a label that is older than the one that counts is kept as history. The
    entities of the assessment, and accounts seen with them, learn of a fraud at once.
    """
    for attempt in range(_TRIES):
        try:
            with transaction.atomic():
                return _record(
                    assessment.pk, is_fraud=is_fraud, source=source, known_at=known_at or timezone.now(),
                    reference=reference, note=note, user=user, is_last=attempt == _TRIES - 1,
                )  # fmt: skip
        except _OthersCameError:
            continue
    raise AssertionError("the last attempt takes what it has")


def label_by_id(*, storefront: str, kind: str, external_id: str, **label: Any) -> Label:
    """Label what the shop asked about under an id. Raises UnknownAssessmentError."""
    row = Assessment.objects.filter(storefront=storefront, kind=kind, external_id=external_id).first()
    if row is None:
        raise UnknownAssessmentError(id=external_id, kind=kind)
    return record_label(assessment=row, **label)


def _record(
    pk: int, *, is_fraud: bool, source: str, known_at: datetime, reference: str, note: str, user: Any,
    is_last: bool,
) -> Label:  # fmt: skip
    row = Assessment.objects.select_for_update().get(pk=pk)
    if reference and (known := row.labels.filter(source=source, reference=reference).first()):
        return known
    before = row.labels.filter(superseded_at=None).first()
    counts = before is None or known_at >= before.known_at
    change = int(is_fraud) - int(bool(before and before.is_fraud)) if counts else 0
    recorded_at = _spread(row, change, is_last) if change else timezone.now()
    if counts:
        row.labels.filter(superseded_at=None).update(superseded_at=recorded_at)
        Assessment.objects.filter(pk=pk).update(is_fraud=is_fraud)
        if row.kind in ABUSE and change:
            set_holds([row], is_held=is_fraud)
    label = Label.objects.create(
        assessment=row, is_fraud=is_fraud, source=source, known_at=known_at, recorded_at=recorded_at,
        superseded_at=None if counts else recorded_at, change=change, reference=reference, note=note,
        created_by=user,
    )  # fmt: skip
    if counts:
        label_recorded.send(sender=Label, label=label)
    return label


def _spread(row: Assessment, change: int, is_last: bool) -> datetime:
    """Let the entities of an assessment and their neighbours know; return the time it is for them.

    All are locked at once and in order, so the neighbours are looked up before: another account may have
    come in between, then it is tried again.
    """
    named = entities_of(row)
    but = row.customer.bytes if row.customer else None
    found = EntityState.objects.filter(pk__in=named.values()).values_list("pk", "state")
    before = {pk: State.decode(bytes(content)) for pk, content in found}
    near = neighbour_keys({kind: before[pk] for kind, pk in named.items() if pk in before}, but=but)
    entities = [Entity(pk, kind) for kind, pk in named.items()]
    entities += [Entity(UUID(bytes=key), EntityState.Kind.CUSTOMER) for key in near]
    taken = take_states(row.storefront, entities)
    states = {kind: taken.states[pk] for kind, pk in named.items()}
    missing = set(neighbour_keys(states, but=but)) - set(near)
    if missing and not is_last:
        raise _OthersCameError
    neighbours = [taken.states[UUID(bytes=key)] for key in near]
    fold_label(states, neighbours, at=taken.at.timestamp(), n=change)
    write_states(row.storefront, entities, taken)
    return taken.at
