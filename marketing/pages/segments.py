"""The pages of segments: what the builder offers, what it counts, how a segment grew and what it shares."""

import json
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.commerce.models import EventType, Item
from ecomai.console import charts

from ..exceptions import CountTooSlowError, InvalidConditionError
from ..models import Segment, SegmentDay
from ..segments.conditions import FACT_KINDS, offered_facts, parse_condition
from ..segments.counting import find_profiles
from ..segments.fields import FIELDS, OPERATORS
from ..selectors import count_overlap, member_history
from .likeness import lookalike_of

#: How long a person who builds waits for a count, at most.
COUNT_SECONDS = 8
N_DAYS, SPARK_DAYS, N_OVERLAPS, N_COMPLETIONS = 90, 30, 12, 20
COMPLETED = {"category": "category_path", "brand": "brand"}
#: Fields whose texts are completed, and with what.
COMPLETIONS = {"favourite_category": "category", "favourite_brand": "brand"}
OVERLAP_SECONDS = 300


def list_context(*, is_archived: bool) -> dict[str, Any]:
    """Segments with their last 30 days; two queries."""
    segments = list(Segment.objects.filter(is_archived=is_archived).order_by("name"))
    history = member_history([segment.pk for segment in segments], n_days=SPARK_DAYS)
    rows = [(segment, _sparkline(segment, history[segment.pk])) for segment in segments]
    return {"rows": rows, "is_archived": is_archived}


def segment_context(segment: Segment) -> dict[str, Any]:
    """A segment's history and what it shares with others."""
    return {
        "segment": segment,
        "chart": _history_chart(segment),
        "overlaps": _overlaps(segment),
        "problem": _problem_of(segment),
        "lookalike": lookalike_of(segment),
    }


def builder_context(segment: Segment | None) -> dict[str, Any]:
    """What the builder offers: fields by kind with what can be asked, events, facts, and words."""
    return {
        "segment": segment,
        "offered": {
            "fields": [
                {
                    "name": field.name, "label": _capital(field.label), "kind": field.kind,
                    "choices": [[value, str(label)] for value, label in field.choices],
                    "completion": COMPLETIONS.get(field.name, ""),
                }
                for field in FIELDS.values()
            ],
            "operators": {
                kind: [[name, str(label)] for name, label in offered.items()]
                for kind, offered in OPERATORS.items()
            },
            "events": [[value, _capital(label)] for value, label in EventType.choices],
            "facts": [
                {"name": spec.name, "label": str(spec.verbose_name or spec.name),
                    "kind": FACT_KINDS[spec.type],}
                for spec in offered_facts().values()
            ],
        },
        "texts": _texts(),
    }  # fmt: skip


def preview_context(text: str) -> dict[str, Any]:
    """Count a condition that is being built, and show a few; or say what is wrong with which part."""
    try:
        condition = parse_condition(_read_json(text))
        found = find_profiles(condition, now=timezone.now(), seconds=COUNT_SECONDS)
    except InvalidConditionError as error:
        return {"problem": error.params["reason"], "path": error.params["path"]}
    except CountTooSlowError as error:
        return {"is_slow": True, "problem": str(error)}
    return {"n": found.n, "sample": found.sample}


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_condition(text: str) -> Any:
    """The condition of a form; None where it holds none."""
    return _read_json(text) if text.strip() else None


def complete(kind: str, begins: str) -> list[str]:
    """Categories or brands that hold a text, for the builder's inputs."""
    column = COMPLETED.get(kind)
    if column is None or not 1 <= len(begins) <= 100 or "\0" in begins:
        return []
    items = Item.objects.filter(**{f"{column}__icontains": begins}).exclude(**{column: ""})
    return list(items.order_by(column).values_list(column, flat=True).distinct()[:N_COMPLETIONS])


def _sparkline(segment: Segment, days: list[SegmentDay]) -> charts.Chart | None:
    if not days:
        return None
    return charts.sparkline(title=str(_("Customers")), values=_by_day(segment, days, SPARK_DAYS))


def _by_day(segment: Segment, days: list[SegmentDay], n_days: int) -> list[int | None]:
    """How many were in it on each day; a day on which nothing changed is as the one before."""
    known = {day.day: day.n_members for day in days}
    today, values = timezone.localdate(), []
    last: int | None = None
    for back in range(n_days - 1, -1, -1):
        last = known.get(today - timedelta(days=back), last)
        values.append(last)
    return values


def _history_chart(segment: Segment) -> charts.Chart | None:
    days = member_history([segment.pk], n_days=N_DAYS)[segment.pk]
    if not days:
        return None
    today = timezone.localdate()
    n_days = (today - days[0].day).days + 1
    x = [today - timedelta(days=back) for back in range(n_days - 1, -1, -1)]
    joined, left = ({day.day: getattr(day, name) for day in days} for name in ("n_joined", "n_left"))
    return charts.line_chart(
        title=_("Customers in the segment"), x=x, from_zero=True,
        series={
            _("Customers"): _by_day(segment, days, n_days), _("Joined"): [joined.get(day, 0) for day in x],
            _("Left"): [left.get(day, 0) for day in x],
        },
    )  # fmt: skip


def _overlaps(segment: Segment) -> list[dict[str, Any]]:
    """What the largest other segments share with this one; counted at most every five minutes."""
    others = Segment.objects.filter(is_archived=False, n_members__gt=0).exclude(pk=segment.pk)
    rows = []
    for other in others.order_by("-n_members")[:N_OVERLAPS] if segment.n_members else ():
        key = f"ecomai.marketing.overlap.{min(segment.pk, other.pk)}.{max(segment.pk, other.pk)}"
        n: Any = cache.get(key)
        if n is None:
            n = count_overlap(segment, other)
            cache.set(key, n, OVERLAP_SECONDS)
        rows.append({"segment": other, "n": n, "share": min(round(100 * n / segment.n_members), 100)})
    return sorted(rows, key=lambda row: -row["n"])


def _problem_of(segment: Segment) -> str:
    if not segment.condition:
        return ""
    try:
        parse_condition(segment.condition)
    except InvalidConditionError as error:
        return str(error)
    return ""


def _capital(text: Any) -> str:
    return str(text)[:1].upper() + str(text)[1:]


def _texts() -> dict[str, str]:
    return {
        "all": _("All of these hold"),
        "any": _("At least one of these holds"),
        "holds": _("How the parts are joined"),
        "is": _("where"),
        "is_not": _("except where"),
        "has": _("has done"),
        "has_not": _("has not done"),
        "polarity": _("So, or not so"),
        "subject": _("What is asked"),
        "operator": _("Comparison"),
        "value": _("Value"),
        "values": _("One or more, separated by commas"),
        "days": _("Days"),
        "at_least": _("At least how often"),
        "at_least_short": _("at least"),
        "times": _("times, within"),
        "within": _("Within how many days; empty for ever"),
        "last_days": _("days"),
        "ever": _("ever"),
        "category": _("Category of the item; empty for any"),
        "any_category": _("any category"),
        "brand": _("Brand of the item; empty for any"),
        "any_brand": _("any brand"),
        "yes": _("yes"),
        "no": _("no"),
        "add": _("Add a condition"),
        "add_group": _("Add a group"),
        "remove": _("Remove"),
        "group": _("Group"),
        "of_customer": _("The customer"),
        "of_events": _("What was done"),
        "of_facts": _("What models know"),
        "removed": _("Removed."),
    }


def number(value: int) -> str:
    return number_format(value, force_grouping=True)
