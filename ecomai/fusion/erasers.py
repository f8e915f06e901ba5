"""The foundation's own erasers, one per kind of place; each is safe to call twice.

Versions are marked for retraining before events go, and the customer, by whom everything else is
found, goes last: `ecomai.fusion.services.erasure` holds that order.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.db import transaction
from django.db.models import F, Max, Min, Model, Q
from django.db.models.query import QuerySet
from django.utils import timezone

from ecomai.commerce.models import ActionRecord, Customer, Event, ImportCheckpoint, Order, RejectedRow
from ecomai.registry.audit_chain import note_redactions
from ecomai.registry.models import AuditEntry, Job, LabellingTask, ModelVersion, TrainingRun

from .models import ConsentRecord, EntityVector, Fact, RetrainMark, SessionLink
from .subjects import Subject, SubjectMatcher, in_batches, subject_digest

#: Rows that stay, without the subject's identifiers: model, JSON fields, text fields.
SCRUBBED: list[tuple[type[Model], list[str], list[str]]] = [
    (Job, ["arguments", "result"], ["label", "progress_message", "error_message", "traceback", "request_id"]),
    (TrainingRun, ["hyperparameters"], []),
    (ModelVersion, ["hyperparameters", "card", "group_metrics"], []),
    (AuditEntry, ["details"], ["subject", "actor_label", "request_id"]),
    (ImportCheckpoint, ["summary"], ["source", "position"]),
    (ActionRecord, ["result"], []),
]


def behaviour_of(subject: Subject) -> Iterator[QuerySet[Event]]:
    """The subject's events, and those of the subject's sessions that nobody was logged in for."""
    if subject.customer_pk is not None:
        yield Event.objects.filter(customer_id=subject.customer_pk)
    for batch in in_batches(subject.session_ids):
        theirs = Event.objects.filter(storefront=subject.storefront, session_id__in=batch, customer=None)
        yield theirs.exclude(session_id="")  # what the index of sessions leaves out


def mark_versions_for_retraining(subject: Subject) -> Mapping[str, int]:
    """Count the subject on every version whose data window held one of the subject's events.

    A network cannot forget one person; retraining without the person can. The mark says which
    versions wait for that.
    """
    moments = [
        queryset.order_by().aggregate(first=Min("occurred_at"), last=Max("occurred_at"))
        for queryset in behaviour_of(subject)
    ]
    seen = [span for span in moments if span["first"] is not None]
    if not seen:
        return {}
    first, last = min(span["first"] for span in seen), max(span["last"] for span in seen)
    learned = ModelVersion.objects.filter(is_artifact_deleted=False).filter(
        Q(window_start=None) | Q(window_start__lte=last), Q(window_end=None) | Q(window_end__gte=first)
    )
    under_way = TrainingRun.objects.filter(version=None, job__state=Job.State.RUNNING, cutoff__gte=first)
    for version in learned:
        _mark(RetrainMark.objects.get_or_create(version=version)[0])
    for run in under_way:
        _mark(RetrainMark.objects.get_or_create(run=run)[0])
    return {"versions": len(learned), "trainings": len(under_way)}


def _mark(mark: RetrainMark) -> None:
    RetrainMark.objects.filter(pk=mark.pk).update(
        n_customers=F("n_customers") + 1, last_marked_at=timezone.now()
    )


def erase_facts(subject: Subject) -> Mapping[str, int]:
    facts = Fact.objects.filter(
        entity="customer", storefront=subject.storefront, entity_id=subject.external_id
    )
    return {"facts": facts.delete()[0]}


def erase_vectors(subject: Subject) -> Mapping[str, int]:
    vectors = EntityVector.objects.filter(
        entity="customer", storefront=subject.storefront, entity_id=subject.external_id
    )
    return {"vectors": vectors.delete()[0]}


def rejected_rows_of(subject: Subject) -> list[RejectedRow]:
    matcher = SubjectMatcher(subject)
    rows = matcher.prefilter(RejectedRow.objects.filter(storefront=subject.storefront), "payload", "reason")
    return [
        row
        for row in rows.iterator()
        if matcher.is_named_in({"customer": row.payload} if row.kind == "customer" else row.payload)
        or matcher.is_named_in(row.reason)
    ]


def erase_rejected_rows(subject: Subject) -> Mapping[str, int]:
    """Delete whole rows: a payload is as the shop sent it and may hold more of the person than an id."""
    pks = [row.pk for row in rejected_rows_of(subject)]
    return {
        "rejected_rows": sum(
            RejectedRow.objects.filter(pk__in=batch).delete()[0] for batch in in_batches(pks)
        )
    }


def labelling_tasks_of(subject: Subject) -> list[LabellingTask]:
    matcher = SubjectMatcher(subject)
    tasks = matcher.prefilter(LabellingTask.objects.all(), "subject_key", "text", "context")
    return [
        task
        for task in tasks.iterator()
        if any(map(matcher.is_named_in, (task.subject_key, task.text, task.context)))
    ]


def erase_labelling_tasks(subject: Subject) -> Mapping[str, int]:
    """Delete whole cases: their text is what the person wrote or did."""
    pks = [task.pk for task in labelling_tasks_of(subject)]
    return {
        "labelling_tasks": sum(
            LabellingTask.objects.filter(pk__in=batch).delete()[0] for batch in in_batches(pks)
        )
    }


def scrub_records(subject: Subject) -> Mapping[str, int]:
    """Take the subject's identifiers out of rows that stay: jobs, runs, versions, the audit log, imports."""
    matcher = SubjectMatcher(subject)
    counts: dict[str, int] = {}
    for model, json_fields, text_fields in SCRUBBED:
        changed = _scrub_rows(matcher, model, json_fields, text_fields)
        counts[str(model._meta.model_name)] = len(changed)
        if model is AuditEntry:
            note_redactions(changed)
    return counts


def _scrub_rows(
    matcher: SubjectMatcher, model: type[Model], json_fields: list[str], text_fields: list[str]
) -> list[int]:
    """Return the keys of the rows that named the subject."""
    scrubbed = []
    for row in matcher.prefilter(model._default_manager.all(), *json_fields, *text_fields).iterator():
        values: dict[str, Any] = {name: getattr(row, name) for name in (*json_fields, *text_fields)}
        changed = {name: clean for name, value in values.items() if (clean := matcher.scrub(value)) != value}
        if changed:
            model._default_manager.filter(pk=row.pk).update(**changed)
            scrubbed.append(row.pk)
    return scrubbed


def erase_sessions(subject: Subject) -> Mapping[str, int]:
    """End the browser sessions, where Django keeps them in the database under an id of the subject's."""
    if not apps.is_installed("django.contrib.sessions"):
        return {}
    sessions = apps.get_model("sessions", "Session")._default_manager
    return {
        "sessions": sum(
            sessions.filter(session_key__in=batch).delete()[0] for batch in in_batches(subject.session_ids)
        )
    }


def scrub_admin_log(subject: Subject) -> Mapping[str, int]:
    """The admin's history keeps the names of what was changed; those of the subject's rows go."""
    if not apps.is_installed("django.contrib.admin"):
        return {}
    matcher = SubjectMatcher(subject)
    entries = apps.get_model("admin", "LogEntry")
    n_scrubbed = len(_scrub_rows(matcher, entries, [], ["object_id", "object_repr", "change_message"]))
    content_types = apps.get_model("contenttypes", "ContentType")._default_manager
    named = content_types.filter(
        app_label__in=["ecomai_commerce", "ecomai_fusion"], model__in=["customer", "customerpicture"]
    )
    n_scrubbed += entries._default_manager.filter(
        content_type__in=named, object_id=str(subject.customer_pk)
    ).update(object_id=None, object_repr="", change_message="")
    return {"admin_log_entries": n_scrubbed}


def deidentify_orders(subject: Subject) -> Mapping[str, int]:
    """Keep what was sold, without by whom.

    The shop's books and demand forecasts need the sale; nothing in the row leads to the person. The
    order's number stays, because the shop sends returns under it, unless it spells the person's id.
    """
    mine = Q(storefront=subject.storefront, session_id__in=subject.session_ids, customer=None)
    if subject.customer_pk is not None:
        mine |= Q(customer_id=subject.customer_pk)
    orders = Order.objects.filter(mine)
    telling = [
        order
        for order in orders.only("pk", "storefront", "external_id")
        if _spells(order.external_id, subject)
    ]
    for order in telling:
        surrogate = subject_digest(storefront=order.storefront, external_id=f"order {order.external_id}")[:32]
        Order.objects.filter(pk=order.pk).update(external_id=f"erased-{surrogate}")
    return {"orders_deidentified": orders.update(customer=None, session_id="", updated_at=timezone.now())}


def _spells(order_id: str, subject: Subject) -> bool:
    return SubjectMatcher(subject).is_named_in(order_id)


def erase_behaviour(subject: Subject) -> Mapping[str, int]:
    """Delete events: a trail of clicks stays recognisable without a name, so none is kept."""
    return {"events": sum(queryset.delete()[0] for queryset in behaviour_of(subject))}


@transaction.atomic
def erase_customer_row(subject: Subject) -> Mapping[str, int]:
    """Delete consents, links and the customer, under a lock that holds back events that arrive meanwhile."""
    counts = {"consents": 0, "session_links": 0, "customers": 0}
    customers = Customer.objects.filter(storefront=subject.storefront, external_id=subject.external_id)
    list(customers.select_for_update().values_list("pk", flat=True))
    counts["late_orders"] = deidentify_orders(subject)["orders_deidentified"]
    counts["late_events"] = sum(queryset.delete()[0] for queryset in behaviour_of(subject))
    whose = Q(customer_id=subject.customer_pk) if subject.customer_pk is not None else Q(pk__in=[])
    counts["consents"] += ConsentRecord.objects.filter(whose).delete()[0]
    for batch in in_batches(subject.session_ids):
        anonymous = ConsentRecord.objects.filter(
            storefront=subject.storefront, session_id__in=batch, customer=None
        )
        counts["consents"] += anonymous.delete()[0]
    counts["session_links"] += SessionLink.objects.filter(whose).delete()[0]
    counts["customers"] += customers.count()
    customers.delete()
    return counts
