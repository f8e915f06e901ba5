"""What the console's front page shows of this scenario."""

from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.commerce.models import EventType
from ecomai.console.cards import Card, CardState

from . import selectors
from .admin.base import PREVIEW

WEEK = timedelta(days=7)
COUNTS_KEY = "ecomai.recommendations.cards"
COUNTS_SECONDS = 60


def cards(request: HttpRequest) -> list[Card]:
    """Return cards: a look at what is shown, how it is received, and how many customers are scored."""
    if not request.user.has_perm("ecomai_recommendations.view_answer"):
        return []
    counts: Any = cache.get_or_set(COUNTS_KEY, _count, COUNTS_SECONDS)
    return [_look(), _answers(counts["answers"]), _clicks(counts["clicks"]), _batch(*counts["batch"])]


def _count() -> dict[str, Any]:
    """Go through a week of answers and events: too much for every visit to the front page of a large shop."""
    since = timezone.now() - WEEK
    return {
        "answers": selectors.answers_by_source(since=since),
        "clicks": selectors.click_counts(since=since),
        "batch": selectors.batch_coverage(),
    }


def _look() -> Card:
    return Card(
        title=_("Look at recommendations"),
        text=_("Pick a customer and see what is shown, and why."),
        href=reverse(f"admin:{PREVIEW}"),
        order=10,
    )


def _answers(counts: dict[str, int]) -> Card:
    href = reverse("admin:ecomai_recommendations_answer_changelist")
    title = _("Answers of the last 7 days")
    total = sum(counts.values())
    if not total:
        text = _("None yet. Put the template tag on a page, or call the endpoint.")
        return Card(title=title, value="0", text=text, state="empty", href=href, order=20)
    share = (counts.get("model", 0) + counts.get("pipeline", 0)) / total
    text = _("%(percent)s %% by a model, the rest by fallbacks.") % {"percent": round(100 * share)}
    return Card(title=title, value=number_format(total, force_grouping=True), text=text, href=href, order=20)


def _clicks(counts: dict[str, int]) -> Card:
    seen, clicked = counts[EventType.IMPRESSION], counts[EventType.CLICK]
    title = _("Clicks on recommendations, last 7 days")
    if not seen:
        text = _("No impression was reported yet. Is the tracker on the pages?")
        return Card(title=title, value="-", text=text, state="empty", order=30)
    rate = number_format(100 * clicked / seen, decimal_pos=1)
    text = _("%(clicked)s of %(seen)s shown items were clicked.") % {"clicked": clicked, "seen": seen}
    return Card(title=title, value=f"{rate} %", text=text, order=30)


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
