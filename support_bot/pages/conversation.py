"""One conversation for the person who answers it: what was said, and all that is known beside it."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Prefetch
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.commerce.models import Order
from ecomai.commerce.money import format_money
from ecomai.fusion.selectors import read_facts
from ecomai.numbers import format_percent

from ..models import Attachment, Conversation, Tag
from ..services import assigning
from ..services.canned import canned_for, customer_name
from ..services.conversations import is_typing
from ..services.suggesting import suggest_replies
from ..services.summing_up import sum_up

MOST_MESSAGES = 300
N_ORDERS, N_EARLIER = 5, 5
State = Conversation.State


def context(conversation: Conversation, user: Any) -> dict[str, Any]:
    """The whole page; what changes by itself is `log_context` of it."""
    shown = log_context(conversation, user)
    may_answer, is_open = shown["may_answer"], conversation.is_open
    chosen = set(conversation.tags.values_list("pk", flat=True))
    return shown | {
        "summary": sum_up(shown["messages_of_it"]),
        "notes": list(conversation.notes.select_related("author")),
        "tags": [(tag, tag.pk in chosen) for tag in Tag.objects.all()],
        "canned": canned_for(conversation, user) if may_answer and is_open else [],
        "may_export": user.has_perm("ecomai_support_bot.export_conversation"),
        "priority": assigning.explain_priority(conversation),
        **beside(conversation, user),
    }


def log_context(conversation: Conversation, user: Any) -> dict[str, Any]:
    rows = conversation.messages.select_related("agent").prefetch_related(_pictures())
    messages = list(rows.order_by("-sequence")[:MOST_MESSAGES])
    return {
        "conversation": conversation,
        "messages_of_it": messages[::-1],
        "is_mine": conversation.state == State.AGENT and conversation.agent_id == user.pk,
        "may_answer": user.has_perm("ecomai_support_bot.answer_conversation"),
        "is_typing": is_typing(conversation),
        "is_overdue": is_overdue(conversation),
        "seen": seen_of(conversation),
    }


def _pictures() -> "Prefetch[str]":
    rows = Attachment.objects.filter(kind=Attachment.Kind.PICTURE).defer("content").order_by("created_at")
    return Prefetch("attachments", queryset=rows, to_attr="pictures")


def suggestions_context(conversation: Conversation, user: Any) -> dict[str, Any]:
    return {"conversation": conversation, "suggestions": suggest_replies(conversation, user=user)}


def seen_of(conversation: Conversation) -> str:
    """What a page shows of a conversation, to tell whether there is news."""
    parts = (
        conversation.last_sequence, conversation.acknowledged, conversation.state, conversation.agent_id,
        int(is_typing(conversation)),
    )  # fmt: skip
    return "-".join(map(str, parts))


def is_overdue(conversation: Conversation) -> bool:
    due = conversation.answer_due_at
    is_waiting = conversation.state == State.WAITING and conversation.person_answered_at is None
    return bool(is_waiting and due and due < timezone.now())


def beside(conversation: Conversation, user: Any) -> dict[str, Any]:
    """The customer's orders, facts and earlier conversations, as far as this person may see them."""
    customer = conversation.customer
    if customer is None:
        return {"customer_name": "", "orders": [], "facts": [], "earlier": []}
    may_see = user.has_perm("ecomai_commerce.view_customer")
    return {
        "customer_name": customer_name(conversation) if may_see else "",
        "orders": _orders(customer.pk) if user.has_perm("ecomai_commerce.view_order") else [],
        "facts": _facts(conversation) if may_see else [],
        "earlier": list(
            Conversation.objects.filter(customer=customer).exclude(pk=conversation.pk)
            .order_by("-last_message_at")[:N_EARLIER]
        ),
    }  # fmt: skip


def _orders(customer_pk: int) -> Sequence[dict[str, Any]]:
    rows = Order.objects.filter(customer_id=customer_pk).order_by("-placed_at")[:N_ORDERS]
    return [{"order": row, "total": format_money(row.total, row.currency)} for row in rows]


def _facts(conversation: Conversation) -> list[tuple[str, str]]:
    """What scenarios know of the customer and may be read for support; what is neutral says nothing."""
    specs = [
        spec for spec in scenarios.fact_specs()
        if spec.entity == "customer" and assigning.PURPOSE in spec.purposes
    ]  # fmt: skip
    if not specs or conversation.customer is None:
        return []
    entity_id = conversation.customer.external_id
    values = read_facts(
        names=[spec.name for spec in specs], entity_ids=[entity_id], purpose=assigning.PURPOSE,
        storefront=conversation.storefront,
    )[entity_id]  # fmt: skip
    return [
        (str(spec.verbose_name or spec.name), _told(spec, values[spec.name]))
        for spec in specs
        if values[spec.name] != spec.default
    ]


def _told(spec: Any, value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, int | float):
        if spec.unit == "0-1":
            return format_percent(value)
        return number_format(value, 2, force_grouping=True)
    return str(spec.labels.get(value, value))[:200]
