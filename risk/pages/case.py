"""The page of a case: all that a person needs to decide, gathered with a bounded number of queries."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer, Order
from ecomai.commerce.money import format_money
from ecomai.registry.audit_texts import action_label
from ecomai.registry.models import AuditEntry

from ..models import Appeal, Assessment, Case, Label, ReasonCode, Verdict
from ..reasons import sentences
from ..services.audit import assessment_subject, case_subject
from .links import link_graph
from .queue import clock, money, percent
from .similar import similar_cases

N_TIMELINE = 30
N_HISTORY = 50
N_BARS = 8


def shown_labels() -> dict[str, str]:
    """What may be shown of a question, and what it is called."""
    return {
        "card_last_digits": _("Card ends in"), "card_country": _("Country of the card"),
        "email_domain": _("Domain of the e-mail"), "network": _("Network"), "ip_country": _("Country by IP"),
        "billing_country": _("Country of the bill"), "shipping_country": _("Country of the delivery"),
    }  # fmt: skip


def context(case: Case, user: Any) -> dict[str, Any]:
    """Return what the template shows of a case to a person."""
    assessment = case.assessment
    graph = link_graph(assessment)
    decisions = list(case.decisions.select_related("decided_by"))
    return {
        "case": case,
        "assessment": assessment,
        "amount": format_money(assessment.amount, assessment.currency),
        "reporting": money(case.amount_reporting) if _is_foreign(case) else "",
        "loss": money(case.expected_loss),
        "probability": percent(assessment.probability),
        "clock": clock(case),
        "facts": _facts(assessment),
        "lines": _lines(assessment),
        "reasons": _reasons(assessment),
        "rules": _rules(assessment),
        "timeline": _timeline(assessment),
        "graph": graph,
        "similar": [
            {"case": one.case, "likeness": percent(one.likeness), "amount": _amount(one.case.assessment)}
            for one in similar_cases(assessment)
        ],
        "notes": case.notes.select_related("created_by"),
        "decisions": decisions,
        "first_decision": decisions[-1] if case.state == Case.State.SECOND and decisions else None,
        "appeals": assessment.appeals.order_by("-created_at"),
        "has_waiting_appeal": any(one.state == Appeal.State.WAITING for one in assessment.appeals.all()),
        "labels": assessment.labels.select_related("created_by").order_by("-recorded_at"),
        "history": _history(case),
        "verdicts": _verdicts(),
        "reason_codes": ReasonCode.choices,
        "is_mine": case.is_locked and case.locked_by_id == user.pk,
        "is_others": case.is_locked and case.locked_by_id != user.pk,
        "is_own_proposal": bool(
            case.state == Case.State.SECOND and decisions and decisions[-1].decided_by_id == user.pk
        ),
    }


def _is_foreign(case: Case) -> bool:
    amount = case.assessment.amount
    return case.amount_reporting is not None and amount is not None and amount != case.amount_reporting


def _amount(assessment: Assessment) -> str:
    return format_money(assessment.amount, assessment.currency)


def _verdicts() -> list[dict[str, Any]]:
    """The buttons, each with its key."""
    keys = {Verdict.APPROVE: "a", Verdict.STEP_UP: "s", Verdict.DECLINE: "d"}
    return [{"value": value, "label": label, "key": keys[Verdict(value)]} for value, label in Verdict.choices]


def _facts(assessment: Assessment) -> list[tuple[str, str]]:
    labels = shown_labels()
    found = [(labels[name], assessment.shown[name]) for name in labels if assessment.shown.get(name)]
    payload = assessment.payload
    if coupons := payload.get("coupons"):
        found.append((_("Coupons"), ", ".join(coupons)))
    found += [(str(name), str(value)) for name, value in payload.get("properties", {}).items()]
    if text := payload.get("text"):
        found.append((payload.get("title") or _("Text"), text))
    return found


def _lines(assessment: Assessment) -> list[dict[str, str]]:
    return [
        {
            "item": line.get("item_id") or line.get("category") or "–", "category": line.get("category", ""),
            "quantity": str(line.get("quantity", "")),
            "price": format_money(Decimal(line["unit_price"]), assessment.currency),
        }
        for line in assessment.payload.get("lines", [])
    ]  # fmt: skip


def _reasons(assessment: Assessment) -> list[dict[str, Any]]:
    """Each reason as a sentence, with the length of its bar in percent of the weightiest one."""
    rows = [reason for reason in assessment.reasons if sentences([reason])][:N_BARS]
    weights = [abs(reason.get("weight") or 0.0) for reason in rows]
    most = max(weights, default=0.0) or 1.0
    return [
        {
            "text": sentences([reason])[0], "weight": reason.get("weight"),
            "width": round(100 * weight / most),
            "is_towards": (reason.get("weight") or 0) >= 0,
        }
        for reason, weight in zip(rows, weights, strict=True)
    ]  # fmt: skip


def _rules(assessment: Assessment) -> list[dict[str, Any]]:
    return [
        {
            "name": rule.get("name") or rule.get("rule"), "number": rule.get("number"),
            "outcome": rule.get("action") or "", "is_shadow": bool(rule.get("is_shadow")),
        }
        for rule in assessment.rules_fired
    ]  # fmt: skip


def _history(case: Case) -> list[dict[str, Any]]:
    """What the audit log says of the case and its assessment, newest first."""
    subjects = [case_subject(case.pk), assessment_subject(case.assessment_id)]
    rows = AuditEntry.objects.filter(subject__in=subjects).order_by("-created_at", "-pk")[:N_HISTORY]
    return [{"row": row, "what": action_label(row.action), "details": _details(row)} for row in rows]


def _details(row: AuditEntry) -> str:
    kept = {name: value for name, value in row.details.items() if value not in (None, "", [], {}, False)}
    return ", ".join(f"{name}: {value}" for name, value in kept.items() if name != "asked")[:300]


# -- the customer's timeline ----------------------------------------------------------------------


def _timeline(assessment: Assessment) -> list[dict[str, Any]]:
    """The customer's newest orders, assessments and chargebacks, newest first, bounded."""
    moments = [*_assessments(assessment), *_orders(assessment), *_chargebacks(assessment)]
    moments.sort(key=lambda one: one["at"], reverse=True)
    return moments[:N_TIMELINE]


def _of_customer(assessment: Assessment) -> Q:
    if assessment.customer is not None:
        return Q(customer=assessment.customer)
    return Q(pk=assessment.pk)


def _assessments(assessment: Assessment) -> Sequence[dict[str, Any]]:
    rows = Assessment.objects.filter(_of_customer(assessment), storefront=assessment.storefront)
    return [
        {
            "at": row.received_at, "what": _("Assessed: %(kind)s") % {"kind": row.get_kind_display()},
            "text": row.get_wanted_decision_display() or "–", "id": row.external_id, "amount": _amount(row),
            "state": "problem" if row.is_fraud else "", "is_self": row.pk == assessment.pk, "pk": row.pk,
        }
        for row in rows.order_by("-received_at").defer("features", "payload")[:N_TIMELINE]
    ]  # fmt: skip


def _chargebacks(assessment: Assessment) -> Sequence[dict[str, Any]]:
    rows = Label.objects.filter(
        source=Label.Source.CHARGEBACK, is_fraud=True,
        assessment__in=Assessment.objects.filter(
            _of_customer(assessment), storefront=assessment.storefront
        ).order_by("-received_at").values("pk")[:500],
    ).select_related("assessment")  # fmt: skip
    return [
        {
            "at": row.known_at, "what": _("Chargeback"), "text": row.reference,
            "id": row.assessment.external_id, "amount": _amount(row.assessment), "state": "problem",
        }
        for row in rows.order_by("-known_at")[:N_TIMELINE]
    ]  # fmt: skip


def _orders(assessment: Assessment) -> Sequence[dict[str, Any]]:
    if not assessment.customer_external_id:
        return []
    customer = Customer.objects.filter(
        storefront=assessment.storefront, external_id=assessment.customer_external_id
    ).first()
    if customer is None:
        return []
    rows = Order.objects.filter(customer=customer).order_by("-placed_at")[:N_TIMELINE]
    return [
        {
            "at": row.placed_at, "what": _("Order"), "text": row.get_status_display(),
            "id": row.external_id, "amount": format_money(row.total, row.currency),
            "state": "problem" if row.status == Order.Status.CANCELLED else "",
        }
        for row in rows
    ]  # fmt: skip
