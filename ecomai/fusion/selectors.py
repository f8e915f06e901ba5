"""Reads of facts, consents and linked sessions; anything about the past takes `as_of`."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber
from django.db.models.query import QuerySet
from django.utils import timezone

from ecomai import scenarios
from ecomai.commerce.models import Customer, Event, Order
from ecomai.registry.models import ModelVersion
from ecomai.scenarios import FactSpec

from .app_settings import app_settings
from .exceptions import PurposeNotAllowedError
from .models import ConsentRecord, Fact, SessionLink
from .subjects import Subject, in_batches

PICTURE_ROWS = 50


def read_fact(
    *, name: str, entity_id: str, purpose: str, storefront: str = "", as_of: datetime | None = None
) -> Any:
    """Return a fact's value for one purpose, now or as known at a past moment; else its default.

    Raises `PurposeNotAllowedError` where the fact does not serve the purpose.
    """
    facts = read_facts(
        names=[name], entity_ids=[entity_id], purpose=purpose, storefront=storefront, as_of=as_of
    )
    return facts[entity_id][name]


def read_facts(
    *,
    names: Sequence[str],
    entity_ids: Sequence[str],
    purpose: str,
    storefront: str = "",
    as_of: datetime | None = None,
) -> dict[str, dict[str, Any]]:
    """Return entity id -> fact name -> value, complete: the unknown and the expired are neutral."""
    specs = {name: allowed_fact_spec(name=name, purpose=purpose) for name in names}
    moment = as_of or timezone.now()
    values: dict[str, dict[str, Any]] = {
        entity_id: {name: spec.default for name, spec in specs.items()} for entity_id in entity_ids
    }
    for spec in specs.values():
        for batch in in_batches(list(values)):
            for fact in _newest_facts(spec, storefront, batch, moment):
                if fact.expires_at > moment:
                    values[fact.entity_id][spec.name] = fact.value
    return values


def allowed_fact_spec(*, name: str, purpose: str) -> FactSpec:
    spec = scenarios.get_fact_spec(name)
    if purpose not in spec.purposes:
        raise PurposeNotAllowedError(fact=name, purpose=purpose, purposes=", ".join(sorted(spec.purposes)))
    return spec


def _newest_facts(
    spec: FactSpec, storefront: str, entity_ids: Sequence[str], moment: datetime
) -> QuerySet[Fact]:
    newest_first = Window(
        RowNumber(), partition_by=[F("entity_id")], order_by=[F("published_at").desc(), F("pk").desc()]
    )
    return Fact.objects.filter(
        entity=spec.entity, storefront=storefront, entity_id__in=entity_ids, name=spec.name,
        published_at__lte=moment,
    ).alias(age_rank=newest_first).filter(age_rank=1)  # fmt: skip


def has_consent(
    *,
    purpose: str,
    channel: str = "",
    customer: Customer | None = None,
    session_id: str = "",
    storefront: str = "",
    as_of: datetime | None = None,
) -> bool:
    """Whether the last answer of a customer or session, up to `as_of`, allows the purpose on the channel.

    An answer for all channels counts for each of them. Without any answer the setting
    `FUSION.DEFAULT_CONSENT` decides.
    """
    answer = last_answer(
        purpose=purpose,
        channel=channel,
        customer=customer,
        session_id=session_id,
        storefront=storefront,
        as_of=as_of,
    )
    return default_consent(purpose) if answer is None else answer.is_granted


def last_answer(
    *,
    purpose: str,
    channel: str = "",
    customer: Customer | None = None,
    session_id: str = "",
    storefront: str = "",
    as_of: datetime | None = None,
) -> ConsentRecord | None:
    records = consent_records(customer=customer, session_id=session_id, storefront=storefront)
    records = records.filter(purpose=purpose, channel__in={"", channel})
    if as_of is not None:
        records = records.filter(recorded_at__lte=as_of)
    return records.first()


def consent_records(
    *, customer: Customer | None = None, session_id: str = "", storefront: str = ""
) -> QuerySet[ConsentRecord]:
    """The ledger of a customer, or of a session that nobody has identified; newest first.

    Once a session is a customer's, that customer's answers are the session's.
    """
    if customer is None and session_id:
        customer = customer_of_session(session_id=session_id, storefront=storefront)
    if customer is not None:
        whose = Q(customer=customer)
    elif session_id:
        whose = Q(customer=None, session_id=session_id, storefront=storefront)
    else:
        return ConsentRecord.objects.none()
    return ConsentRecord.objects.filter(whose).order_by("-recorded_at", "-pk")


def default_consent(purpose: str) -> bool:
    defaults = app_settings.DEFAULT_CONSENT
    return bool(defaults.get(purpose, defaults.get("*", False)))


def who_refused_tracking(storefront: str, customer_ids: Collection[str]) -> set[str]:
    """Return the customers, of those given by the shop's ids, whose last answer to tracking was no."""
    purpose = app_settings.TRACKING_PURPOSE
    if not purpose:
        return set()
    records = ConsentRecord.objects.filter(
        customer__storefront=storefront, customer__external_id__in=customer_ids, purpose=purpose, channel=""
    )
    answers = dict(records.order_by("recorded_at", "pk").values_list("customer__external_id", "is_granted"))
    return {customer_id for customer_id, is_granted in answers.items() if not is_granted}


def granted_consents(
    *, customer_pks: Collection[int], purpose: str, channel: str = "", default: bool | None = None
) -> set[int]:
    """Return the customers, of those given, whose last answer grants a purpose.

    Without a `channel` the answers for all channels count; with one also those for it alone, the later one
    of both. Who has not answered is granted by `default`, else as `FUSION.DEFAULT_CONSENT` says. One query
    for each batch, along the ledger's index of customers and purposes.
    """
    answers: dict[int, bool] = {}
    for batch in in_batches(sorted(customer_pks)):
        records = ConsentRecord.objects.filter(
            customer_id__in=batch, purpose=purpose, channel__in={"", channel}
        )
        answers.update(records.order_by("recorded_at", "pk").values_list("customer_id", "is_granted"))
    known = default_consent(purpose) if default is None else default
    return {pk for pk in customer_pks if answers.get(pk, known)}


def current_consents(
    *, customer: Customer | None = None, session_id: str = "", storefront: str = ""
) -> list[dict[str, Any]]:
    """What counts now, by purpose and channel: answers given, and defaults where none was."""
    answers: dict[tuple[str, str], ConsentRecord] = {}
    for record in consent_records(customer=customer, session_id=session_id, storefront=storefront):
        answers.setdefault((record.purpose, record.channel), record)
    consents = [
        {
            "purpose": purpose,
            "channel": channel,
            "is_granted": record.is_granted,
            "recorded_at": record.recorded_at,
            "source": record.source,
        }
        for (purpose, channel), record in sorted(answers.items())
    ]
    answered = {purpose for purpose, channel in answers if not channel}
    consents += [
        {
            "purpose": purpose,
            "channel": "",
            "is_granted": is_granted,
            "recorded_at": None,
            "source": "default",
        }
        for purpose, is_granted in sorted(app_settings.DEFAULT_CONSENT.items())
        if purpose != "*" and purpose not in answered
    ]
    return consents


def customer_of_session(*, session_id: str, storefront: str = "") -> Customer | None:
    link = (
        SessionLink.objects.filter(storefront=storefront, session_id=session_id)
        .select_related("customer")
        .first()
        if session_id
        else None
    )
    return link.customer if link else None


def find_subject(*, storefront: str, external_id: str) -> Subject:
    """Gather the sessions of a customer from links, events, orders and consents; a subject needs no row."""
    customer = Customer.objects.filter(storefront=storefront, external_id=external_id).first()
    if customer is None:
        return Subject(storefront=storefront, external_id=external_id, customer_pk=None)
    session_ids: set[str] = set()
    for model in (SessionLink, Event, Order, ConsentRecord):
        session_ids.update(
            model._default_manager.filter(customer=customer)
            .exclude(session_id="")
            .order_by()
            .values_list("session_id", flat=True)
            .distinct()
        )
    session_ids -= _sessions_of_others(customer, sorted(session_ids))
    return Subject(
        storefront=storefront,
        external_id=external_id,
        customer_pk=customer.pk,
        session_ids=tuple(sorted(session_ids)),
    )


def _sessions_of_others(customer: Customer, session_ids: Sequence[str]) -> set[str]:
    """Sessions on a shared device where somebody else was seen too, so not the subject's."""
    others: set[str] = set()
    for batch in in_batches(session_ids):
        for model in (SessionLink, Event):
            seen = model._default_manager.filter(storefront=customer.storefront, session_id__in=batch)
            seen = seen.exclude(session_id="")  # what the events' index of sessions leaves out
            seen = seen.exclude(customer=None).exclude(customer=customer).order_by()
            others.update(seen.values_list("session_id", flat=True).distinct())
    linked = SessionLink.objects.filter(customer=customer).values_list("session_id", flat=True)
    return others - set(linked)


def facts_by_entity(*, entity: str, storefront: str, entity_id: str) -> dict[str, list[Fact]]:
    facts: dict[str, list[Fact]] = defaultdict(list)
    rows = Fact.objects.filter(entity=entity, storefront=storefront, entity_id=entity_id)
    for fact in rows.order_by("name", "-published_at"):
        facts[fact.name].append(fact)
    return dict(facts)


def versions_to_retrain() -> QuerySet[ModelVersion]:
    """Versions in use that learned from events of customers who have been erased since."""
    in_use = ModelVersion.objects.filter(state__in=(ModelVersion.State.LIVE, ModelVersion.State.SHADOW))
    marked = Q(retrain_mark__isnull=False) | Q(run__retrain_mark__isnull=False)
    return in_use.filter(marked).order_by("model_name")


def customer_picture(customer: Customer) -> dict[str, Any]:
    """The newest of everything known of a customer, for a page; a fixed number of queries."""
    now = timezone.now()
    facts = facts_by_entity(entity="customer", storefront=customer.storefront, entity_id=customer.external_id)
    specs = {spec.name: spec for spec in scenarios.fact_specs()}
    return {
        "facts": [
            {
                "fact": rows[0],
                "spec": specs.get(name),
                "is_expired": rows[0].expires_at <= now,
                "n_earlier": len(rows) - 1,
            }
            for name, rows in facts.items()
        ],
        "consents": list(consent_records(customer=customer)[:PICTURE_ROWS]),
        "sessions": list(
            SessionLink.objects.filter(customer_id=customer.pk).order_by("-linked_at")[:PICTURE_ROWS]
        ),
        "events": list(
            Event.objects.filter(customer_id=customer.pk)
            .select_related("item")
            .order_by("-occurred_at")[:PICTURE_ROWS]
        ),
        "orders": list(
            Order.objects.filter(customer_id=customer.pk)
            .annotate(n_lines=Count("lines"))
            .order_by("-placed_at")[:PICTURE_ROWS]
        ),
    }
