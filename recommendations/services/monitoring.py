"""Count what became of each day's answers: in the database, a day at a time, until the day is complete."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Min
from django.utils import timezone

from ecomai.commerce.models import Item

from ..app_settings import app_settings
from ..models import CHOSEN, Answer, DailyFigures
from .latencies import STEP

Scope = DailyFigures.Scope
DAY = timedelta(days=1)
#: Days that may still change are counted again after this time; today and yesterday each time.
RECOUNT_AFTER = timedelta(hours=20)

GROUP = ("storefront", "placement", "source", "model_name", "version_number", "variant")
_TEXT, _NUMBER = "''", "0"
#: What each scope tells apart; what it does not is the same for all its rows.
COLUMNS: dict[str, Sequence[str]] = {
    Scope.SHOP: ("a.storefront", _TEXT, _TEXT, _TEXT, _NUMBER, _TEXT),
    Scope.PLACEMENT: ("a.storefront", "a.placement", _TEXT, _TEXT, _NUMBER, _TEXT),
    Scope.VERSION: (
        "a.storefront", "a.placement", "a.source", "a.model_name", "COALESCE(v.number, 0)",
        "COALESCE(l.name, '')",
    ),
}  # fmt: skip

#: How many of the columns of `GROUP` each scope tells apart, and what the others are.
N_COLUMNS = {Scope.VERSION.value: len(GROUP), Scope.PLACEMENT.value: 2, Scope.SHOP.value: 1}
NOTHING = ("", "", "", "", 0, "")


@dataclass(frozen=True)
class Dialect:
    """The few expressions in which databases differ. `days` is a placeholder's number of days."""

    elements: str  # FROM item: each item of an answer as `one.value`
    is_in_answer: str
    is_same_key: str
    later: str  # `moment` and a number of days


_POSTGRESQL = Dialect(
    elements="jsonb_array_elements_text(s.item_keys) AS one(value)",
    is_in_answer="s.item_keys @> to_jsonb(e.item_id)",
    is_same_key="e.properties ->> 'answer' = s.key::text",
    later="{moment} + make_interval(days => %s)",
)
_SQLITE = Dialect(
    elements="json_each(s.item_keys) AS one",
    is_in_answer="EXISTS (SELECT 1 FROM json_each(s.item_keys) one WHERE one.value = e.item_id)",
    is_same_key="REPLACE(json_extract(e.properties, '$.answer'), '-', '') = s.key",
    later="DATETIME({moment}, '+' || %s || ' days')",
)


def refresh_monitoring(*, now: datetime | None = None) -> list[date]:
    """Count the days that are not complete yet, and return them. Safe to run twice and at the same time."""
    now = now or timezone.now()
    days = list(due_days(now))
    for day in days:
        count_day(day, now=now)
    _forget_old_figures(now)
    return days


def due_days(now: datetime) -> Iterator[date]:
    """Yield days with answers in the log that may have changed since they were counted, oldest first."""
    first = Answer.objects.aggregate(first=Min("created_at"))["first"]
    if first is None:
        return
    today = timezone.localdate(now)
    shop = DailyFigures.objects.filter(scope=Scope.SHOP, storefront="")
    counted = {
        day: (is_final, at) for day, is_final, at in shop.values_list("day", "is_final", "computed_at")
    }
    day = timezone.localdate(first)
    while day <= today:
        is_final, counted_at = counted.get(day, (False, None))
        is_fresh = counted_at is not None and day < today - DAY and now - counted_at < RECOUNT_AFTER
        if not is_final and not is_fresh:
            yield day
        day += DAY


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Return when a day of the shop's calendar begins and ends; it may have 23 or 25 hours."""
    zone = timezone.get_current_timezone()
    return tuple(datetime.combine(one, time.min, tzinfo=zone) for one in (day, day + DAY))  # type: ignore[return-value]


def count_day(day: date, *, now: datetime | None = None) -> int:
    """Count one day's answers anew and return how many rows it has now."""
    now = now or timezone.now()
    window_days = app_settings.CONVERSION_DAYS
    n_offered = _offered_items()
    rows = []
    answered = _Day(day, Scope.VERSION, window_days).answered()
    for scope, n_columns in N_COLUMNS.items():
        slots = _Day(day, scope, window_days).slots()
        for group, values in _rolled_up(answered, n_columns).items():
            values |= slots.get(group, {})
            named = dict(zip(GROUP, group, strict=True))
            rows.append(
                DailyFigures(
                    day=day, scope=scope, window_days=window_days, computed_at=now,
                    is_final=_is_over(day, now), n_offered_items=n_offered.get(named["storefront"], 0),
                    **named, **values,
                )
            )  # fmt: skip
    if not any(row.scope == Scope.SHOP and row.storefront == "" for row in rows):
        # A day without answers is known to be one.
        rows.append(
            DailyFigures(
                day=day, scope=Scope.SHOP, window_days=window_days, computed_at=now,
                is_final=_is_over(day, now), n_offered_items=n_offered.get("", 0),
            )
        )  # fmt: skip
    with transaction.atomic():
        DailyFigures.objects.filter(day=day).delete()
        unique = ["day", "scope", *GROUP]
        others = [
            field.name
            for field in DailyFigures._meta.concrete_fields
            if field.name not in unique and not field.primary_key
        ]
        DailyFigures.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=unique, update_fields=others
        )
    return len(rows)


def _rolled_up(figures: Mapping[tuple, dict[str, Any]], n_columns: int) -> dict[tuple, dict[str, Any]]:
    """Add figures up over what a scope does not tell apart: an answer, and what became of it, counts once."""
    found: dict[tuple, dict[str, Any]] = {}
    for group, values in figures.items():
        total = found.setdefault(group[:n_columns] + NOTHING[n_columns:], {"latencies": {}})
        for name, value in values.items():
            if name == "latencies":
                for step, n in value.items():
                    total[name][step] = total[name].get(step, 0) + n
            else:
                total[name] = total.get(name, 0) + value
    return found


def _is_over(day: date, now: datetime) -> bool:
    return day_bounds(day)[1] + DAY + timedelta(days=app_settings.CONVERSION_DAYS) <= now


def _offered_items() -> dict[str, int]:
    rows = Item.objects.filter(is_active=True).order_by().values_list("storefront")
    return dict(rows.annotate(n=Count("pk")))


def _forget_old_figures(now: datetime) -> None:
    oldest = timezone.localdate(now) - timedelta(days=app_settings.MONITORING_DAYS)
    DailyFigures.objects.filter(day__lt=oldest).delete()


class _Day:
    """The statements that count one day for one scope: names in them are our own, values are bound."""

    def __init__(self, day: date, scope: str, window_days: int) -> None:
        self.start, self.end = day_bounds(day)
        self.window_days = window_days
        self.dialect = _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE
        columns = zip(COLUMNS[scope], GROUP, strict=True)
        self.columns = ", ".join(f"{column} AS {name}" for column, name in columns)
        self.group = ", ".join(f"s.{name}" for name in GROUP)

    def answered(self) -> dict[tuple, dict[str, Any]]:
        """Return answers, their times, and what visitors did with the items in them."""
        found: dict[tuple, dict[str, Any]] = {}
        for *group, step, n, n_fallbacks in self._ask(self._latencies()):
            values = found.setdefault(tuple(group), {"n_answers": 0, "n_fallbacks": 0, "latencies": {}})
            values["n_answers"] += n
            values["n_fallbacks"] += n_fallbacks
            values["latencies"][str(int(step))] = n
        names = ("n_seen", "n_clicked", "n_bought", "n_bought_after_click")
        for row in self._ask(*self._outcomes()):
            found[tuple(row[: len(GROUP)])] |= dict(zip(names, row[len(GROUP) :], strict=True))
        return found

    def slots(self) -> dict[tuple, dict[str, Any]]:
        """Return what was in the answers; different items cannot be added up, so each scope asks itself."""
        names = ("n_slots", "n_distinct_items", "novelty_bits", "n_head_slots")
        return {
            tuple(row[: len(GROUP)]): dict(zip(names, row[len(GROUP) :], strict=True))
            for row in self._ask(self._slots())
        }

    def _ask(self, rest: str, *parameters: Any) -> list[tuple]:
        shown = f"""
            WITH shown AS (
                SELECT a.id, a.key, a.item_keys, a.milliseconds, a.customer_id AS asked_by,
                       CASE WHEN a.source IN (%s, %s, a.asked_for) THEN 0 ELSE 1 END AS is_fallback,
                       {self.columns}
                FROM ecomai_recommendations_answer a
                LEFT JOIN ecomai_registry_modelversion v ON v.id = a.model_version_id
                LEFT JOIN ecomai_recommendations_pipeline l ON l.id = a.pipeline_id
                WHERE a.created_at >= %s AND a.created_at < %s
            )"""  # noqa: S608
        first = [*CHOSEN, self._moment(self.start), self._moment(self.end)]
        with connection.cursor() as cursor:
            cursor.execute(shown + rest, [*first, *parameters])
            return list(cursor.fetchall())

    def _moment(self, moment: datetime) -> Any:
        return connection.ops.adapt_datetimefield_value(moment)

    def _latencies(self) -> str:
        return f"""
            SELECT {self.group},
                   FLOOR(LN(CASE WHEN s.milliseconds < 1 THEN 1 ELSE s.milliseconds END) / LN({STEP}))
                       AS step,
                   COUNT(*), SUM(s.is_fallback)
            FROM shown s GROUP BY {self.group}, step"""  # noqa: S608

    def _slots(self) -> str:
        """Popularity counts one event more than there were, so that what nobody took has one too."""
        return f""",
            slots AS (
                SELECT {self.group}, CAST(one.value AS BIGINT) AS item_id, COUNT(*) AS n
                FROM shown s, {self.dialect.elements}
                GROUP BY {self.group}, one.value
            ),
            popularity AS (
                SELECT i.id, COALESCE(p.n_events, 0) + 1 AS n_events,
                       SUM(COALESCE(p.n_events, 0) + 1) OVER (PARTITION BY i.storefront) AS n_all_events,
                       ROW_NUMBER() OVER (
                           PARTITION BY i.storefront ORDER BY COALESCE(p.score, 0) DESC, i.id
                       ) AS place,
                       COUNT(*) OVER (PARTITION BY i.storefront) AS n_items
                FROM ecomai_commerce_item i
                LEFT JOIN ecomai_recommendations_itempopularity p ON p.item_id = i.id
                WHERE i.is_active
            )
            SELECT {self.group}, SUM(s.n), COUNT(q.id),
                   SUM(s.n * -LN(1.0 * q.n_events / q.n_all_events) / LN(2.0))
                       / SUM(CASE WHEN q.id IS NOT NULL THEN s.n END),
                   SUM(CASE WHEN q.place * 10 <= q.n_items + 9 THEN s.n ELSE 0 END)
            FROM slots s LEFT JOIN popularity q ON q.id = s.item_id
            GROUP BY {self.group}"""  # noqa: S608

    def _outcomes(self) -> tuple[Any, ...]:
        """What was seen, clicked and bought: each item of each answer counts once.

        A browser may send whatever it likes, so only items that the answer had count.
        """
        last_seen = self.end + DAY
        last_bought = last_seen + timedelta(days=self.window_days)
        seen_until = self.dialect.later.format(moment="s.seen_at")
        clicked_until = self.dialect.later.format(moment="s.clicked_at")
        bought = f"""
                SELECT s.id, s.item_id,
                       MAX(CASE WHEN p.occurred_at < {seen_until} THEN 1 ELSE 0 END) AS is_bought,
                       MAX(CASE WHEN p.occurred_at >= s.clicked_at AND p.occurred_at < {clicked_until}
                                THEN 1 ELSE 0 END) AS is_bought_after_click
                FROM touched s JOIN purchases p ON p.item_id = s.item_id AND p.occurred_at >= s.seen_at"""  # noqa: S608
        # Two joins by equality: one by either would compare every purchase of an item with every sight of it.
        statement = f""",
            touched AS (
                SELECT {self.group}, s.id, e.item_id, MIN(e.occurred_at) AS seen_at,
                       MIN(CASE WHEN e.type = 'click' THEN e.occurred_at END) AS clicked_at,
                       COALESCE(MAX(e.customer_id), MAX(s.asked_by)) AS customer_id,
                       MAX(e.session_id) AS session_id
                FROM shown s JOIN ecomai_commerce_event e ON {self.dialect.is_same_key}
                WHERE e.type IN ('impression', 'click') AND e.occurred_at >= %s AND e.occurred_at < %s
                  AND e.item_id IS NOT NULL AND {self.dialect.is_in_answer}
                GROUP BY {self.group}, s.id, e.item_id
            ),
            purchases AS (
                SELECT p.item_id, p.customer_id, p.session_id, p.storefront, p.occurred_at
                FROM ecomai_commerce_event p
                WHERE p.type = 'purchase' AND p.occurred_at >= %s AND p.occurred_at < %s
                  AND p.item_id IS NOT NULL
            ),
            found AS (
                {bought} AND p.customer_id = s.customer_id GROUP BY s.id, s.item_id
                UNION ALL
                {bought} AND p.session_id = s.session_id AND p.storefront = s.storefront
                WHERE s.session_id <> '' GROUP BY s.id, s.item_id
            ),
            bought AS (
                SELECT id, item_id, MAX(is_bought) AS is_bought,
                       MAX(is_bought_after_click) AS is_bought_after_click
                FROM found GROUP BY id, item_id
            )
            SELECT {self.group}, COUNT(*), COUNT(s.clicked_at), SUM(COALESCE(b.is_bought, 0)),
                   SUM(COALESCE(b.is_bought_after_click, 0))
            FROM touched s LEFT JOIN bought b ON b.id = s.id AND b.item_id = s.item_id
            GROUP BY {self.group}"""  # noqa: S608
        begin, seen, end = (self._moment(moment) for moment in (self.start, last_seen, last_bought))
        return (statement, begin, seen, begin, end, *[self.window_days] * 4)
