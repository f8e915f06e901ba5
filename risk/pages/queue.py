"""The review queue as a page: what waits, the dearest first, narrowed by what is chosen."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.commerce.money import format_money
from ecomai.console.templatetags.ecomai_console import ago
from ecomai.numbers import format_percent

from ..app_settings import app_settings
from ..models import Case, Kind, Origin
from ..reasons import sentences

PER_PAGE = 25
State = Case.State
WAITING = (State.OPEN, State.SECOND)
SORTS = {"loss": ("-expected_loss", "pk"), "due": ("due_at", "pk"), "newest": ("-opened_at", "-pk")}


class Wanted:
    """What the page shows, from its address; what makes no sense is as if it were not there."""

    def __init__(self, query: Mapping[str, str], user: Any) -> None:
        self.user = user
        self.kind = _one_of(query.get("kind"), Kind.values)
        self.state = _one_of(query.get("state"), ("waiting", "locked", *State.values)) or "waiting"
        self.origin = _one_of(query.get("origin"), Origin.values)
        self.sort = _one_of(query.get("sort"), SORTS) or "loss"
        self.is_mine = query.get("mine") == "1"
        self.is_overdue = query.get("overdue") == "1"

    def rows(self) -> QuerySet[Case]:
        now = timezone.now()
        rows = Case.objects.all()
        if self.state == "waiting":
            rows = rows.filter(state__in=WAITING)
        elif self.state == "locked":
            rows = rows.filter(state__in=WAITING, locked_until__gt=now)
        else:
            rows = rows.filter(state=self.state)
        if self.kind:
            rows = rows.filter(kind=self.kind)
        if self.origin:
            rows = rows.filter(origin=self.origin)
        if self.is_mine:
            rows = rows.filter(Q(locked_by=self.user, locked_until__gt=now) | Q(decided_by=self.user))
        if self.is_overdue:
            rows = rows.filter(state__in=WAITING, due_at__lt=now)
        return rows

    def query(self, **more: Any) -> str:
        """Return the address of the same choice, without what is the default anyway."""
        chosen = {
            "kind": self.kind, "state": "" if self.state == "waiting" else self.state, "origin": self.origin,
            "sort": "" if self.sort == "loss" else self.sort, "mine": "1" if self.is_mine else "",
            "overdue": "1" if self.is_overdue else "",
        } | more  # fmt: skip
        return urlencode({name: value for name, value in chosen.items() if value})


def _one_of(value: str | None, known: Any) -> str:
    return value if value is not None and value in known else ""


def context(query: Mapping[str, str], user: Any) -> dict[str, Any]:
    wanted = Wanted(query, user)
    rows = wanted.rows().select_related("assessment", "locked_by", "decided_by")
    found = Paginator(rows.order_by(*SORTS[wanted.sort]), PER_PAGE).get_page(query.get("page"))
    return {
        "wanted": wanted,
        "found": found,
        "rows": [_row(case) for case in found],
        "counts": counts(user),
        "filters": _filters(wanted),
        "pages_query": wanted.query(),
        "has_any": bool(found.paginator.count) or Case.objects.exists(),
    }


def counts(user: Any) -> dict[str, int]:
    """Return how many cases wait, are overdue, are mine, and what they stand for; one query."""
    now = timezone.now()
    return Case.objects.filter(state__in=WAITING).aggregate(
        waiting=Count("pk"),
        overdue=Count("pk", filter=Q(due_at__lt=now)),
        second=Count("pk", filter=Q(state=State.SECOND)),
        mine=Count("pk", filter=Q(locked_by=user, locked_until__gt=now)),
    )


def _row(case: Case) -> dict[str, Any]:
    assessment = case.assessment
    said = sentences(assessment.reasons[:1])
    return {
        "case": case,
        "amount": format_money(assessment.amount, assessment.currency),
        "loss": money(case.expected_loss),
        "probability": percent(assessment.probability),
        "reason": said[0] if said else "",
        "clock": clock(case),
        "locked_by": case.locked_by.get_username() if case.is_locked and case.locked_by else "",
    }


def money(amount: Any) -> str:
    return format_money(amount, commerce_settings.REPORTING_CURRENCY)


def percent(probability: float | None) -> str:
    return format_percent(probability)


def clock(case: Case) -> dict[str, Any]:
    """Return the time that is left, in words, and whether it is over."""
    if case.decided_at is not None:
        return {"state": "done", "text": _("decided %(ago)s") % {"ago": ago(case.decided_at)}}
    left = (case.due_at - timezone.now()).total_seconds()
    state = "late" if left < 0 else "soon" if left < 2 * 3600 else "ok"
    words = _("%(time)s overdue") if left < 0 else _("%(time)s left")
    return {"state": state, "text": words % {"time": _duration(abs(left))}}


def _duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    if minutes < 60:
        return _("%(n)s min") % {"n": minutes}
    if minutes < 48 * 60:
        return _("%(hours)s h %(minutes)s min") % {"hours": minutes // 60, "minutes": minutes % 60}
    return _("%(n)s days") % {"n": minutes // 1440}


def _filters(wanted: Wanted) -> list[dict[str, Any]]:
    fields: list[tuple[str, str, list[tuple[str, Any]], str]] = [
        ("kind", _("Kind"), [("", _("all")), *Kind.choices], wanted.kind),
        (
            "state", _("State"),
            [("waiting", _("waiting")), ("locked", _("looked at now")), *State.choices], wanted.state,
        ),
        ("origin", _("Why"), [("", _("all")), *Origin.choices], wanted.origin),
        (
            "sort", _("First"),
            [("loss", _("highest expected loss")), ("due", _("due first")), ("newest", _("newest"))],
            wanted.sort,
        ),
    ]  # fmt: skip
    return [
        {"name": name, "label": label, "options": [(value, text, value == chosen) for value, text in options]}
        for name, label, options, chosen in fields
    ]


# -- what comes next ------------------------------------------------------------------------------


def next_case(user: Any, *, wanted: Wanted | None = None, but: int = 0) -> Case | None:
    """Return what this person should look at next: nobody else has it, and a second person is needed at most
    of others' first decisions. A part of the day's cases are those that the model learns most from."""
    rows = _free_for(wanted.rows() if wanted else Case.objects.all(), user).exclude(pk=but)
    order = SORTS[wanted.sort if wanted else "loss"]
    if _is_turn_of_learning(user):
        learning = rows.filter(origin=Origin.LEARNING).order_by(*order).first()
        if learning:
            return learning
    return rows.exclude(origin=Origin.LEARNING).order_by(*order).first() or rows.order_by(*order).first()


def _free_for(rows: QuerySet[Case], user: Any) -> QuerySet[Case]:
    taken = Q(locked_until__gt=timezone.now()) & ~Q(locked_by=user)
    proposed = Case.objects.filter(state=State.SECOND, decisions__decided_by=user, decisions__is_final=False)
    return rows.filter(state__in=WAITING).exclude(taken).exclude(pk__in=proposed.values("pk"))


def _is_turn_of_learning(user: Any) -> bool:
    """Whether fewer than their share of what this person decided today were such cases."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    done = Case.objects.filter(decided_by=user, decided_at__gte=today).aggregate(
        n=Count("pk"), learning=Count("pk", filter=Q(origin=Origin.LEARNING))
    )
    return bool(done["learning"] < app_settings.LEARNING_SHARE * done["n"])
