"""What customers look at and search for is kept of those alone who did not refuse it.

The tracker asks for consent before it sends anything; what an adapter reads, the shop has noted by itself.
The consent ledger lies a floor above, so it tells us whom to ask.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from django.utils.module_loading import import_string

from .models import EventType

BEHAVIOUR = frozenset(
    {
        EventType.VIEW.value,
        EventType.SEARCH.value,
        EventType.IMPRESSION.value,
        EventType.CLICK.value,
        EventType.CART.value,
        EventType.CART_REMOVE.value,
        EventType.WISHLIST.value,
        EventType.AD_IMPRESSION.value,
        EventType.AD_CLICK.value,
    }
)

Row = dict[str, Any]
#: `(storefront, the shop's ids of customers) -> those of them who refused`
Refusals = Callable[[str, Collection[str]], Collection[str]]

_refusals = ""


def register_refusals(path: str) -> None:
    """Say who knows the customers' answers, as a dotted path."""
    global _refusals
    _refusals = path


def without_refused(rows: Iterable[Row], *, storefront: str) -> list[Row]:
    """Leave out the behaviour of customers who refused to have it kept; one question for all rows."""
    rows = list(rows)
    customer_ids = {
        str(row["customer_id"]) for row in rows if row.get("type") in BEHAVIOUR and row.get("customer_id")
    }
    if not _refusals or not customer_ids:
        return rows
    ask: Refusals = import_string(_refusals)
    refused = frozenset(ask(storefront, customer_ids))
    return [
        row for row in rows if row.get("type") not in BEHAVIOUR or str(row.get("customer_id")) not in refused
    ]
