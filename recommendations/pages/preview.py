"""What the admin's preview page shows: a history and the answer to it, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from ecomai.commerce.models import Customer, Event, EventType, Item

from .. import selectors, services
from ..item_rows import items_by_key
from ..serializers import first_image

N_FOUND = 20
N_SHOWN = 12
N_HISTORY = 30


@dataclass(frozen=True)
class HistoryRow:
    """One thing the customer did."""

    title: str
    image_url: str
    label: str
    occurred_at: datetime


def preview_context(query: Mapping[str, str]) -> dict[str, Any]:
    """Return the page's context for its query string: `q` finds customers, `customer` and `item` choose."""
    search = query.get("q", "").strip()
    customer = _customer(query.get("customer", ""))
    item = _item(query.get("item", ""), customer)
    context: dict[str, Any] = {"search": search, "customer": customer, "item": item, "unknown_item": ""}
    if query.get("item", "").strip() and item is None:
        context["unknown_item"] = query["item"]
    if customer is None and item is None:
        return context | {"customers": _find(search)}
    storefront = customer.storefront if customer else item.storefront if item else ""
    answer = services.recommend(
        storefront=storefront,
        customer=customer,
        item_id=item.external_id if item else "",
        n=N_SHOWN,
        is_kept=False,
    )
    entries = [{"pick": pick, "image_url": first_image(pick.item)} for pick in answer.picks]
    return context | {"answer": answer, "entries": entries, "history": _history(customer)}


def _customer(key: str) -> Customer | None:
    return Customer.objects.filter(pk=key).first() if key.isdecimal() else None


def _item(external_id: str, customer: Customer | None) -> Item | None:
    items = Item.objects.filter(external_id=external_id.strip()).order_by("storefront")
    if customer is not None:
        items = items.filter(storefront=customer.storefront)
    return items.first() if external_id.strip() else None


def _find(search: str) -> list[Customer]:
    """Return customers whose id begins with the search; without one, those who did something last."""
    if search:
        return list(Customer.objects.filter(external_id__startswith=search).order_by("external_id")[:N_FOUND])
    newest = (
        Event.objects.filter(customer__isnull=False)
        .order_by("-occurred_at")
        .values_list("customer_id", flat=True)
    )
    keys = list(dict.fromkeys(newest[: 20 * N_FOUND]))[:N_FOUND]
    found = Customer.objects.in_bulk(keys)
    return [found[key] for key in keys if key in found]


def _history(customer: Customer | None) -> list[HistoryRow]:
    interactions = selectors.interactions(customer=customer)[:N_HISTORY] if customer else []
    items = items_by_key({row.item_key for row in interactions})
    labels = dict(EventType.choices)
    return [
        HistoryRow(
            title=items[row.item_key].title,
            image_url=first_image(items[row.item_key]),
            label=str(labels.get(row.type, row.type)),
            occurred_at=row.occurred_at,
        )
        for row in interactions
        if row.item_key in items
    ]


def titles_as_list(keys: Sequence[int]) -> SafeString:
    """Return items' titles as text, best first; the long tail of a batch is cut."""
    items = items_by_key(keys[:N_HISTORY])
    return format_html_join(" · ", "{}", ((items[key].title,) for key in keys[:N_HISTORY] if key in items))
