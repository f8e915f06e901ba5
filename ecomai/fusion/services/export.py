"""Everything known of a customer, machine-readable."""

from typing import Any

from django.utils import timezone

from ecomai.commerce.models import Customer, Event, Order
from ecomai.exceptions import NotFoundError, PermissionDeniedError
from ecomai.fusion import erasers, registration, selectors
from ecomai.fusion.app_settings import app_settings
from ecomai.fusion.models import ConsentRecord, EntityVector
from ecomai.fusion.subjects import Subject
from ecomai.registry.services import write_audit

FORMAT_VERSION = 1
EXPORT_PERMISSION = "ecomai_fusion.export_customer"


def export_customer(
    *, storefront: str, external_id: str, user: Any = None, actor_label: str = ""
) -> dict[str, Any]:
    """Return what is known of a customer as JSON values; each scenario's part under its name.

    Raises `NotFoundError` where nothing is known. `user` needs the permission to export; None is the
    system, or the customer.
    """
    if user is not None and not user.has_perm(EXPORT_PERMISSION):
        raise PermissionDeniedError()
    subject = selectors.find_subject(storefront=storefront, external_id=external_id)
    if subject.customer_pk is None:
        raise NotFoundError()
    write_audit(
        action="export_customer",
        subject=f"customer:{subject.digest[:12]}",
        user=user,
        actor_label=actor_label,
    )
    return {
        "format_version": FORMAT_VERSION,
        "exported_at": timezone.now().isoformat(),
        "storefront": storefront,
        "customer": _customer(subject),
        "sessions": list(subject.session_ids),
        "consents": _consents(subject),
        "orders": _orders(subject),
        "events": _events(subject),
        "facts": _facts(subject),
        "vectors": _vectors(subject),
        "rejected_rows": [
            {
                "source": row.source,
                "reason": row.reason,
                "row": row.payload,
                "received_at": row.received_at.isoformat(),
            }
            for row in erasers.rejected_rows_of(subject)
        ],
        "labelling_tasks": [
            {"model": task.model_name, "text": task.text, "context": task.context, "label": task.label}
            for task in erasers.labelling_tasks_of(subject)
        ],
        "scenarios": {name: dict(exporter(subject)) for name, exporter in registration.exporters()},
    }


def _row(subject: Subject) -> Customer:
    return Customer.objects.get(storefront=subject.storefront, external_id=subject.external_id)


def _customer(subject: Subject) -> dict[str, Any]:
    customer = _row(subject)
    return {
        "id": customer.external_id,
        "language": customer.language,
        "country": customer.country,
        "traits": customer.traits,
        "first_seen_at": customer.first_seen_at.isoformat(),
        "updated_at": customer.updated_at.isoformat(),
    }


def _consents(subject: Subject) -> list[dict[str, Any]]:
    return [
        {
            "purpose": record.purpose,
            "channel": record.channel,
            "is_granted": record.is_granted,
            "source": record.source,
            "proof": record.proof,
            "session": record.session_id,
            "recorded_at": record.recorded_at.isoformat(),
        }
        for record in ConsentRecord.objects.filter(customer=_row(subject)).order_by("recorded_at", "pk")
    ]


def _orders(subject: Subject) -> list[dict[str, Any]]:
    orders = Order.objects.filter(customer=_row(subject)).prefetch_related("lines__item")
    return [
        {
            "id": order.external_id,
            "status": order.status,
            "channel": order.channel,
            "currency": order.currency,
            "total": str(order.total),
            "placed_at": order.placed_at.isoformat(),
            "lines": [
                {
                    "item": line.item.external_id if line.item else None,
                    "description": line.description,
                    "quantity": line.quantity,
                    "returned_quantity": line.returned_quantity,
                    "unit_price": str(line.unit_price),
                }
                for line in order.lines.all()
            ],
        }
        for order in orders.order_by("placed_at", "pk")
    ]


def _events(subject: Subject) -> list[dict[str, Any]]:
    events: list[Event] = []
    for queryset in erasers.behaviour_of(subject):
        events += queryset.select_related("item").order_by("-occurred_at")[: app_settings.EXPORT_EVENT_LIMIT]
    events.sort(key=lambda event: (event.occurred_at, event.pk))
    return [_event(event) for event in events[-app_settings.EXPORT_EVENT_LIMIT :]]


def _event(event: Event) -> dict[str, Any]:
    return {
        "type": event.type,
        "channel": event.channel,
        "session": event.session_id,
        "item": event.item.external_id if event.item else None,
        "order": event.order_external_id,
        "quantity": event.quantity,
        "value": None if event.value is None else str(event.value),
        "currency": event.currency,
        "query": event.query,
        "properties": event.properties,
        "occurred_at": event.occurred_at.isoformat(),
    }


def _facts(subject: Subject) -> list[dict[str, Any]]:
    facts = selectors.facts_by_entity(
        entity="customer", storefront=subject.storefront, entity_id=subject.external_id
    )
    return [
        {
            "name": fact.name,
            "value": fact.value,
            "model_version": fact.model_version,
            "published_at": fact.published_at.isoformat(),
            "expires_at": fact.expires_at.isoformat(),
        }
        for rows in facts.values()
        for fact in rows
    ]


def _vectors(subject: Subject) -> list[dict[str, Any]]:
    vectors = EntityVector.objects.filter(
        entity="customer", storefront=subject.storefront, entity_id=subject.external_id
    )
    return [
        {
            "encoder": vector.encoder,
            "updated_at": vector.updated_at.isoformat(),
            "values": load_values(vector),
        }
        for vector in vectors
    ]


def load_values(vector: EntityVector) -> list[float]:
    import numpy as np

    return np.frombuffer(bytes(vector.values), dtype="<f4").tolist()
