"""What the console's front page shows of this scenario."""

from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.console.cards import Card, CardState

from . import selectors
from .models import AnsweredBy, Decision
from .pages import queue

WEEK = timedelta(days=7)
FIGURES_KEY = "ecomai.risk.cards"
FIGURES_SECONDS = 60


def cards(request: HttpRequest) -> list[Card]:
    """Return cards: how much was assessed and what came of it, what waits for people, and who answered."""
    if not request.user.has_perm("ecomai_risk.view_assessment"):
        return []
    figures: Any = cache.get_or_set(FIGURES_KEY, _figures, FIGURES_SECONDS)
    found = [_assessed(figures), _answered(figures)]
    if request.user.has_perm("ecomai_risk.view_case"):
        found.append(_queue(request.user))
    if request.user.has_perm("ecomai_risk.view_rule") and (card := _failing_rules()):
        found.append(card)
    return found


def _failing_rules() -> Card | None:
    names = [str(rule) for rule in selectors.failing_rules()]
    if not names:
        return None
    return Card(
        title=_("Rules whose condition fails"), value=str(len(names)), state="problem", order=18,
        text=_("They decide nothing where they fail: %(names)s.") % {"names": ", ".join(names[:5])},
        href=reverse("admin:ecomai_risk_rule_changelist"),
    )  # fmt: skip


def _figures() -> dict[str, Any]:
    return selectors.figures(since=timezone.now() - WEEK)


def _assessed(figures: dict[str, Any]) -> Card:
    href = reverse("admin:ecomai_risk_assessment_changelist")
    title = _("Assessments of the last 7 days")
    total = sum(figures["by_decision"].values())
    if not total:
        text = _("None yet. Ask from the checkout, or over REST.")
        return Card(title=title, value="0", text=text, state="empty", href=href, order=10)
    counts = {each: figures["by_decision"].get(each, 0) for each in Decision}
    text = _("%(review)s to review, %(decline)s to decline, %(step_up)s to ask for a proof.") % counts
    if figures["n_shadow"]:
        text += " " + _("In shadow: the shop is told to approve.")
    return Card(title=title, value=number_format(total, force_grouping=True), text=text, href=href, order=10)


def _queue(user: Any) -> Card:
    title, href = _("Cases to decide"), reverse("admin:ecomai_risk_case_changelist")
    counts = queue.counts(user)
    if not counts["waiting"]:
        return Card(title=title, value="0", text=_("No case waits."), state="empty", href=href, order=15)
    state: CardState = "attention" if counts["overdue"] else "ok"
    text = _("%(overdue)s of them are overdue.") % counts
    return Card(title=title, value=str(counts["waiting"]), text=text, state=state, href=href, order=15)


def _answered(figures: dict[str, Any]) -> Card:
    title = _("Answered by a model")
    total = sum(figures["by_source"].values())
    if not total:
        return Card(title=title, value="-", text=_("Nothing was asked yet."), state="empty", order=20)
    by_default = figures["by_source"].get(AnsweredBy.DEFAULT, 0)
    share = figures["by_source"].get(AnsweredBy.MODEL, 0) / total
    state: CardState = "attention" if by_default else "ok"
    text = _("In %(ms)s ms on average.") % {"ms": number_format(figures["mean_ms"] or 0, decimal_pos=1)}
    return Card(title=title, value=f"{round(100 * share)} %", text=text, state=state, order=20)
