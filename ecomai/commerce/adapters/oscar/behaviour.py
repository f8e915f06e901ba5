"""What visitors do, as Oscar keeps it: views, searches, baskets and reviews."""

import json
from collections.abc import Iterable
from decimal import Decimal
from itertools import accumulate, takewhile
from typing import Any

from django.apps import apps
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from ecomai.commerce.adapters.mapping import Constant, EventMapping
from ecomai.commerce.app_settings import app_settings
from ecomai.commerce.models import EventType

from .customers import not_staff
from .products import currency_code

BASKET_LINE = "basket.Line"


def event_mappings() -> list[EventMapping]:
    return installed(
        EventMapping(
            model="analytics.UserProductView",
            type=Constant(EventType.VIEW),
            customer_id="user_id",
            item_id="item_key",
            occurred_at="date_created",
            filter=not_staff("user__"),
            adjust=with_item_key,
            in_background=True,
        ),
        EventMapping(
            model="analytics.UserSearch",
            type=Constant(EventType.SEARCH),
            customer_id="user_id",
            query="query",
            occurred_at="date_created",
            filter={"query__gt": "", **not_staff("user__")},
            in_background=True,
        ),
        EventMapping(
            # Anonymous ones come when they are merged at login; while the visitor is there, see `receivers`.
            model=BASKET_LINE,
            type=Constant(EventType.CART),
            customer_id="basket.owner_id",
            item_id="item_key",
            occurred_at="date_created",
            quantity=lambda line: line.quantity or 1,
            value=value_of,
            currency=lambda line: currency_code(line.price_currency),
            filter={"basket__owner__isnull": False},
            select_related=["basket"],
            adjust=with_item_key,
            touched_by={"basket.Basket": lines_of},
            in_background=True,
        ),
        EventMapping(
            model="reviews.ProductReview",
            type=Constant(EventType.REVIEW),
            customer_id="user_id",
            item_id="item_key",
            occurred_at="date_created",
            properties=words_of_review,
            filter={"status": 1, "product__isnull": False},
            adjust=with_item_key,
        ),
        EventMapping(
            # Counts of all visitors, known or not, without dates: each reading is what they were then.
            model="analytics.ProductRecord",
            type=Constant("popularity"),
            item_id="item_key",
            key=key_of_counts,
            occurred_at=lambda record: timezone.now(),
            properties=counts_of,
            adjust=with_item_key,
            in_background=True,
        ),
    )


def installed(*mappings: EventMapping) -> list[EventMapping]:
    """Those whose app the host has: analytics, reviews, vouchers and payment can be left out of Oscar."""
    models = {model._meta.label_lower for model in apps.get_models()}
    return [mapping for mapping in mappings if mapping.model.lower() in models]


def with_item_key(rows: QuerySet[Any]) -> QuerySet[Any]:
    """A variant that was looked at or put into a basket is its parent's item."""
    return rows.annotate(item_key=Coalesce(F("product__parent_id"), F("product_id")))


def words_of_review(review: Any) -> dict[str, Any]:
    """Return stars, title and text; of a long text as much as an event may carry."""
    said = {"score": review.score, "title": review.title or "", "text": ""}
    left = app_settings.MAX_PROPERTIES_BYTES - len(json.dumps(said))
    return said | {"text": _beginning(review.body or "", left)}


def _beginning(text: str, n_bytes: int) -> str:
    """Return as much of a text as fits as JSON, where a letter may take twelve bytes."""
    sizes = accumulate(len(json.dumps(letter)) - 2 for letter in text)
    return text[: sum(1 for _size in takewhile(lambda size: size <= n_bytes, sizes))]


def value_of(line: Any) -> Decimal | None:
    price = line.price_excl_tax if line.price_incl_tax is None else line.price_incl_tax
    if price is None or not currency_code(line.price_currency):
        return None
    return price * (line.quantity or 1)


def lines_of(basket: Any) -> Iterable[Any]:
    return basket.lines.values_list("pk", flat=True)


def counts_of(record: Any) -> dict[str, int]:
    return {
        "views": record.num_views,
        "basket_additions": record.num_basket_additions,
        "purchases": record.num_purchases,
    }


def key_of_counts(record: Any) -> str:
    return ":".join(map(str, ["oscar-counts", record.pk, *counts_of(record).values()]))
