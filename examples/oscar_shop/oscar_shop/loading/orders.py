"""Orders with their lines; what came back becomes shipping and payment events, as Oscar keeps it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.sites.models import Site
from django.db import transaction
from django.db.models import Sum
from oscar.core.loading import get_model

from ecomai.commerce.records import OrderIn, OrderLineIn

from .bulk import set_times

Line = get_model("order", "Line")
Order = get_model("order", "Order")
PaymentEvent = get_model("order", "PaymentEvent")
PaymentEventQuantity = get_model("order", "PaymentEventQuantity")
PaymentEventType = get_model("order", "PaymentEventType")
Product = get_model("catalogue", "Product")
ShippingAddress = get_model("order", "ShippingAddress")
ShippingEvent = get_model("order", "ShippingEvent")
ShippingEventQuantity = get_model("order", "ShippingEventQuantity")
ShippingEventType = get_model("order", "ShippingEventType")
StockRecord = get_model("partner", "StockRecord")
UserAddress = get_model("address", "UserAddress")

STATUSES = {
    "placed": "Pending",
    "paid": "Paid",
    "shipped": "Shipped",
    "completed": "Complete",
    "returned": "Returned",
    "cancelled": "Cancelled",
}
CENT = Decimal("0.01")


@dataclass(slots=True)
class SoldLine:
    """A line that may still come back."""

    pk: int
    order_pk: int
    left: int
    unit_price: Decimal


@dataclass(slots=True)
class ReturnedLine:
    sold: SoldLine
    quantity: int
    at: datetime
    reference: str = ""


@dataclass
class OrderLoader:
    """Writes orders in the order of the file; `counts` says what became of them."""

    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.site = Site.objects.get_current()
        self.users = dict(get_user_model().objects.values_list("username", "pk"))
        self.stock = {
            record.product.upc: record
            for record in StockRecord.objects.select_related("product", "partner").iterator()
        }
        self.addresses = {
            address.user_id: address
            for address in UserAddress.objects.filter(is_default_for_shipping=True).iterator()
        }
        self.shipped, _created = ShippingEventType.objects.get_or_create(name="Returned")
        self.refunded, _created = PaymentEventType.objects.get_or_create(name="Refunded")
        # What each customer has of each product, the latest purchase last: credit notes name no order.
        self.sold: dict[tuple[str, str], list[SoldLine]] = defaultdict(list)

    def load(self, orders: list[OrderIn]) -> None:
        found = Order.objects.filter(number__in=[order.external_id for order in orders])
        known = set(found.values_list("number", flat=True))
        with transaction.atomic():
            self._remember(known)
            self._write([order for order in orders if not _is_credit_note(order)], known)
            self._take_back([order for order in orders if _is_credit_note(order)])

    def _write(self, orders: list[OrderIn], known: set[str]) -> None:
        new = [order for order in orders if order.external_id not in known]
        self.counts["orders"] += len(new)
        self.counts["known"] += len(orders) - len(new)
        addresses = [self._address(order) for order in new]
        ShippingAddress.objects.bulk_create([address for address in addresses if address])
        rows = Order.objects.bulk_create(
            self._order(order, address) for order, address in zip(new, addresses, strict=True)
        )
        lines, returned = [], []
        for order, row in zip(new, rows, strict=True):
            for line in order.lines:
                lines.append((order, line, self._line(line, row)))
        Line.objects.bulk_create([row for _order, _line, row in lines], batch_size=2000)
        self.counts["lines"] += len(lines)
        for order, line, row in lines:
            sold = SoldLine(row.pk, row.order_id, line.quantity, row.unit_price_incl_tax)
            if order.customer_id and line.item_id:
                self.sold[order.customer_id, line.item_id].append(sold)
            if line.returned_quantity:
                sold.left -= line.returned_quantity
                returned.append(
                    ReturnedLine(sold, line.returned_quantity, order.changed_at or order.placed_at)
                )
        self._write_returns(returned)

    def _remember(self, numbers: set[str]) -> None:
        """Take up what an earlier load wrote of these orders, so that credit notes still find it."""
        lines = Line.objects.filter(
            order__number__in=numbers, product__isnull=False, order__user__isnull=False
        )
        back = Sum("shipping_event_quantities__quantity")
        for row in lines.select_related("order__user", "product").annotate(n_back=back).order_by("pk"):
            sold = SoldLine(row.pk, row.order_id, row.quantity - (row.n_back or 0), row.unit_price_incl_tax)
            self.sold[row.order.user.get_username(), row.product.upc].append(sold)

    def _take_back(self, notes: list[OrderIn]) -> None:
        """Book credit notes on the customer's latest purchases of the same products."""
        references = [note.external_id for note in notes]
        known = set(PaymentEvent.objects.filter(reference__in=references).values_list("reference", flat=True))
        returned = []
        for note in notes:
            for line in note.lines if note.external_id not in known else ():
                left = -line.quantity
                for sold in reversed(self.sold[note.customer_id, line.item_id]):
                    quantity = min(left, sold.left)
                    if quantity > 0:
                        sold.left, left = sold.left - quantity, left - quantity
                        returned.append(ReturnedLine(sold, quantity, note.placed_at, note.external_id))
                self.counts["returned"] += -line.quantity - left
                self.counts["returned without a purchase"] += left
        self._write_returns(returned)

    def _write_returns(self, returned: list[ReturnedLine]) -> None:
        """Say of each line that goods came back, and that the money did."""
        shipping = ShippingEvent.objects.bulk_create(
            ShippingEvent(order_id=one.sold.order_pk, event_type=self.shipped) for one in returned
        )
        payments = PaymentEvent.objects.bulk_create(
            PaymentEvent(
                order_id=one.sold.order_pk, event_type=self.refunded, shipping_event=event,
                amount=one.quantity * one.sold.unit_price, reference=one.reference,
            )
            for one, event in zip(returned, shipping, strict=True)
        )  # fmt: skip
        for model, events in ((ShippingEvent, shipping), (PaymentEvent, payments)):
            set_times(
                model,
                "date_created",
                [(event.pk, one.at) for one, event in zip(returned, events, strict=True)],
            )
        for model, events in ((ShippingEventQuantity, shipping), (PaymentEventQuantity, payments)):
            model.objects.bulk_create(
                model(event=event, line_id=one.sold.pk, quantity=one.quantity)
                for one, event in zip(returned, events, strict=True)
            )

    def _address(self, order: OrderIn) -> Any:
        found = self.addresses.get(self.users.get(order.customer_id))
        if found is None:
            return None
        address = ShippingAddress()
        found.populate_alternative_model(address)
        return address

    def _order(self, order: OrderIn, address: Any) -> Any:
        total = sum((_cents(line.unit_price) * line.quantity for line in order.lines), Decimal(0))
        user = self.users.get(order.customer_id)
        return Order(
            number=order.external_id,
            site=self.site,
            user_id=user,
            guest_email="" if user else "guest@example.com",
            currency=order.currency,
            total_incl_tax=total,
            total_excl_tax=total,
            shipping_incl_tax=Decimal(0),
            shipping_excl_tax=Decimal(0),
            shipping_address=address,
            status=STATUSES.get(order.status, "Pending"),
            date_placed=order.placed_at,
        )

    def _line(self, line: OrderLineIn, order: Any) -> Any:
        record = self.stock.get(line.item_id)
        price = _cents(line.unit_price)
        total = price * line.quantity
        return Line(
            order=order,
            partner=record.partner if record else None,
            partner_name=record.partner.name if record else "",
            partner_sku=record.partner_sku if record else "",
            stockrecord=record,
            product_id=record.product_id if record else None,
            title=(line.description or (record.product.title if record else line.item_id))[:255],
            upc=line.item_id or None,
            quantity=line.quantity,
            line_price_incl_tax=total,
            line_price_excl_tax=total,
            line_price_before_discounts_incl_tax=total,
            line_price_before_discounts_excl_tax=total,
            unit_price_incl_tax=price,
            unit_price_excl_tax=price,
            status=order.status,
            num_allocated=0,
        )


def _is_credit_note(order: OrderIn) -> bool:
    return any(line.quantity < 0 for line in order.lines)


def _cents(price: Decimal) -> Decimal:
    return price.quantize(CENT, ROUND_HALF_UP)
