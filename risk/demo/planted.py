"""Who asks in the demo: the shop's own customers with what they ordered, and a ring of accounts."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from ecomai.capabilities import RiskLine, RiskQuestion
from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.commerce.models import Order

from ..models import Kind
from .history import Asked

SEED = 7
MOST_ORDERS = 800
DAYS = 60
#: The ring: accounts, the devices that they share, and orders of each.
N_ACCOUNTS, N_DEVICES, N_CARDS, N_ADDRESSES, N_EACH = 12, 3, 5, 2, 3
RING_DAYS = 20
CHARGEBACK_DAYS = 14


def ring_account(number: int) -> str:
    return f"ring-{number + 1:02d}"


def planted(now: datetime) -> list[Asked]:
    """Return everything that was asked, from the shop's newest orders and of the ring."""
    draw = np.random.default_rng(SEED)
    return [*_honest(now, draw), *_ring(now, draw)]


def _honest(now: datetime, draw: np.random.Generator) -> Iterator[Asked]:
    """The shop's newest orders, moved as a whole so that the last one is of this hour."""
    orders = list(
        Order.objects.filter(storefront="")
        .exclude(customer=None)
        .select_related("customer")
        .prefetch_related("lines__item")
        .order_by("-placed_at")[:MOST_ORDERS]
    )
    if not orders:
        return
    shift = max(now - timedelta(hours=1) - orders[0].placed_at, timedelta(0))
    for order in orders:
        at = order.placed_at + shift
        if at < now - timedelta(days=DAYS):
            return
        # One in fifty paid with a card that was stolen: now and then far from home.
        is_stolen = draw.random() < 0.02
        back = at + timedelta(days=float(draw.uniform(5, 25))) if is_stolen else None
        yield Asked(at, _question(order, draw, is_stolen=is_stolen), back if back and back < now else None)


def _question(order: Order, draw: np.random.Generator, *, is_stolen: bool) -> RiskQuestion:
    customer = order.customer
    if customer is None:
        raise ValueError("only orders of customers are asked about")
    name, country = customer.external_id, customer.country[:2].upper()
    thief = f"thief {draw.integers(8)}" if is_stolen else ""
    return RiskQuestion(
        kind=Kind.PAYMENT_FRAUD, external_id=order.external_id, customer_id=name, amount=order.total,
        currency=order.currency, lines=_lines(order),
        card_fingerprint=f"card {thief or name}", card_last_digits=f"{draw.integers(10_000):04d}",
        card_country=country, device_id=f"device {thief or name}", ip_country="RU" if is_stolen else country,
        ip_address=f"198.51.100.{draw.integers(1, 255)}", email=f"{name}@customers.example",
        shipping_address=f"{name} street 1", shipping_country=country, billing_country=country,
        # Honest people mistype the number of a card too.
        failed_payments=int(draw.integers(1, 4)) if is_stolen else int(draw.random() < 0.08),
    )  # fmt: skip


def _lines(order: Order) -> Sequence[RiskLine]:
    return [
        RiskLine(
            item_id=line.item.external_id if line.item else "", quantity=line.quantity,
            category=line.item.category_path if line.item else "", unit_price=line.unit_price,
        )
        for line in order.lines.all()
        if line.quantity >= 0 and line.unit_price >= 0
    ]  # fmt: skip


def _ring(now: datetime, draw: np.random.Generator) -> Iterator[Asked]:
    """Twelve accounts, three devices, five cards: they try, and two weeks long the money goes back."""
    for number in range(N_ACCOUNTS):
        for turn in range(N_EACH):
            days = RING_DAYS * (1 - turn / N_EACH) - float(draw.uniform(0, 3))
            at = now - timedelta(days=max(days, 0.05))
            back = now - timedelta(days=float(draw.uniform(0, CHARGEBACK_DAYS)))
            is_back = turn == 0 and number % 2 == 0 and back > at
            yield Asked(at, _ring_question(number, turn, draw), back if is_back else None)


def _ring_question(number: int, turn: int, draw: np.random.Generator) -> RiskQuestion:
    price = Decimal(int(draw.integers(80, 400)))
    return RiskQuestion(
        kind=Kind.PAYMENT_FRAUD, external_id=f"ring-{number + 1:02d}-{turn + 1}",
        customer_id=ring_account(number), amount=price, currency=commerce_settings.REPORTING_CURRENCY,
        lines=[RiskLine(item_id="gift-card", category="Gift cards", quantity=1, unit_price=price)],
        card_fingerprint=f"ring card {(number + turn) % N_CARDS}",
        card_last_digits=f"00{(number + turn) % N_CARDS:02d}", card_country="US",
        device_id=f"ring device {number % N_DEVICES}", ip_address=f"203.0.113.{number % N_DEVICES + 1}",
        ip_country="NL", email=f"x{number}k{turn * 37}@mail.example",
        shipping_address=f"PO Box {number % N_ADDRESSES + 1}", shipping_country="GB", billing_country="US",
        failed_payments=int(draw.integers(0, 3)),
    )  # fmt: skip
