"""The page of an ad group: what was shown, clicked and bought, and how the day's budget is spent."""

from datetime import datetime, timedelta
from decimal import Decimal
from math import sqrt
from typing import Any

from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.commerce.money import format_money
from ecomai.console import charts
from ecomai.numbers import format_percent

from ..ads import pacing
from ..models import AdConversion, AdCreative, AdGroup, AdSpend
from ..services.ads.shelf import traffic_curve

N_DAYS = 30
#: Of a normal distribution: an interval that holds 19 of 20 times.
SIGMAS = 1.96
NOTHING = {"n_impressions": 0, "n_clicks": 0, "n_conversions": 0, "spent": Decimal(0)}


def context(group: AdGroup, *, now: datetime | None = None) -> dict[str, Any]:
    """Return what the page shows; a fixed number of queries."""
    moment = now or timezone.now()
    creatives = list(group.creatives.select_related("item").order_by("pk"))
    sums = _sums(group)
    rows = [_row(creative, group, sums.get(creative.pk, NOTHING)) for creative in creatives]
    return {
        "group": group,
        "rows": rows,
        "budgets": _budgets(group),
        "revenue": _revenue(group),
        "today": _today_chart(group, moment),
        "days": _days_chart(group, moment),
        "price": _price(group),
    }


def click_rate_interval(n_clicks: int, n_impressions: int) -> tuple[float, float]:
    """Return bounds of a rate of clicks that hold 19 of 20 times.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    if not n_impressions:
        return 0.0, 1.0
    rate, squared = n_clicks / n_impressions, SIGMAS**2
    middle = (rate + squared / (2 * n_impressions)) / (1 + squared / n_impressions)
    spread = sqrt(rate * (1 - rate) / n_impressions + squared / (4 * n_impressions**2))
    half = SIGMAS * spread / (1 + squared / n_impressions)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _sums(group: AdGroup) -> dict[int, dict[str, Any]]:
    names = ("n_impressions", "n_clicks", "n_conversions", "spent")
    spend = AdSpend.objects.filter(creative__group=group).values("creative_id")
    rows: Any = spend.annotate(**{name: Sum(name) for name in names}).order_by()
    return {row["creative_id"]: row for row in rows}


def _row(creative: AdCreative, group: AdGroup, sums: dict[str, Any]) -> dict[str, Any]:
    n_impressions, n_clicks = sums["n_impressions"], sums["n_clicks"]
    low, high = click_rate_interval(n_clicks, n_impressions)
    return {
        "creative": creative,
        "n_impressions": n_impressions,
        "n_clicks": n_clicks,
        "n_conversions": sums["n_conversions"],
        "rate": format_percent(n_clicks / n_impressions, 2) if n_impressions else "–",
        "interval": f"{format_percent(low, 2)} – {format_percent(high, 2)}" if n_impressions else "",
        "spent": format_money(sums["spent"], group.currency),
    }


def _budgets(group: AdGroup) -> list[tuple[str, str]]:
    return [
        (_("Spent"), format_money(group.spent, group.currency)),
        (_("Whole budget"), format_money(group.total_budget, group.currency) or _("no bound")),
        (_("Budget a day"), format_money(group.daily_budget, group.currency) or _("no bound")),
    ]


def _price(group: AdGroup) -> str:
    amount = {"amount": format_money(group.price, group.currency)}
    if group.priced_by == AdGroup.PricedBy.CLICK:
        return _("%(amount)s a click") % amount
    return _("%(amount)s a thousand impressions") % amount


def _revenue(group: AdGroup) -> str:
    total = AdConversion.objects.filter(creative__group=group).aggregate(total=Sum("value"))["total"]
    return format_money(total or Decimal(0), commerce_settings.REPORTING_CURRENCY)


def _today_chart(group: AdGroup, now: datetime) -> charts.Chart | None:
    """What was spent by each hour of today, beside what was planned; None without a budget for the day."""
    if group.daily_budget is None:
        return None
    start = pacing.start_of_day(now)
    spend = AdSpend.objects.filter(creative__group=group, hour__gte=start, hour__lte=now)
    by_hour = dict(spend.values_list("hour").annotate(total=Sum("spent")).order_by())
    hours = [start + timedelta(hours=hour) for hour in range(24)]
    curve, spent = traffic_curve(group.storefront), Decimal(0)
    planned, actual = [], []
    for hour in hours:
        spent += by_hour.get(hour, Decimal(0))
        share = pacing.planned_share(hour + timedelta(minutes=59, seconds=59), curve)
        planned.append(round(float(group.daily_budget) * share, 2))
        actual.append(round(float(spent), 2) if hour <= now else None)
    return charts.line_chart(
        title=_("Spent today, by the end of each hour"), x=[timezone.localtime(hour) for hour in hours],
        series={_("Planned"): planned, _("Spent"): actual}, y_title=group.currency, from_zero=True,
    )  # fmt: skip


def _days_chart(group: AdGroup, now: datetime) -> charts.Chart | None:
    today = timezone.localdate(now)
    first = pacing.start_of_day(now) - timedelta(days=N_DAYS - 1)
    spend = AdSpend.objects.filter(creative__group=group, hour__gte=first).order_by("hour")
    days = [today - timedelta(days=back) for back in range(N_DAYS - 1, -1, -1)]
    clicks, shown = dict.fromkeys(days, 0), dict.fromkeys(days, 0)
    sums = spend.values_list("hour").annotate(n=Sum("n_impressions"), clicked=Sum("n_clicks"))
    for hour, n, clicked in sums:
        day = timezone.localdate(hour)
        if day in shown:
            shown[day], clicks[day] = shown[day] + n, clicks[day] + clicked
    if not any(shown.values()):
        return None
    rates = [clicks[day] / shown[day] if shown[day] else None for day in days]
    return charts.line_chart(
        title=_("Clicks per impression, by day"), x=days, series={_("Click rate"): rates}, percent=True,
        from_zero=True,
    )  # fmt: skip
