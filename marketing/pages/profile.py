"""The page of a profile: who the customer is in sentences, figures with their source, a year as a chart."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count
from django.db.models.functions import TruncMonth
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.commerce.models import Event, EventType, Order
from ecomai.commerce.money import format_money
from ecomai.console import charts
from ecomai.numbers import format_percent

from ..models import CustomerActivity, CustomerProfile, Feedback
from ..summary import next_order_of, sentences_of

N_TIMELINE, N_WRITTEN = 30, 10
#: What was only shown, and what the order beside it says already.
NOT_TOLD = (EventType.IMPRESSION, EventType.AD_IMPRESSION, EventType.PURCHASE)
N_MONTHS = 12


def context(profile: CustomerProfile, *, may_see_all: bool, may_hear: bool = False) -> dict[str, Any]:
    """Return what the page shows; a fixed number of queries."""
    return {
        "profile": profile,
        "sentences": sentences_of(profile),
        "groups": _groups(profile),
        "tastes": _tastes(profile.tastes),
        "likely": _tastes(profile.smoothed_tastes),
        "likely_source": _likely_source(profile.smoothed_tastes),
        "activities": CustomerActivity.objects.filter(customer_id=profile.pk).order_by("-last_at"),
        "timeline": _timeline(profile.pk),
        "chart": _orders_by_month(profile.pk),
        "written": Feedback.objects.filter(customer_id=profile.pk).order_by("-written_at")[:N_WRITTEN]
        if may_hear
        else (),
        "may_see_all": may_see_all,
    }


def _groups(profile: CustomerProfile) -> list[dict[str, Any]]:
    """The figures by where they come from, each group with when and from what it was computed."""
    computed = profile.computed
    return [
        {
            "title": _("Orders"),
            "source": _source(computed.get("orders"), _("from %(n)s orders"), "n_orders"),
            "rows": _order_rows(profile),
        },
        *_foreseen(profile),
        {
            "title": _("Recency, frequency and value, 1 to 5"),
            "source": _source(computed.get("scores"), _("among %(n)s buyers"), "n_buyers"),
            "rows": [
                (_("Recency"), profile.recency_score),
                (_("Frequency"), profile.frequency_score),
                (_("Monetary value"), profile.monetary_score),
            ],
        },
        {
            "title": _("Habits"),
            "source": _source(computed.get("visits"), _("from %(n)s events"), "n_events"),
            "rows": [
                (_("Last seen"), _moment(profile.last_seen_at)),
                (_("Usual channel"), profile.usual_channel),
                (_("Usual hour"), f"{profile.usual_hour}:00" if profile.usual_hour is not None else ""),
                (_("Loyalty tier"), profile.loyalty_tier),
                (_("Referrals"), profile.n_referrals or ""),
            ],
        },
        {
            "title": _("Sentiment"),
            "source": _source(computed.get("texts"), _("from %(n)s texts"), "n_texts"),
            "rows": [
                (_("Texts"), profile.n_texts),
                (_("Negative"), _percent(profile.negative_share)),
                (_("The last"), _moment(profile.last_written_at)),
                (_("Sentiment of the last"), profile.get_last_sentiment_display()),
            ],
        },
    ]


def _foreseen(profile: CustomerProfile) -> list[dict[str, Any]]:
    """What the model expects; nothing while it has not said anything."""
    scored = profile.scored
    if not scored:
        return []
    currency = commerce_settings.REPORTING_CURRENCY
    low, high = (
        format_money(value, currency) for value in (profile.expected_value_low, profile.expected_value_high)
    )
    days = round(scored["horizon_days"])
    source = _("by version %(version)s, for %(days)s days") % {"version": scored["version"], "days": days}
    return [
        {
            "title": _("What is expected"),
            "source": f"{source}, {_moment(parse_datetime(scored['at']))}",
            "rows": [
                (_("Still a customer"), _percent(profile.alive_probability)),
                (_("Buys again"), _percent(profile.repurchase_probability)),
                (_("Orders"), number_format(profile.expected_orders or 0, 2)),
                *_next_order_rows(profile),
                (_("Value"), format_money(profile.expected_value, currency)),
                (_("In four of five cases"), _("%(low)s to %(high)s") % {"low": low, "high": high}),
            ],
        }
    ]


def _next_order_rows(profile: CustomerProfile) -> list[tuple[str, Any]]:
    if (found := next_order_of(profile)) is None:
        return []
    days, amount = found
    text = ngettext("one day", "%(days)s days", max(round(days), 1)) % {"days": max(round(days), 1)}
    return [
        (_("Next order, as likely as not within"), text),
        (_("Its amount"), format_money(amount, commerce_settings.REPORTING_CURRENCY)),
    ]


def _order_rows(profile: CustomerProfile) -> list[tuple[str, Any]]:
    currency = commerce_settings.REPORTING_CURRENCY
    return [
        (_("Orders"), profile.n_orders),
        (_("Spent"), format_money(profile.spent, currency) or _("A rate of a currency is missing.")),
        (_("Average order"), format_money(profile.average_order, currency)),
        (_("First order"), _moment(profile.first_order_at)),
        (_("Last order"), _moment(profile.last_order_at)),
        (_("Next order expected"), _moment(profile.next_order_at)),
        (_("At risk from"), _moment(profile.at_risk_at)),
        (_("Lapsed from"), _moment(profile.lapsed_at)),
        (_("Pieces sent back"), _percent(profile.returned_share)),
        (_("Bought below the list price"), _percent(profile.discount_share)),
        (_("Price level in its categories"), _percent(profile.price_level)),
    ]


def _source(computed: dict[str, Any] | None, text: str, name: str) -> str:
    if not computed:
        return ""
    n = number_format(computed.get(name, 0), force_grouping=True)
    return f"{text % {'n': n}}, {_moment(parse_datetime(computed['at']))}"


def _likely_source(smoothed: dict[str, Any]) -> str:
    if not smoothed:
        return ""
    encoder = smoothed["encoder"] or _("names of categories and brands")
    return _("by %(encoder)s, %(at)s") % {"encoder": encoder, "at": _moment(parse_datetime(smoothed["at"]))}


def _tastes(tastes: dict[str, Any]) -> list[tuple[str, list[tuple[str, int]]]]:
    names = {"categories": _("Categories"), "brands": _("Brands")}
    return [
        (label, [(taste["name"], round(100 * taste["share"])) for taste in tastes.get(kind, [])])
        for kind, label in names.items()
    ]


def _timeline(customer_pk: int) -> list[dict[str, Any]]:
    """Orders and events, newest first."""
    orders = Order.objects.filter(customer_id=customer_pk).annotate(n_lines=Count("lines"))
    events = Event.objects.filter(customer_id=customer_pk).exclude(type__in=NOT_TOLD).select_related("item")
    rows: list[dict[str, Any]] = [
        {
            "at": order.placed_at,
            "what": _("Order %(id)s, %(status)s")
            % {"id": order.external_id, "status": order.get_status_display()},
            "more": f"{format_money(order.total, order.currency)}, {_n_lines(order)}",
            "is_order": True,
        }
        for order in orders.order_by("-placed_at")[:N_TIMELINE]
    ]
    rows += [
        {"at": event.occurred_at, "type": event.type, "more": event.item or event.query, "is_order": False}
        for event in events.order_by("-occurred_at")[:N_TIMELINE]
    ]
    return sorted(rows, key=lambda row: row["at"], reverse=True)[:N_TIMELINE]


def _n_lines(order: Any) -> str:
    return ngettext("%(n)s line", "%(n)s lines", order.n_lines) % {"n": order.n_lines}


def _orders_by_month(customer_pk: int) -> charts.Chart | None:
    now = timezone.localtime()
    months = [(now.year * 12 + now.month - 1 - back) for back in range(N_MONTHS - 1, -1, -1)]
    since = now - timedelta(days=31 * N_MONTHS)
    found = (
        Order.objects.filter(customer_id=customer_pk, placed_at__gt=since)
        .exclude(status=Order.Status.CANCELLED)
        .annotate(month=TruncMonth("placed_at"))
        .order_by()
        .values_list("month")
        .annotate(n=Count("pk"))
    )
    counts = {month.year * 12 + month.month - 1: n for month, n in found}
    if not counts:
        return None
    return charts.bar_chart(
        title=_("Orders by month"),
        categories=[f"{month // 12}-{month % 12 + 1:02d}" for month in months],
        series={_("Orders"): [counts.get(month, 0) for month in months]},
    )


def _moment(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT") if moment else ""


def _percent(share: float | None) -> str:
    return format_percent(share, unknown="")
