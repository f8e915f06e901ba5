"""Baskets that customers left behind: what they put in lately and have not bought since."""

from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Max
from oscar.core.loading import get_model

from .bulk import set_times

Basket = get_model("basket", "Basket")
BasketLine = get_model("basket", "Line")
Order = get_model("order", "Order")
StockRecord = get_model("partner", "StockRecord")

KEPT = timedelta(days=30)  # Oscar's session ends by then, and a shop would clear an older one away
ADDED, REMOVED = "cart", "cart_remove"
Additions = dict[int, dict[int, tuple[datetime, int]]]


class BasketLoader:
    """Collects what went into baskets, event by event in the order of time, and writes those still open."""

    def __init__(self) -> None:
        self.open: Additions = defaultdict(dict)
        self.newest: datetime | None = None

    def load(self, events: list[dict[str, Any]], users: dict[str, int], products: dict[str, int]) -> None:
        """Take additions and removals, in the order of time; users and products by the export's ids."""
        for event in events:
            if event["type"] not in (ADDED, REMOVED):
                continue
            moment = event["occurred_at"]
            self.newest = max(self.newest or moment, moment)
            user, product = users.get(event.get("customer_id", "")), products.get(event.get("item_id", ""))
            if user and product and event["type"] == ADDED:
                self.open[user][product] = (moment, int(event.get("quantity") or 1))
            elif user and product:
                self.open[user].pop(product, None)

    def write(self) -> int:
        """Write a basket for each customer who left something and has none; returns how many."""
        if self.newest is None:
            return 0
        left = self._left(self.newest - KEPT)
        owners = set(Basket.objects.filter(owner__in=left).values_list("owner", flat=True))
        left = {user: found for user, found in left.items() if user not in owners}
        with transaction.atomic():
            self._create(left)
        return len(left)

    def _left(self, since: datetime) -> Additions:
        bought = dict(
            Order.objects.filter(user__in=list(self.open))
            .values("user")
            .annotate(last=Max("date_placed"))
            .values_list("user", "last")
        )
        found = {
            user: {
                product: (moment, quantity)
                for product, (moment, quantity) in products.items()
                if moment >= since and (user not in bought or moment > bought[user])
            }
            for user, products in self.open.items()
        }
        return {user: products for user, products in found.items() if products}

    def _create(self, left: Additions) -> None:
        users = get_user_model().objects.in_bulk(list(left))
        products = {product for found in left.values() for product in found}
        stock = {row.product_id: row for row in StockRecord.objects.filter(product__in=products)}
        baskets = Basket.objects.bulk_create(Basket(owner=users[user]) for user in left)
        lines, moments = [], []
        for basket, found in zip(baskets, left.values(), strict=True):
            for product, (moment, quantity) in found.items():
                if product in stock:
                    lines.append(_line(basket, stock[product], quantity))
                    moments.append(moment)
        created = BasketLine.objects.bulk_create(lines)
        times = [(line.pk, moment) for line, moment in zip(created, moments, strict=True)]
        set_times(BasketLine, "date_created", times)
        begun = [min(found.values())[0] for found in left.values()]
        set_times(Basket, "date_created", [(one.pk, at) for one, at in zip(baskets, begun, strict=True)])


def _line(basket: Any, stock: Any, quantity: int) -> Any:
    price = stock.price if stock.price is not None else Decimal(0)
    return BasketLine(
        basket=basket, line_reference=f"{stock.product_id}_{stock.pk}", product_id=stock.product_id,
        stockrecord=stock, quantity=quantity, price_currency=stock.price_currency,
        price_excl_tax=price, price_incl_tax=price,
    )  # fmt: skip
