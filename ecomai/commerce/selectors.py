"""Reads of the shop's data; anything about the past takes `as_of`."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Q, QuerySet

from .app_settings import app_settings
from .exceptions import NoExchangeRateError, UnlikeCurrenciesError
from .models import Customer, Event, EventType, ExchangeRate, Item


def recent_events(
    *,
    customer: Customer | None = None,
    session_id: str = "",
    storefront: str = "",
    types: Iterable[str] | None = None,
    limit: int = 100,
    as_of: datetime | None = None,
) -> list[Event]:
    """Return the newest events of a customer, or of a session, newest first; both are united."""
    if customer is None and not session_id:
        return []
    newest: dict[int, Event] = {}
    for events in _event_streams(customer, session_id, storefront):
        events = events.filter(type__in=list(types)) if types is not None else events
        events = events.filter(occurred_at__lt=as_of) if as_of else events
        newest.update((event.pk, event) for event in events.order_by("-occurred_at")[:limit])
    return sorted(newest.values(), key=lambda event: (event.occurred_at, event.pk), reverse=True)[:limit]


def _event_streams(customer: Customer | None, session_id: str, storefront: str) -> list[QuerySet[Event]]:
    """One query for each, as an OR over the two columns would use neither index."""
    streams = []
    if customer is not None:
        streams.append(Event.objects.filter(customer=customer))
    if session_id:
        of_session = Event.objects.filter(session_id=session_id, storefront=storefront)
        owner = Q(customer=None) | Q(customer=customer) if customer is not None else Q(customer=None)
        streams.append(of_session.filter(owner))
    return streams


def purchased_item_ids(customer: Customer, *, as_of: datetime | None = None) -> set[str]:
    """Return the shop's ids of what a customer bought and neither cancelled nor returned whole."""
    events = Event.objects.filter(customer=customer, item__isnull=False)
    events = events.filter(occurred_at__lt=as_of) if as_of else events
    kept: dict[str, int] = {}
    signs = {EventType.PURCHASE: 1, EventType.RETURN: -1, EventType.CANCELLATION: -1}
    rows = events.filter(type__in=list(signs)).values_list("item__external_id", "type", "quantity")
    for item_id, kind, quantity in rows:
        kept[item_id] = kept.get(item_id, 0) + signs[EventType(kind)] * quantity
    return {item_id for item_id, quantity in kept.items() if quantity > 0}


def items_by_external_id(external_ids: Sequence[str], *, storefront: str = "") -> dict[str, Item]:
    found = Item.objects.filter(storefront=storefront, external_id__in=external_ids)
    return {item.external_id: item for item in found}


class RateTable:
    """All dated rates, read once, for converting many amounts."""

    def __init__(self) -> None:
        self.reporting_currency: str = app_settings.REPORTING_CURRENCY
        self._days: dict[str, list[date]] = {}
        self._rates: dict[str, list[Decimal]] = {}
        for rate in ExchangeRate.objects.order_by("currency", "valid_from"):
            self._days.setdefault(rate.currency, []).append(rate.valid_from)
            self._rates.setdefault(rate.currency, []).append(rate.rate)

    def convert(self, amount: Decimal, currency: str, day: date) -> Decimal:
        if currency == self.reporting_currency:
            return amount
        index = bisect_right(self._days.get(currency, []), day)
        if not index:
            raise NoExchangeRateError(currency=currency, reporting=self.reporting_currency, day=day)
        return amount * self._rates[currency][index - 1]


def to_reporting_currency(
    amount: Decimal, currency: str, day: date, *, rates: RateTable | None = None
) -> Decimal:
    """Convert an amount at the rate of its day; raises `NoExchangeRateError` rather than guess."""
    if currency == app_settings.REPORTING_CURRENCY:
        return amount
    return (rates or RateTable()).convert(amount, currency, day)


def add_amounts(amounts: Iterable[tuple[Decimal, str]]) -> tuple[Decimal, str]:
    """Add amounts of one currency; raises `UnlikeCurrenciesError` when there are several."""
    pairs = list(amounts)
    currencies = sorted({currency for _amount, currency in pairs})
    if len(currencies) > 1:
        raise UnlikeCurrenciesError(currencies=", ".join(currencies))
    return sum((amount for amount, _currency in pairs), Decimal(0)), currencies[0] if currencies else ""
