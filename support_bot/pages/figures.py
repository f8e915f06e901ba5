"""How well conversations go: solved, without a person, how fast, how satisfied, at what cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.commerce.money import format_money
from ecomai.console import charts
from ecomai.numbers import format_percent

from ..app_settings import app_settings
from ..models import Conversation, DayFigures, Intent

PERIODS = (28, 90, 365)
SUMS = (
    "n_conversations", "n_contained", "n_judged", "n_resolved", "n_resolved_by_bot", "n_answered",
    "n_model_judged", "n_model_solved", "n_compared", "n_agreed",
    "answer_seconds", "n_person_answered", "person_answer_seconds", "n_overdue", "n_rated", "stars",
    "n_satisfied", "agent_seconds", "n_tokens",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What a person asked to see."""

    days: int
    by: str
    intent: str
    language: str
    today: date

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wanted":
        days = query.get("days", "")
        return cls(
            days=int(days) if days.isdecimal() and int(days) in PERIODS else PERIODS[0],
            by="day" if query.get("by") == "day" else "week",
            intent=query.get("intent", "")[:64],
            language=query.get("language", "")[:16],
            today=timezone.localdate(),
        )

    def rows(self) -> QuerySet[DayFigures]:
        rows = DayFigures.objects.filter(day__gt=self.today - timedelta(days=self.days))
        if self.intent:
            rows = rows.filter(intent=self.intent)
        return rows.filter(language=self.language) if self.language else rows

    def start_of(self, day: date) -> date:
        return day if self.by == "day" else day - timedelta(days=day.weekday())


def context(query: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page shows, from figures that were counted before; a fixed number of queries."""
    wanted = Wanted.of(query)
    by_day = list(wanted.rows().order_by("day").values("day").annotate(**_sums()))
    total = _added(by_day)
    titles = dict(Intent.objects.values_list("name", "title"))
    return {
        "wanted": wanted,
        "has_any": bool(by_day) or DayFigures.objects.exists(),
        "choices": _choices(titles),
        "tiles": _tiles(total) if total["n_conversations"] else [],
        "charts": _charts(by_day, wanted) if by_day else [],
        "reasons": _reasons(wanted) if by_day else None,
        "by_intent": _grouped(wanted, "intent", titles),
        "by_language": _grouped(wanted, "language", {}),
    }


def _sums() -> dict[str, Sum]:
    return {f"sum_{name}": Sum(name) for name in SUMS}


def _added(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {name: sum(row[f"sum_{name}"] or 0 for row in rows) for name in SUMS}


def _tiles(total: Mapping[str, float]) -> list[tuple[str, str, str]]:
    """Title, value, and what it is of."""
    n = int(total["n_conversations"])
    cost = _cost(total)
    currency = commerce_settings.REPORTING_CURRENCY
    return [
        (_("Solved"), _percent(total["n_resolved"], total["n_judged"]),
         _("of %(n)s judged, as nobody came back or the customer said so") % {"n": int(total["n_judged"])}),
        (_("Without a person"), _percent(total["n_contained"], n), _("of %(n)s conversations") % {"n": n}),
        (_("First answer"), _duration(total["answer_seconds"], total["n_answered"]),
         _("on average, by anyone")),
        (_("First answer of a person"), _duration(total["person_answer_seconds"], total["n_person_answered"]),
         _("after handing over; %(n)s were late") % {"n": int(total["n_overdue"])}),
        (_("Satisfied"), _percent(total["n_satisfied"], total["n_rated"]),
         _("of %(n)s ratings, four stars or five") % {"n": int(total["n_rated"])}),
        (_("Cost of one"), format_money(cost / n, currency) if n else "–",
         _("people and tokens; %(cost)s in all") % {"cost": format_money(cost, currency)}),
        *_model_tiles(total),
    ]  # fmt: skip


def _model_tiles(total: Mapping[str, float]) -> list[tuple[str, str, str]]:
    """What a language model said of conversations, and what it cost; nothing where there is none."""
    tiles = []
    if total["n_model_judged"]:
        counts = {
            "n": int(total["n_model_judged"]), "agreed": int(total["n_agreed"]),
            "compared": int(total["n_compared"]),
        }  # fmt: skip
        of = _("of %(n)s judged; it agrees with %(agreed)s of %(compared)s customers who said so") % counts
        share = _percent(total["n_model_solved"], total["n_model_judged"])
        tiles.append((_("Solved, says a model"), share, of))
    if total["n_tokens"]:
        each = number_format(total["n_tokens"] / total["n_conversations"], 0)
        cost = format_money(_token_cost(total), commerce_settings.REPORTING_CURRENCY)
        of = _("%(n)s tokens in all; %(cost)s") % {"n": number_format(total["n_tokens"], 0), "cost": cost}
        tiles.append((_("Tokens of one"), each, of))
    return tiles


def _charts(by_day: Sequence[Mapping[str, Any]], wanted: Wanted) -> list[charts.Chart]:
    starts, rows = _periods(by_day, wanted)
    shares = {
        _("Solved"): [_share(row["n_resolved"], row["n_judged"]) for row in rows],
        _("Without a person"): [_share(row["n_contained"], row["n_conversations"]) for row in rows],
        _("Satisfied"): [_share(row["n_satisfied"], row["n_rated"]) for row in rows],
    }
    minutes = [_share(row["person_answer_seconds"] / 60, row["n_person_answered"]) for row in rows]
    return [
        charts.bar_chart(
            title=_("Conversations"), categories=starts, is_stacked=True, size="small",
            series={
                _("without a person"): [int(row["n_contained"]) for row in rows],
                _("with a person"): [int(row["n_conversations"] - row["n_contained"]) for row in rows],
            },
        ),
        charts.line_chart(
            title=_("Shares"), x=starts, series=shares, percent=True, from_zero=True, size="small"
        ),
        charts.line_chart(
            title=_("Minutes until a person answers"), x=starts, from_zero=True, size="small",
            series={_("Minutes"): minutes},
        ),
        charts.line_chart(
            title=_("Cost of a conversation"), x=starts, from_zero=True, size="small",
            y_title=commerce_settings.REPORTING_CURRENCY,
            series={_("Cost"): [_share(float(_cost(row)), row["n_conversations"]) for row in rows]},
        ),
    ]  # fmt: skip


def _periods(
    by_day: Sequence[Mapping[str, Any]], wanted: Wanted
) -> tuple[list[date], list[dict[str, float]]]:
    """Every day or week between the first and today, also those of which nothing is known."""
    found: dict[date, list[Mapping[str, Any]]] = {}
    for row in by_day:
        found.setdefault(wanted.start_of(row["day"]), []).append(row)
    start, step = min(found), timedelta(days=1 if wanted.by == "day" else 7)
    starts = []
    while start <= wanted.today:
        starts.append(start)
        start += step
    return starts, [_added(found.get(each, [])) for each in starts]


def _reasons(wanted: Wanted) -> charts.Chart | None:
    counted: Counter[str] = Counter()
    for reasons in wanted.rows().values_list("handoff_reasons", flat=True).iterator():
        counted.update(reasons)
    if not counted:
        return None
    labels = dict(Conversation.HandoffReason.choices)
    names = [str(labels.get(name, name)) for name, _n in counted.most_common()]
    return charts.bar_chart(
        title=_("Why a person"), categories=names, is_horizontal=True, size="small",
        series={_("Conversations"): [n for _name, n in counted.most_common()]},
    )  # fmt: skip


def _grouped(wanted: Wanted, field: str, titles: Mapping[str, str]) -> list[dict[str, Any]]:
    rows = wanted.rows().order_by().values(field).annotate(**_sums())
    return sorted(
        (
            {
                "key": row[field],
                "name": titles.get(row[field], row[field].replace("_", " ").capitalize()) or _("not known"),
                "n": int(total["n_conversations"]),
                "solved": _percent(total["n_resolved"], total["n_judged"]),
                "contained": _percent(total["n_contained"], total["n_conversations"]),
                "answer": _duration(total["person_answer_seconds"], total["n_person_answered"]),
                "stars": number_format(total["stars"] / total["n_rated"], 1) if total["n_rated"] else "–",
            }
            for row in rows
            for total in [_added([row])]
        ),
        key=lambda row: (-row["n"], row["name"]),
    )


def _choices(titles: Mapping[str, str]) -> dict[str, list[tuple[str, str]]]:
    found = DayFigures.objects.order_by().values_list("intent", "language").distinct()[:2_000]
    intents = sorted({intent for intent, _language in found if intent})
    return {
        "days": [(str(n), _("%(n)s days") % {"n": n}) for n in PERIODS],
        "by": [("week", _("week")), ("day", _("day"))],
        "intent": [(name, titles.get(name, name)) for name in intents],
        "language": [(code, code) for code in sorted({language for _intent, language in found if language})],
    }


def _cost(total: Mapping[str, float]) -> Decimal:
    people = Decimal(int(total["agent_seconds"])) / 3600 * app_settings.AGENT_COST_PER_HOUR
    return people + _token_cost(total)


def _token_cost(total: Mapping[str, float]) -> Decimal:
    return Decimal(int(total["n_tokens"])) / 1_000_000 * app_settings.TOKEN_COST_PER_MILLION


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _percent(part: float, whole: float) -> str:
    return format_percent(_share(part, whole))


def _duration(seconds: float, n: float) -> str:
    if not n:
        return "–"
    mean = seconds / n
    if mean < 90:
        return _("%(n)s s") % {"n": number_format(mean, 0)}
    return _("%(n)s min") % {"n": number_format(mean / 60, 0)}
