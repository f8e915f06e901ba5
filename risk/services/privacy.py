"""What this scenario keeps of a person: removed and told through fusion."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from ecomai.fusion.subjects import Subject

from ..customer_reasons import customer_sentences
from ..features.events import short
from ..hashing import hash_entity
from ..models import Assessment, EntityState
from ..normalising import entities_of
from .rebuilding import start_again
from .states import Entity, take_states, write_states


def erase(subject: Subject) -> Mapping[str, int]:
    """Remove a subject's assessments with their labels, and what entities remember of the account.

    Counts of what happened on a device or at an address stay: they name nobody. Safe to call twice.
    """
    rows = list(_assessments(subject))
    account = hash_entity(subject.storefront, EntityState.Kind.CUSTOMER, subject.external_id)
    shared = {pk: kind for row in rows for kind, pk in entities_of(row).items() if pk != account}
    with transaction.atomic():
        start_again()
        n_unlinked = _forget_account(subject.storefront, account, shared)
        n_states = EntityState.objects.filter(pk=account).delete()[0]
        Assessment.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return {"assessments": len(rows), "entity_states": n_states, "entities_unlinked": n_unlinked}


def _forget_account(storefront: str, account: UUID, shared: Mapping[UUID, str]) -> int:
    """Take an account out of the states that met it."""
    entities = [Entity(pk, kind) for pk, kind in shared.items()]
    taken = take_states(storefront, entities)
    met = []
    for entity in entities:
        state = taken.states[entity.id]
        if account.bytes in state.accounts or short(account.bytes) in state.circle:
            state.accounts = [each for each in state.accounts if each != account.bytes]
            state.circle = [each for each in state.circle if each != short(account.bytes)]
            met.append(entity)
    write_states(storefront, met, taken)
    return len(met)


def export(subject: Subject) -> Mapping[str, Any]:
    """Return what was assessed of a subject, why as customers are told, and their appeals, as JSON values."""
    return {
        "assessments": [
            {
                "kind": row.kind,
                "id": row.external_id,
                "asked_at": row.received_at.isoformat(),
                "decision": row.decision,
                "reasons": customer_sentences(row.reasons),
                "shown": row.shown,
                "question": {name: row.payload[name] for name in _TOLD if name in row.payload},
                "appeals": [
                    {"text": appeal.text, "state": appeal.state, "answer": appeal.answer}
                    for appeal in row.appeals.all()
                ],
            }
            for row in _assessments(subject).order_by("received_at").prefetch_related("appeals")
        ]
    }


_TOLD = ("lines", "coupons", "action", "item_id", "title", "text", "rating", "properties")


def _assessments(subject: Subject) -> QuerySet[Assessment]:
    theirs = Q(customer_external_id=subject.external_id)
    if subject.session_ids:
        theirs |= Q(customer_external_id="", session_id__in=subject.session_ids)
    return Assessment.objects.filter(theirs, storefront=subject.storefront)
