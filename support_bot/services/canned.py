"""Canned answers with the customer's name and order filled in."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ecomai.commerce.adapters import KnowsContacts, get_adapter
from ecomai.commerce.models import Order

from ..models import CannedAnswer, Conversation
from .handing_over import name_of

logger = logging.getLogger(__name__)
#: A placeholder that nothing is known for, with the comma or space before it.
_EMPTY = re.compile(r"[,，]?\s*\{(?:name|order|agent)\}")
MOST = 100


@dataclass(frozen=True)
class Filled:
    """A canned answer, ready to be sent."""

    shortcut: str
    title: str
    text: str


def canned_for(conversation: Conversation, user: Any) -> Sequence[Filled]:
    """Return the canned answers in the customer's language, filled in; English where that has none."""
    language = (conversation.language or "en").split("-")[0].lower()
    rows = list(CannedAnswer.objects.filter(language__in=_codes(conversation.language))[: 2 * MOST])
    if not rows and language != "en":
        rows = list(CannedAnswer.objects.filter(language="en")[:MOST])
    if not rows:
        return []
    known = {
        "name": customer_name(conversation), "order": newest_order(conversation), "agent": name_of(user),
    }  # fmt: skip
    return [Filled(row.shortcut, row.title, fill(row.text, known)) for row in rows[:MOST]]


def fill(text: str, known: dict[str, str]) -> str:
    """Replace placeholders by what is known; what is not goes without leaving a hole.

    Examples
    --------
    >>> fill("Hello {name}, order {order}", {"name": "", "order": "7"})
    'Hello, order 7'
    """
    for name, value in known.items():
        if value:
            text = text.replace(f"{{{name}}}", value)
    return _EMPTY.sub("", text).lstrip(" ,，")


def customer_name(conversation: Conversation) -> str:
    """Return the name that the shop knows, asked for each time, for none is kept here; '' without one."""
    customer, adapter = conversation.customer, get_adapter()
    if customer is None or not isinstance(adapter, KnowsContacts):
        return ""
    try:
        found = adapter.contacts(customer_ids=[customer.external_id], storefront=conversation.storefront)
    except Exception:  # whatever a host's adapter raises: a chat goes on without a name
        logger.exception("The shop did not say what a customer is called.")
        return ""
    contact = found.get(customer.external_id)
    return contact.name if contact else ""


def newest_order(conversation: Conversation) -> str:
    """Return the number of the customer's newest order; '' without one."""
    if conversation.customer_id is None:
        return ""
    newest = Order.objects.filter(customer_id=conversation.customer_id).order_by("-placed_at")
    return newest.values_list("external_id", flat=True).first() or ""


def _codes(language: str) -> list[str]:
    """A language with its general form, and the codes that Chinese is written under."""
    code = (language or "en").lower()
    general = code.split("-")[0]
    return sorted({code, general, *(("zh-hans", "zh-cn") if general == "zh" else ())})
