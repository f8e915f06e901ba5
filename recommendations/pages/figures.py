"""Daily figures read for people: shares and times of a period, over days, and by placement and version."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai import scenarios
from ecomai.exceptions import NotFoundError

from ..models import DailyFigures, Source
from ..services import latencies

Scope = DailyFigures.Scope
PERIODS = (7, 30, 90, 365)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a page shows: None where nothing was chosen."""

    storefront: str | None = None
    placement: str | None = None
    version: tuple[str, int, str] | None = None  # model, version, pipeline
    days: int = 30
    until: date = field(default_factory=timezone.localdate)

    @property
    def since(self) -> date:
        return self.until - timedelta(days=self.days - 1)

    def earlier(self) -> "Wanted":
        """The same for the period before."""
        until = self.since - timedelta(days=1)
        return Wanted(
            storefront=self.storefront, placement=self.placement, version=self.version, days=self.days,
            until=until,
        )  # fmt: skip

    @property
    def scope(self) -> str:
        if self.version is not None:
            return Scope.VERSION
        return Scope.SHOP if self.placement is None else Scope.PLACEMENT


@dataclass(frozen=True)
class Figures:
    """Several rows together. Shares are None where there is nothing to divide by."""

    rows: Sequence[DailyFigures]

    def total(self, name: str) -> int:
        return sum(getattr(row, name) for row in self.rows)

    def share(self, part: str, whole: str) -> float | None:
        n = self.total(whole)
        return self.total(part) / n if n else None

    @property
    def n_answers(self) -> int:
        return self.total("n_answers")

    @property
    def n_seen(self) -> int:
        return self.total("n_seen")

    @property
    def click_rate(self) -> float | None:
        return self.share("n_clicked", "n_seen")

    @property
    def conversion(self) -> float | None:
        """Of the items seen, how many were bought within the days that count."""
        return self.share("n_bought", "n_seen")

    @property
    def conversion_after_click(self) -> float | None:
        return self.share("n_bought_after_click", "n_clicked")

    @property
    def fallback_share(self) -> float | None:
        return self.share("n_fallbacks", "n_answers")

    @property
    def head_share(self) -> float | None:
        return self.share("n_head_slots", "n_slots")

    @property
    def coverage(self) -> float | None:
        """Of the items on offer, how many a day showed: the mean of the days with answers."""
        days = [row for row in self.rows if row.n_answers and row.n_offered_items]
        return sum(row.n_distinct_items / row.n_offered_items for row in days) / len(days) if days else None

    @property
    def novelty(self) -> float | None:
        known = [row for row in self.rows if row.novelty_bits is not None]
        n = sum(row.n_slots for row in known)
        return sum((row.novelty_bits or 0.0) * row.n_slots for row in known) / n if n else None

    def milliseconds(self, share: float) -> float | None:
        return latencies.quantile(latencies.add_up(row.latencies for row in self.rows), share)

    @property
    def p50(self) -> float | None:
        return self.milliseconds(0.5)

    @property
    def p95(self) -> float | None:
        return self.milliseconds(0.95)


@dataclass(frozen=True)
class Measure:
    """A figure as pages, files and alerts name it."""

    name: str
    verbose_name: Any
    read: Callable[[Figures], float | None]
    unit: str = "%"
    help_text: Any = ""


MEASURES = {
    measure.name: measure
    for measure in (
        Measure(
            "click_rate", _("Click-through"), lambda f: f.click_rate,
            help_text=_("Of the recommended items that were seen, how many were clicked."),
        ),
        Measure(
            "conversion", _("Conversion"), lambda f: f.conversion,
            help_text=_("Of the recommended items that were seen, how many the same visitor bought soon."),
        ),
        Measure(
            "conversion_after_click", _("Conversion after a click"), lambda f: f.conversion_after_click,
            help_text=_("Of the recommended items that were clicked, how many the same visitor bought."),
        ),
        Measure(
            "fallback_share", _("Answers by a fallback"), lambda f: f.fallback_share,
            help_text=_("Answers that neither a model nor a pipeline gave."),
        ),
        Measure(
            "coverage", _("Coverage"), lambda f: f.coverage,
            help_text=_("Of the items on offer, how many were shown to somebody on a day."),
        ),
        Measure(
            "head_share", _("Popularity bias"), lambda f: f.head_share,
            help_text=_("Places that went to the most popular tenth of the items."),
        ),
        Measure(
            "novelty", _("Novelty"), lambda f: f.novelty, unit="bits",
            help_text=_("The rarer what is shown, the more bits; one bit more is half as popular."),
        ),
        Measure("p50", _("Time of half the answers"), lambda f: f.p50, unit="ms"),
        Measure("p95", _("Time of 95 % of the answers"), lambda f: f.p95, unit="ms"),
    )
}  # fmt: skip


def rows_of(wanted: Wanted, *, scope: str | None = None) -> QuerySet[DailyFigures]:
    rows = DailyFigures.objects.filter(
        scope=scope or wanted.scope, day__gte=wanted.since, day__lte=wanted.until
    )
    if wanted.storefront is not None:
        rows = rows.filter(storefront=wanted.storefront)
    if wanted.placement is not None:
        rows = rows.filter(placement=wanted.placement)
    if wanted.version is not None:
        model_name, number, variant = wanted.version
        rows = rows.filter(model_name=model_name, version_number=number, variant=variant)
    return rows.order_by("day")


def of_period(wanted: Wanted) -> Figures:
    return Figures(list(rows_of(wanted)))


def by_day(rows: Iterable[DailyFigures]) -> dict[date, Figures]:
    found: dict[date, list[DailyFigures]] = defaultdict(list)
    for row in rows:
        found[row.day].append(row)
    return {day: Figures(of_day) for day, of_day in sorted(found.items())}


def by_placement(wanted: Wanted) -> dict[str, Figures]:
    """Return the figures of each placement, the one with most answers first."""
    return _grouped(rows_of(wanted, scope=Scope.PLACEMENT), lambda row: row.placement)


def by_version(wanted: Wanted) -> dict[tuple[str, str, str, int, str], Figures]:
    """Return the figures by placement, source, model, version and pipeline, most answers first."""
    return _grouped(
        rows_of(wanted, scope=Scope.VERSION),
        lambda row: (row.placement, row.source, row.model_name, row.version_number, row.variant),
    )


def _grouped(rows: Iterable[DailyFigures], key: Callable[[DailyFigures], Any]) -> dict[Any, Figures]:
    found: dict[Any, list[DailyFigures]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    groups = {name: Figures(members) for name, members in found.items()}
    return dict(sorted(groups.items(), key=lambda pair: -pair[1].n_answers))


def choices() -> Mapping[str, list[Any]]:
    """Return what there are figures of: storefronts, placements, and models' versions and pipelines."""
    rows = DailyFigures.objects.filter(scope=Scope.VERSION).order_by()
    versions = rows.values_list("model_name", "version_number", "variant").distinct()
    placements = DailyFigures.objects.filter(scope=Scope.PLACEMENT).order_by()
    return {
        "storefronts": sorted(set(placements.values_list("storefront", flat=True))),
        "placements": sorted(set(placements.values_list("placement", flat=True))),
        "versions": sorted(one for one in versions if any(one)),
    }


def who(source: str, model_name: str, number: int, variant: str) -> str:
    """Say who answered, for people."""
    if variant:
        return variant
    if model_name:
        try:
            title = str(scenarios.get_model_spec(model_name).verbose_name)
        except NotFoundError:
            title = model_name
        return f"{title} v{number}" if number else title
    return str(Source(source).label) if source in Source.values else source
