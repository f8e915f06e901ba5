"""The long tail page: how evenly places are spread, over time, and what rarely shown items gained."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ecomai.commerce.models import Item
from ecomai.console import charts
from ecomai.console.cards import Card
from ecomai.learning.metrics.exposure import coverage, gini, lorenz_curve
from ecomai.numbers import format_percent

from ..app_settings import app_settings
from ..models import DailyExposure, Exploration, TailItem
from ..services.exposure import exposures_of
from ..targets import TargetEstimate, estimate_target
from . import tail_items
from .monitoring import ALL

PERIODS = (30, 90, 365)
N_POINTS = 20  # of the Lorenz curve
DAYS_A_POINT = {30: 1, 90: 1, 365: 7}


class Wanted:
    """What the page shows, from its address; what makes no sense is as if it were not there."""

    def __init__(self, query: Mapping[str, str]) -> None:
        days = query.get("days", "")
        self.days = int(days) if days.isdecimal() and int(days) in PERIODS else 90
        self.placement = _chosen(query, "placement")
        self.storefront = _chosen(query, "storefront")
        self.until = timezone.localdate()
        self.target = _percent(query.get("target", ""))

    @property
    def since(self) -> date:
        return self.until - timedelta(days=self.days - 1)

    @property
    def items_since(self) -> date:
        """Of single items less is kept than of days."""
        return max(self.since, self.until - timedelta(days=app_settings.EXPOSURE_DAYS - 1))


def _chosen(query: Mapping[str, str], name: str) -> str | None:
    value = query.get(name, ALL)
    return None if value == ALL or "\x00" in value else value


def _percent(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value / 100 if 0 <= value <= 100 else None


def context(query: Mapping[str, str]) -> dict[str, Any]:
    wanted = Wanted(query)
    days = _days(wanted)
    totals = {name: sum(row[name] for row in days.values()) for name in COUNTS}
    exposures = _exposures(wanted) if totals["n_shown"] else np.empty(0)
    return {
        "wanted": wanted,
        "filters": _filters(wanted),
        "cards": _cards(totals, exposures) if len(exposures) else [],
        "charts": _charts(wanted, days, exposures) if len(exposures) else [],
        "items": tail_items.context(query, storefront=wanted.storefront, kept=_told_by(query)),
        "tail_days": app_settings.TAIL_DAYS,
        "n_shown": totals["n_shown"],
        "has_tail": TailItem.objects.exists(),
        "explorations": [_exploration(row) for row in Exploration.objects.order_by("placement")],
        "items_since": wanted.items_since if wanted.items_since > wanted.since else None,
        "target_percent": "" if wanted.target is None else f"{wanted.target * 100:g}",
        "what_if": _what_if(wanted),
    }


# -- figures --------------------------------------------------------------------------------------

COUNTS = ("n_shown", "n_tail_shown", "n_seen", "n_tail_seen", "n_clicked", "n_tail_clicked")


def _days(wanted: Wanted) -> dict[date, dict[str, Any]]:
    """Return each counted day's sums over the storefronts that are meant."""
    rows = DailyExposure.objects.filter(day__gte=wanted.since, day__lte=wanted.until)
    if wanted.placement is None:
        rows = rows.filter(is_total=True)
    else:
        rows = rows.filter(is_total=False, placement=wanted.placement)
    if wanted.storefront is not None:
        rows = rows.filter(storefront=wanted.storefront)
    names = [*COUNTS, "n_items", "n_items_shown"]
    found: dict[date, dict[str, Any]] = {}
    for row in rows.order_by("day"):
        sums = found.setdefault(row.day, dict.fromkeys(names, 0) | {"gini": 0.0, "target": row.target_share})
        for name in names:
            sums[name] += getattr(row, name)
        # Of several storefronts, the mean by what each showed.
        sums["gini"] += row.gini * row.n_shown
    for sums in found.values():
        sums["gini"] = sums["gini"] / sums["n_shown"] if sums["n_shown"] else 0.0
    return found


def _exposures(wanted: Wanted) -> np.ndarray:
    """Return how often each item on offer was shown in the period, those never shown included."""
    shown = [
        row["shown"]
        for row in exposures_of(
            since=wanted.items_since, until=wanted.until,
            storefront=wanted.storefront, placement=wanted.placement,
        )
    ]  # fmt: skip
    offered = Item.objects.filter(is_active=True)
    if wanted.storefront is not None:
        offered = offered.filter(storefront=wanted.storefront)
    return np.concatenate([np.array(shown, dtype=float), np.zeros(max(offered.count() - len(shown), 0))])


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _cards(totals: Mapping[str, int], exposures: np.ndarray) -> list[Card]:
    tail = _share(totals["n_tail_shown"], totals["n_shown"])
    clicks = _share(totals["n_tail_clicked"], totals["n_tail_seen"])
    others = _share(totals["n_clicked"] - totals["n_tail_clicked"], totals["n_seen"] - totals["n_tail_seen"])
    beside = _("%(value)s of the other items.") % {"value": format_percent(others, 2)}
    return [
        Card(
            title=_("Places of rarely shown items"), value=format_percent(tail, 1),
            text=_("Of all places in answers."), state="ok",
        ),
        Card(
            title=_("Clicks on rarely shown items"), value=format_percent(clicks, 2), text=beside,
            state="ok" if clicks is not None else "empty",
        ),
        Card(
            title=_("Coverage"), value=format_percent(coverage(exposures), 1),
            text=_("Of the items on offer, how many were shown at all."), state="ok",
        ),
        Card(
            title=_("Gini coefficient"), value=number_format(round(gini(exposures), 2), 2),
            text=_("0 where all items share the places, near 1 where few have them all."), state="ok",
        ),
    ]  # fmt: skip


# -- charts ---------------------------------------------------------------------------------------


def _charts(
    wanted: Wanted, days: Mapping[date, Mapping[str, Any]], exposures: np.ndarray
) -> list[charts.Chart]:
    groups = list(_points(wanted, days))
    moments = [first for first, _rows in groups]

    def over_time(part: str, whole: str) -> list[float | None]:
        return [
            _share(sum(row[part] for row in rows), sum(row[whole] for row in rows)) for _day, rows in groups
        ]

    tail = {_("Rarely shown items"): over_time("n_tail_shown", "n_shown")}
    targets = [rows[-1]["target"] if rows else None for _day, rows in groups]
    if any(target is not None for target in targets):
        tail[_("Wanted share")] = targets
    means = [_mean(rows, "gini") for _day, rows in groups]
    shown = [_mean_share(rows) for _day, rows in groups]
    return [
        lorenz_chart(exposures),
        charts.line_chart(
            title=_("Share of places over time"), x=moments, series=tail, x_title=_("Day"), percent=True,
            from_zero=True,
        ),
        charts.line_chart(
            title=_("Coverage of a day"), x=moments, series={_("Coverage"): shown}, x_title=_("Day"),
            percent=True, from_zero=True,
        ),
        charts.line_chart(
            title=_("Gini coefficient of a day"), x=moments, series={_("Gini coefficient"): means},
            x_title=_("Day"),
        ),
    ]  # fmt: skip


def lorenz_chart(exposures: np.ndarray) -> charts.Chart:
    """Return the curve at even steps: which share of the places the least shown items have."""
    items, shares = lorenz_curve(exposures)
    at = np.linspace(0, 1, N_POINTS + 1)
    curve = np.interp(at, items, shares)
    return charts.line_chart(
        title=_("Lorenz curve"),
        x=[round(float(one) * 100) for one in at],
        series={_("Places of the least shown items"): curve.tolist(), _("If all had as many"): at.tolist()},
        x_title=_("Part of the items on offer, least shown first (%)"),
        y_title=_("Share of the places"),
        percent=True,
        from_zero=True,
    )


def _points(
    wanted: Wanted, days: Mapping[date, Mapping[str, Any]]
) -> Sequence[tuple[date, list[Mapping[str, Any]]]]:
    step = DAYS_A_POINT[wanted.days]
    firsts = [wanted.since + timedelta(days=n) for n in range(0, wanted.days, step)]
    return [
        (first, [days[day] for n in range(step) if (day := first + timedelta(days=n)) in days])
        for first in firsts
    ]


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float | None:
    known = [row[name] for row in rows if row["n_shown"]]
    return sum(known) / len(known) if known else None


def _mean_share(rows: Sequence[Mapping[str, Any]]) -> float | None:
    known = [row["n_items_shown"] / row["n_items"] for row in rows if row["n_items"]]
    return sum(known) / len(known) if known else None


# -- trying out, and what if ----------------------------------------------------------------------


def _told_by(query: Mapping[str, str]) -> dict[str, str]:
    """Return what the filters of the page say, for the links of the table in it."""
    return {name: query[name] for name in ("storefront", "placement", "days", "target") if query.get(name)}


def _exploration(row: Exploration) -> dict[str, Any]:
    if row.stopped_at is not None:
        state, text = "problem", _("It stopped itself: rarely shown items got too few clicks.")
    elif not row.is_on:
        state, text = "quiet", _("It is switched off.")
    elif not row.n_seen:
        state, text = "empty", _("Nothing has been seen yet; every rarely shown item is as likely.")
    else:
        state = "ok"
        text = ngettext("It learned from %(n)s view.", "It learned from %(n)s views.", row.n_seen) % {
            "n": number_format(row.n_seen, force_grouping=True)
        }
    ratio = _("%(percent)s of the clicks of other items") % {"percent": format_percent(row.click_ratio, 0)}
    return {"row": row, "state": state, "text": text, "ratio": ratio if row.click_ratio is not None else "–"}


def _what_if(wanted: Wanted) -> dict[str, str] | None:
    """Return what the log says about another share, in a sentence."""
    if wanted.target is None:
        return None
    if wanted.placement is None:
        return {"state": "attention", "text": _("Choose a placement first: each has a share of its own.")}
    found = estimate_target(
        placement=wanted.placement, share=wanted.target, storefront=wanted.storefront or ""
    )
    if found is None:
        return {"state": "attention", "text": _("No answer at this placement is in the log of these days.")}
    return _told(found)


def _told(found: TargetEstimate) -> dict[str, str]:
    words = {
        "share": format_percent(found.share, 0), "now": format_percent(found.share_now, 0),
        "clicks": format_percent(found.clicks_now, 2),
    }  # fmt: skip
    if found.estimate is None:
        text = _(
            "The log cannot say what %(share)s would do: now it is %(now)s, and what would be shown then was "
            "hardly shown. Go there in smaller steps, or by an experiment."
        )
        return {"state": "attention", "text": text % words}
    words |= {
        "value": format_percent(found.estimate.value, 2),
        "low": format_percent(max(found.estimate.low, 0.0), 2),
        "high": format_percent(found.estimate.high, 2),
        "n": number_format(round(found.estimate.effective_samples), force_grouping=True),
    }  # fmt: skip
    text = _(
        "With %(share)s instead of %(now)s, %(value)s of the shown items would be clicked (95 %% interval "
        "%(low)s to %(high)s), where %(clicks)s are now. That rests on as much as %(n)s shown items."
    )
    return {"state": "ok", "text": text % words}


# -- filters --------------------------------------------------------------------------------------


def _filters(wanted: Wanted) -> list[dict[str, Any]]:
    known = DailyExposure.objects.filter(day__gte=wanted.until - timedelta(days=max(PERIODS))).order_by()
    placements = sorted(known.filter(is_total=False).values_list("placement", flat=True).distinct())
    storefronts = sorted(known.values_list("storefront", flat=True).distinct())
    fields = [
        ("placement", _("Placement"), [(ALL, _("all")), *((one, one or "–") for one in placements)]),
        ("days", _("Period"), [(str(n), _("%(n)s days") % {"n": n}) for n in PERIODS]),
    ]
    if len(storefronts) > 1:
        options = [(ALL, _("all")), *((one, one or "–") for one in storefronts)]
        fields.insert(0, ("storefront", _("Storefront"), options))
    chosen = {
        "placement": ALL if wanted.placement is None else wanted.placement, "days": str(wanted.days),
        "storefront": ALL if wanted.storefront is None else wanted.storefront,
    }  # fmt: skip
    return [
        {
            "name": name, "label": label,
            "options": [(value, text, value == chosen[name]) for value, text in options],
        }
        for name, label, options in fields
    ]  # fmt: skip
