"""What the console's front page shows of this scenario."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ecomai.commerce.models import EventType
from ecomai.console.cards import Card, CardState
from ecomai.console.selectors import count_open_alerts
from ecomai.numbers import format_percent

from . import selectors
from .admin.base import PREVIEW
from .pages import figures
from .pages.figures import Figures, Wanted

APP = "ecomai_recommendations"
WEEK = timedelta(days=7)
COUNTS_KEY = "ecomai.recommendations.cards"
COUNTS_SECONDS = 60
#: A placement misses its share of rarely shown items where it has less than this part of it.
MET = 0.9


def cards(request: HttpRequest) -> list[Card]:
    """Return cards: what is shown, how it is received, the long tail, searches, and who is scored."""
    may = request.user.has_perm
    if not may(f"{APP}.view_answer"):
        return []
    counts: Any = cache.get_or_set(COUNTS_KEY, _count, COUNTS_SECONDS)
    found = [_look(), _answers(*counts["answers"]), _clicks(counts["clicks"]), _batch(*counts["batch"])]
    if may(f"{APP}.view_dailyfigures"):
        n_alerts = counts["alerts"] if may("ecomai_console.view_alertepisode") else 0
        found.append(_monitoring(counts["figures"], n_alerts))
    if may(f"{APP}.view_dailyexposure"):
        found.append(_long_tail(counts["exposure"]))
    if may(f"{APP}.view_searchlog"):
        found.append(_searches(*counts["searches"]))
    return found


def _count() -> dict[str, Any]:
    """Go through a week of answers and events: too much for every visit to the front page of a large shop."""
    since = timezone.now() - WEEK
    return {
        "answers": selectors.answer_counts(since=since),
        "clicks": selectors.click_counts(since=since),
        "batch": selectors.batch_coverage(),
        "figures": figures.of_period(Wanted(days=WEEK.days)),
        "alerts": count_open_alerts(of="recommendations."),
        "exposure": selectors.exposure_rows(since=timezone.localdate(since)),
        "searches": selectors.zero_result_counts(since=since),
    }


def _look() -> Card:
    return Card(
        title=_("Look at recommendations"),
        text=_("Pick a customer and see what is shown, and why."),
        href=reverse(f"admin:{PREVIEW}"),
        order=10,
    )


def _answers(total: int, n_fallbacks: int) -> Card:
    href = reverse("admin:ecomai_recommendations_answer_changelist")
    title = _("Answers of the last 7 days")
    if not total:
        text = _("None yet. Put the template tag on a page, or call the endpoint.")
        return Card(title=title, value="0", text=text, state="empty", href=href, order=20)
    share = 1 - n_fallbacks / total
    text = _("%(percent)s %% by who was asked, the rest by fallbacks.") % {"percent": round(100 * share)}
    return Card(title=title, value=number_format(total, force_grouping=True), text=text, href=href, order=20)


def _clicks(counts: dict[str, int]) -> Card:
    seen, clicked = counts[EventType.IMPRESSION], counts[EventType.CLICK]
    title = _("Clicks on recommendations, last 7 days")
    if not seen:
        text = _("No impression was reported yet. Is the tracker on the pages?")
        return Card(title=title, value="-", text=text, state="empty", order=30)
    text = _("%(clicked)s of %(seen)s shown items were clicked.") % {"clicked": clicked, "seen": seen}
    return Card(title=title, value=format_percent(clicked / seen, 1), text=text, order=30)


def _batch(scored: int, total: int) -> Card:
    href = reverse("admin:ecomai_recommendations_batchrecommendation_changelist")
    title = _("Customers scored in batch")
    if not total:
        return Card(title=title, value="0", text=_("There are no customers yet."), state="empty", order=40)
    text = _("%(scored)s of %(total)s customers.") % {"scored": scored, "total": total}
    state: CardState = "ok" if scored else "empty"
    return Card(
        title=title, value=f"{round(100 * scored / total)} %", text=text, state=state, href=href,
        progress=scored / total, order=40,
    )  # fmt: skip


def _monitoring(week: Figures, n_alerts: int) -> Card:
    """Say what the daily figures say: click-through, the share of fallbacks, and alerts that are open."""
    href = reverse(f"admin:{APP}_dailyfigures_changelist")
    title = _("Click-through, last 7 days")
    alerts = ngettext("%(n)s alert is open.", "%(n)s alerts are open.", n_alerts) % {"n": n_alerts}
    if not week.n_answers:
        text = alerts if n_alerts else _("Answers are counted each hour once there are some.")
        return Card(title=title, value="–", text=text, state=_state(n_alerts, "empty"), href=href, order=32)
    text = _("%(share)s of the answers by a fallback.") % {"share": format_percent(week.fallback_share, 1)}
    text = f"{text} {alerts}" if n_alerts else text
    value = format_percent(week.click_rate, 2)
    return Card(title=title, value=value, text=text, state=_state(n_alerts, "ok"), href=href, order=32)


def _state(n_alerts: int, otherwise: CardState) -> CardState:
    return "attention" if n_alerts else otherwise


def _long_tail(rows: Sequence[dict[str, Any]]) -> Card:
    """Say which share of the places rarely shown items have, and whether placements reach what is wanted."""
    href = reverse(f"admin:{APP}_dailyexposure_changelist")
    title = _("Places of rarely shown items, last 7 days")
    share = _tail_share([row for row in rows if row["is_total"]])
    if share is None:
        text = _("Places are counted each hour once answers are given.")
        return Card(title=title, value="–", text=text, state="empty", href=href, order=34)
    wanted = _wanted(rows)
    missed = [name for name, (has, target) in wanted.items() if has < MET * target]
    if not wanted:
        text = _("No pipeline wants a share for them.")
    elif missed:
        has, target = wanted[missed[0]]
        text = _("%(placement)s has %(share)s of the %(target)s that are wanted there.") % {
            "placement": missed[0], "share": format_percent(has, 1), "target": format_percent(target, 0)
        }  # fmt: skip
    else:
        told = (
            f"{name} {format_percent(has, 1)} ({format_percent(target, 0)})"
            for name, (has, target) in wanted.items()
        )
        text = _("What is wanted is reached: %(placements)s.") % {"placements": ", ".join(told)}
    state: CardState = "attention" if missed else "ok"
    return Card(title=title, value=format_percent(share, 1), text=text, state=state, href=href, order=34)


def _wanted(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """Return, by placement, the share that rarely shown items have and the newest that is wanted."""
    of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if not row["is_total"]:
            of[row["placement"]].append(row)
    shares = {name: (_tail_share(own), own[-1]["target_share"]) for name, own in of.items()}
    return {name: (has, target) for name, (has, target) in shares.items() if has is not None}


def _tail_share(rows: Sequence[dict[str, Any]]) -> float | None:
    n_shown = sum(row["n_shown"] for row in rows)
    return sum(row["n_tail_shown"] for row in rows) / n_shown if n_shown else None


def _searches(total: int, in_vain: int) -> Card:
    href = reverse(f"admin:{APP}_search_report")
    title = _("Searches without a result, last 7 days")
    if not total:
        text = _("Nobody has searched yet. Put the search tag on a page, or call the endpoint.")
        return Card(title=title, value="–", text=text, state="empty", href=href, order=36)
    text = _("%(in_vain)s of %(total)s searches found nothing; the report says which.") % {
        "in_vain": number_format(in_vain, force_grouping=True),
        "total": number_format(total, force_grouping=True),
    }
    return Card(title=title, value=format_percent(in_vain / total, 1), text=text, href=href, order=36)
