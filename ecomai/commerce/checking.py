"""Whether a row can be taken: each problem has a stable code and a sentence that says what to do."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from msgspec import Meta

from .app_settings import app_settings
from .models import Order
from .partitions import add_months, month_of
from .records import KINDS, CustomerIn, EventIn, ItemIn, OrderIn, OrderLineIn, RateIn, RowResult

R = TypeVar("R", bound=msgspec.Struct)

MAX_QUANTITY = 1_000_000
MAX_AMOUNT = Decimal(10) ** 9
CURRENCY = re.compile(r"[A-Z]{3}")
EVENT_TYPE = re.compile(r"[a-z][a-z0-9_]{0,31}")
WEB = {"", "http", "https"}
MAX_LENGTHS = {
    "key": 300, "customer_id": 128, "session_id": 128, "item_id": 128, "order_id": 128, "external_id": 128,
    "query": 500, "channel": 32, "title": 500, "category_path": 500, "brand": 200, "url": 1000,
    "description": 100_000, "language": 16, "country": 64, "status": 16, "currency": 3, "type": 32,
}  # fmt: skip


def rejected(code: str, reason: str, **params: Any) -> RowResult:
    # A reason may quote what was sent, and a database's text cannot hold a null character.
    return RowResult("rejected", code, (reason % params).replace("\x00", "\ufffd"))


def parse_row(kind: str, row: Any) -> Any:
    """Return the typed record of a row, or the `RowResult` that rejects it."""
    record_type = KINDS[kind]
    if isinstance(row, record_type):
        return row
    if not isinstance(row, Mapping):
        return rejected("invalid_row", _("The row is not an object with named fields."))
    unknown = set(row) - set(record_type.__struct_fields__)
    if unknown:
        reason = _("The field “%(field)s” is not known here. Known are: %(known)s.")
        known = ", ".join(record_type.__struct_fields__)
        return rejected("unknown_field", reason, field=sorted(map(str, unknown))[0][:80], known=known)
    try:
        return msgspec.convert(row, record_type, strict=False)
    except (msgspec.ValidationError, RecursionError) as error:
        return rejected("invalid_field", _("A field is not valid: %(error)s."), error=str(error)[:300])


class Bounds:
    """The dates that are believable for one batch, read once."""

    def __init__(self, *, is_from_browser: bool = False) -> None:
        self.now = timezone.now()
        self.latest = self.now + timedelta(minutes=app_settings.CLOCK_TOLERANCE_MINUTES)
        self.earliest = _start_of(app_settings.EARLIEST_DATE)
        self.oldest_event = self.earliest
        if app_settings.EVENT_RETENTION_MONTHS:
            self.oldest_event = add_months(month_of(self.now), -app_settings.EVENT_RETENTION_MONTHS)
        if is_from_browser:
            days = timedelta(days=app_settings.BROWSER_EVENT_MAX_AGE_DAYS)
            self.oldest_event = max(self.oldest_event, self.now - days)
        self.server_only_types = (
            frozenset(app_settings.SERVER_ONLY_EVENT_TYPES) if is_from_browser else frozenset()
        )
        self.max_properties_bytes = app_settings.MAX_PROPERTIES_BYTES


@lru_cache(maxsize=4)
def _start_of(day: str) -> datetime:
    date = parse_date(day)
    assert date is not None, "check ecomai.commerce.E003 holds the setting's form"  # noqa: S101
    return datetime(date.year, date.month, date.day, tzinfo=UTC)


def aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def problem_of_event(event: EventIn, bounds: Bounds) -> RowResult | None:
    """Return why an event cannot be taken, or None. What must exist in the database is checked elsewhere."""
    if not EVENT_TYPE.fullmatch(event.type):
        reason = _(
            "“%(type)s” is no event type: up to 32 lower-case letters, digits and “_”, such as “view”."
        )
        return rejected("invalid_type", reason, type=event.type[:80])
    if event.type in bounds.server_only_types:
        return rejected("needs_secret_key", _("Events of this type are taken from the shop's server alone."))
    problem = _problem_of_date(event.occurred_at, bounds) or _problem_of_text(event, _EVENT_TEXTS)
    if problem:
        return problem
    if event.occurred_at and aware(event.occurred_at) < bounds.oldest_event:
        reason = _("The event is older than the shop keeps or takes events; it is left out.")
        return rejected("too_old", reason)
    if not 1 <= event.quantity <= MAX_QUANTITY:
        return _absurd_quantity(event.quantity)
    return _problem_of_money(event.value, event.currency) or _problem_of_properties(event, bounds)


class BoundedEvent(EventIn, kw_only=True, forbid_unknown_fields=True):
    """An event whose lengths and quantity hold as it is decoded; `are_all_fine` looks at the rest."""

    key: Annotated[str, Meta(max_length=MAX_LENGTHS["key"])] = ""
    customer_id: Annotated[str, Meta(max_length=MAX_LENGTHS["customer_id"])] = ""
    session_id: Annotated[str, Meta(max_length=MAX_LENGTHS["session_id"])] = ""
    item_id: Annotated[str, Meta(max_length=MAX_LENGTHS["item_id"])] = ""
    query: Annotated[str, Meta(max_length=MAX_LENGTHS["query"])] = ""
    channel: Annotated[str, Meta(max_length=MAX_LENGTHS["channel"])] = "web"
    order_id: Annotated[str, Meta(max_length=MAX_LENGTHS["order_id"])] = ""
    quantity: Annotated[int, Meta(ge=1, le=MAX_QUANTITY)] = 1


def are_all_fine(rows: Sequence[Any], bounds: Bounds) -> bool:
    """Whether `problem_of_event` finds nothing in a whole batch of `BoundedEvent`, told in a few looks."""
    if not rows or not all(type(row) is BoundedEvent for row in rows):
        return False
    types = {row.type for row in rows}
    moments = [aware(row.occurred_at) for row in rows if row.occurred_at]
    amounts = [row.value for row in rows if row.value is not None]
    oldest = max(bounds.earliest, bounds.oldest_event)
    return (
        all(map(EVENT_TYPE.fullmatch, types))
        and types.isdisjoint(bounds.server_only_types)
        and all(CURRENCY.fullmatch(currency) for currency in {row.currency for row in rows} if currency)
        and not any(row.value is not None and not row.currency for row in rows)
        and (not moments or (oldest <= min(moments) and max(moments) <= bounds.latest))
        and all(amount.is_finite() for amount in amounts)
        and (not amounts or (min(amounts) >= 0 and max(amounts) < MAX_AMOUNT))
        and not any(_problem_of_properties(row, bounds) for row in rows if row.properties)
    )


def problem_of_item(item: ItemIn, bounds: Bounds) -> RowResult | None:
    if not item.external_id:
        return _missing("external_id")
    problem = _problem_of_text(item, _ITEM_TEXTS) or _problem_of_json(item.attributes, item.image_urls)
    if problem:
        return problem
    if problem := _problem_of_addresses(item):
        return problem
    if item.stock not in (None, msgspec.UNSET) and abs(item.stock) > 2_000_000_000:  # type: ignore[arg-type,operator]
        return _absurd_quantity(item.stock)
    if item.listed_at is not msgspec.UNSET and (problem := _problem_of_date(item.listed_at, bounds)):  # type: ignore[arg-type]
        return problem
    if item.cost not in (None, msgspec.UNSET) and (problem := _problem_of_amount(item.cost)):  # type: ignore[arg-type]
        return problem
    if item.price in (None, msgspec.UNSET):
        return None
    if item.currency is msgspec.UNSET:
        return _problem_of_amount(item.price)  # type: ignore[arg-type]
    return _problem_of_money(item.price, item.currency)  # type: ignore[arg-type]


def problem_of_customer(customer: CustomerIn, bounds: Bounds) -> RowResult | None:
    if not customer.external_id:
        return _missing("external_id")
    problem = _problem_of_text(customer, ("external_id", "language", "country")) or _problem_of_json(
        customer.traits
    )
    if problem:
        return problem
    if customer.first_seen_at is msgspec.UNSET:
        return None
    return _problem_of_date(customer.first_seen_at, bounds)  # type: ignore[arg-type]


def problem_of_order(order: OrderIn, bounds: Bounds) -> RowResult | None:
    if not order.external_id:
        return _missing("external_id")
    if order.status not in Order.Status.values:
        reason = _("“%(status)s” is no order status; known are: %(known)s.")
        return rejected(
            "unknown_status", reason, status=order.status[:80], known=", ".join(Order.Status.values)
        )
    problem = (
        _problem_of_date(order.placed_at, bounds)
        or _problem_of_date(order.changed_at, bounds)
        or _problem_of_text(order, ("external_id", "customer_id", "session_id", "channel"))
        or _problem_of_money(Decimal(0), order.currency)
    )
    if problem:
        return problem
    if len({line.position for line in order.lines}) != len(order.lines):
        return rejected("repeated_position", _("Two lines of the order have the same position."))
    return next((problem for line in order.lines if (problem := _problem_of_line(line, order))), None)


def problem_of_rate(rate: RateIn, bounds: Bounds) -> RowResult | None:
    if not CURRENCY.fullmatch(rate.currency):
        return _unknown_currency(rate.currency)
    if not rate.rate.is_finite() or not 0 < rate.rate < MAX_AMOUNT:
        return rejected("absurd_rate", _("The rate must be more than zero."))
    return _problem_of_date(rate.valid_from, bounds)


PROBLEM_OF: dict[str, Callable[[Any, Bounds], RowResult | None]] = {
    "event": problem_of_event,
    "item": problem_of_item,
    "customer": problem_of_customer,
    "order": problem_of_order,
    "rate": problem_of_rate,
}


def parse_and_check(kind: str, rows: Any, bounds: Bounds) -> Iterator[Any]:
    """Yield a checked record or the `RowResult` that rejects it, for each row in turn."""
    problem_of = PROBLEM_OF[kind]
    for row in rows:
        record = parse_row(kind, row)
        yield record if isinstance(record, RowResult) else problem_of(record, bounds) or record


_EVENT_TEXTS = ("key", "customer_id", "session_id", "item_id", "query", "channel", "order_id")
_ITEM_TEXTS = ("external_id", "title", "description", "category_path", "brand", "url")


def _problem_of_line(line: OrderLineIn, order: OrderIn) -> RowResult | None:
    lowest = -MAX_QUANTITY if order.status == Order.Status.RETURNED else 1
    if not lowest <= line.quantity <= MAX_QUANTITY or line.quantity == 0:
        return _absurd_quantity(line.quantity)
    if not 0 <= line.returned_quantity <= max(line.quantity, 0):
        return _absurd_quantity(line.returned_quantity)
    if not 0 <= line.position < 2**31:
        return _absurd_quantity(line.position)
    return _problem_of_amount(line.unit_price) or _problem_of_text(line, ("item_id", "description"))


def _problem_of_date(moment: datetime | None, bounds: Bounds) -> RowResult | None:
    if moment is None:
        return None
    if bounds.earliest <= aware(moment) <= bounds.latest:
        return None
    reason = _("The date %(date)s cannot be right: it lies in the future, or before %(earliest)s.")
    return rejected("absurd_date", reason, date=moment.isoformat(), earliest=bounds.earliest.date())


def _problem_of_text(record: Any, names: tuple[str, ...]) -> RowResult | None:
    for name in names:
        text = getattr(record, name)
        if not text:
            continue
        if len(text) > MAX_LENGTHS[name]:
            reason = _("The field “%(field)s” is longer than %(limit)s characters.")
            return rejected("text_too_long", reason, field=name, limit=MAX_LENGTHS[name])
        if "\x00" in text:
            return _invalid_text(name)
    return None


def _problem_of_money(amount: Decimal | None, currency: Any) -> RowResult | None:
    if amount is None and not currency:
        return None
    if not currency:
        return rejected("missing_currency", _("An amount needs its currency, such as “EUR”."))
    if not CURRENCY.fullmatch(currency):
        return _unknown_currency(currency)
    return _problem_of_amount(amount) if amount is not None else None


def _problem_of_amount(amount: Decimal) -> RowResult | None:
    if amount.is_finite() and 0 <= amount < MAX_AMOUNT:
        return None
    return rejected("absurd_price", _("The amount %(amount)s cannot be right."), amount=str(amount)[:40])


def _problem_of_properties(event: EventIn, bounds: Bounds) -> RowResult | None:
    if not event.properties:
        return None
    if len(json.dumps(event.properties, default=str)) > bounds.max_properties_bytes:
        reason = _("The properties of the event are larger than %(limit)s bytes.")
        return rejected("properties_too_large", reason, limit=bounds.max_properties_bytes)
    return _problem_of_json(event.properties)


def _problem_of_json(*values: Any) -> RowResult | None:
    if any(value and "\\u0000" in json.dumps(value, default=str) for value in values):
        return _invalid_text("properties")
    return None


def _problem_of_addresses(item: ItemIn) -> RowResult | None:
    """Pages make links of these: `javascript:` and its like would run in the shop's name."""
    pages: list[str] = [item.url] if item.url else []  # type: ignore[list-item]
    pictures: list[str] = item.image_urls or []  # type: ignore[assignment]
    wrong = [url for url in pages if _scheme(url) not in WEB]
    wrong += [url for url in pictures if _scheme(url) not in WEB | {"data"}]
    if not wrong:
        return None
    reason = _("The address “%(url)s” is none of a web page; it may begin with https://, http:// or /.")
    return rejected("invalid_url", reason, url=wrong[0][:80])


def _scheme(url: str) -> str | None:
    try:
        return urlsplit(url.strip()).scheme
    except ValueError:
        return None


def _missing(field: str) -> RowResult:
    return rejected("missing_field", _("The field “%(field)s” is missing or empty."), field=field)


def _invalid_text(field: str) -> RowResult:
    return rejected(
        "invalid_text", _("The field “%(field)s” has a character that cannot be stored."), field=field
    )


def _unknown_currency(currency: str) -> RowResult:
    reason = _("“%(currency)s” is no currency code; use three capital letters, such as “EUR”.")
    return rejected("unknown_currency", reason, currency=currency[:40])


def _absurd_quantity(quantity: Any) -> RowResult:
    return rejected("absurd_quantity", _("The quantity %(quantity)s cannot be right."), quantity=quantity)
