"""Writes a whole demo shop as an export folder, the way a real shop would hand its history over."""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np

from .behaviour import DemoEvent, DemoOrder, Year
from .catalogue import DemoItem, build_catalogue
from .catalogue_types import Language
from .drawings import draw_item
from .journeys import INTERESTS
from .people import DAYS_OF_HISTORY, DemoCustomer, build_customers
from .products import PRODUCT_TYPES

ITEM_COLUMNS = (
    "external_id", "title", "description", "category_path", "brand", "attributes", "price", "currency",
    "stock", "url", "image_urls", "is_active", "listed_at",
)  # fmt: skip
CUSTOMER_COLUMNS = ("external_id", "language", "country", "traits", "first_seen_at")
ORDER_COLUMNS = (
    "order_id", "position", "customer_id", "session_id", "item_id", "description", "quantity",
    "returned_quantity", "unit_price", "currency", "status", "channel", "placed_at",
)  # fmt: skip
EVENT_COLUMNS = (
    "key", "type", "customer_id", "session_id", "item_id", "query", "channel", "order_id", "quantity",
    "value", "currency", "properties", "occurred_at",
)  # fmt: skip
RATE_COLUMNS = ("currency", "valid_from", "rate")

SHOP_CURRENCY = {"en": "EUR", "zh": "CNY"}
# One unit of the foreign currency in the shop's own, about which the monthly rates move.
FOREIGN_CURRENCIES = {"en": {"GBP": 1.16, "USD": 0.92}, "zh": {"HKD": 0.92, "SGD": 5.35}}
PICTURES = "images"

Report = Callable[[float, str], None]
Rates = dict[str, list[tuple[datetime, Decimal]]]


def write_shop(
    folder: Path,
    *,
    language: Language = "en",
    seed: int = 7,
    n_customers: int = 3000,
    until: datetime | None = None,
    report: Report | None = None,
) -> dict[str, int]:
    """Write items, customers, orders, events, rates and pictures of a generated shop; return how many rows.

    The same language, seed, number of customers and `until` (default: now) give the same files.
    `truth.json` tells the tastes behind the behaviour; it is for tests and is not imported.
    """
    report = report or (lambda progress, message: None)
    until = (until or datetime.now(UTC)).replace(microsecond=0)
    streams = [np.random.default_rng([seed, part]) for part in range(4)]
    folder.mkdir(parents=True, exist_ok=True)
    report(0.0, "catalogue")
    items = build_catalogue(language=language, until=until, rng=streams[0])
    customers = build_customers(n_customers=n_customers, language=language, until=until, rng=streams[1])
    rates = _rates(language, until, streams[2])
    year = Year(items=items, language=language, until=until, rng=streams[3])
    year.live(customers, lambda share: report(0.05 + 0.75 * share, "customers"))
    counts = {
        "items": _write(folder / "items.csv", ITEM_COLUMNS, _item_rows(items, language)),
        "customers": _write(folder / "customers.csv", CUSTOMER_COLUMNS, _customer_rows(customers)),
        "order lines": _write(folder / "orders.csv", ORDER_COLUMNS, _order_rows(year.orders, rates)),
        "events": _write(folder / "events.csv", EVENT_COLUMNS, _event_rows(year.events)),
        "rates": _write(folder / "rates.csv", RATE_COLUMNS, _rate_rows(rates)),
    }
    (folder / "truth.json").write_text(
        json.dumps(_truth(customers, language), ensure_ascii=False), encoding="utf-8"
    )
    report(0.9, "pictures")
    _draw(folder / PICTURES, items)
    report(1.0, "done")
    return counts


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    n_rows = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(row)
            n_rows += 1
    return n_rows


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _item_rows(items: Sequence[DemoItem], language: Language) -> Iterable[Sequence[Any]]:
    for item in items:
        yield (
            item.external_id, item.title, item.description, item.category_path, item.brand,
            _json(item.attributes), item.price,
            SHOP_CURRENCY[language], item.stock, f"/products/{item.external_id}/",
            _json([f"/pictures/{item.external_id}.svg"]), "true" if item.is_active else "false",
            item.listed_at.isoformat(),
        )  # fmt: skip


def _customer_rows(customers: Sequence[DemoCustomer]) -> Iterable[Sequence[Any]]:
    for customer in customers:
        yield (
            customer.external_id, customer.language, customer.country, _json(customer.traits),
            customer.first_seen_at.isoformat(),
        )  # fmt: skip


def _order_rows(orders: Sequence[DemoOrder], rates: Rates) -> Iterable[Sequence[Any]]:
    for order in orders:
        currency = order.customer.currency
        for position, line in enumerate(order.lines, start=1):
            yield (
                order.order_id, position, order.customer.external_id, order.session_id, line.item.external_id,
                line.item.title, line.quantity, line.returned,
                _price_in(line.item, currency, order.placed_at, rates),
                currency, order.status, "web", order.placed_at.isoformat(),
            )  # fmt: skip


def _event_rows(events: Sequence[DemoEvent]) -> Iterable[Sequence[Any]]:
    for number, event in enumerate(events, start=1):
        yield (
            f"demo-{number:07d}", event.type, event.customer_id, event.session_id,
            event.item.external_id if event.item else "", event.query, event.channel,
            event.order.order_id if event.order else "", event.quantity,
            "", "", _json(event.properties or {}), event.occurred_at.isoformat(),
        )  # fmt: skip


def _rates(language: Language, until: datetime, rng: np.random.Generator) -> Rates:
    """Return monthly rates from before the year begins, each currency wandering by a few per cent."""
    months = [until - timedelta(days=DAYS_OF_HISTORY + 40 - 30 * month) for month in range(14)]
    rates = {SHOP_CURRENCY[language]: [(months[0], Decimal(1))]}
    for currency, about in FOREIGN_CURRENCIES[language].items():
        walk = about * np.exp(np.cumsum(rng.normal(0, 0.006, len(months))))
        rates[currency] = [(month, Decimal(f"{rate:.6f}")) for month, rate in zip(months, walk, strict=True)]
    return rates


def _rate_rows(rates: Rates) -> Iterable[Sequence[Any]]:
    for currency, dated in rates.items():
        for valid_from, rate in dated:
            yield currency, valid_from.date().isoformat(), rate


def _price_in(item: DemoItem, currency: str, moment: datetime, rates: Rates) -> Decimal:
    """Return the item's price in the customer's currency at the rate of that day."""
    rate = next(rate for valid_from, rate in reversed(rates[currency]) if valid_from <= moment)
    return (item.price / rate).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _truth(customers: Sequence[DemoCustomer], language: Language) -> dict[str, Any]:
    return {
        customer.external_id: {
            "interests": customer.interests,
            "leaves": sorted(
                {
                    PRODUCT_TYPES[key].leaf.of(language)
                    for name in customer.interests
                    for key in INTERESTS[name]
                }
            ),
            "brands": customer.brands,
            "colours": customer.colours,
            "price_level": round(customer.price_level, 3),
        }
        for customer in customers
    }


def _draw(folder: Path, items: Sequence[DemoItem]) -> None:
    folder.mkdir(exist_ok=True)
    for item in items:
        (folder / f"{item.external_id}.svg").write_text(draw_item(item), encoding="utf-8")
