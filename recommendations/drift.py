"""How far what comes in has moved from what a version learned from; runs in a worker."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, QuerySet
from django.utils import timezone

from ecomai.commerce.models import Event, Item
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.exceptions import CorruptArtifactError
from ecomai.registry.models import ModelDeployment, ModelVersion

from .app_settings import app_settings
from .catalogue import top_category
from .models import DriftReport
from .scenario import NEXT_ITEM, SIMILAR_ITEMS
from .selectors import interaction_types

#: In a version's card: how the events were spread that it learned from.
REFERENCE = "drift_reference"
#: History lengths are compared by these beginnings: 1, 2, 3-4, 5-9, and so on.
LENGTHS = (1, 2, 3, 5, 10, 20, 50)
#: Categories beyond the largest are one: many small ones would drift by chance.
MOST_CATEGORIES = 30
OTHERS = "…"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How events are spread: counts by top category and type, and of people by length of history."""

    categories: Mapping[str, int] = field(default_factory=dict)
    event_types: Mapping[str, int] = field(default_factory=dict)
    history_lengths: Mapping[str, int] = field(default_factory=dict)

    @property
    def n_events(self) -> int:
        return sum(self.event_types.values())

    def as_json(self) -> dict[str, dict[str, int]]:
        return {name: dict(getattr(self, name)) for name in DIMENSIONS}


DIMENSIONS = ("categories", "event_types", "history_lengths")


def profile(*, start: datetime | None, end: datetime) -> Profile:
    """Return how the events before `end` are spread, from `start` on.

    Histories are those of the newest days alone, so that a year and a week can be compared.
    """
    events = _events(start, end)
    by_path = events.order_by().values_list("item__category_path")
    categories: Counter[str] = Counter()
    for path, n in by_path.annotate(n=Count("id")):
        categories[top_category(path or "")] += n
    newest = _events(end - timedelta(days=app_settings.DRIFT_DAYS), end)
    by_type = events.order_by().values_list("type").annotate(n=Count("id"))
    return Profile(
        categories=_largest(categories), event_types=dict(by_type), history_lengths=_lengths(newest)
    )


def _events(start: datetime | None, end: datetime) -> QuerySet[Event]:
    events = Event.objects.filter(type__in=interaction_types(), item__isnull=False, occurred_at__lt=end)
    return events.filter(occurred_at__gte=start) if start else events


def _largest(counts: Counter[str]) -> dict[str, int]:
    largest = dict(counts.most_common(MOST_CATEGORIES))
    n_others = counts.total() - sum(largest.values())
    return largest | ({OTHERS: n_others} if n_others else {})


def _lengths(events: QuerySet[Event]) -> dict[str, int]:
    found: Counter[str] = Counter()
    known = events.filter(customer__isnull=False).order_by().values("customer_id")
    visitors = events.filter(customer__isnull=True).exclude(session_id="").order_by().values("session_id")
    for people in (known, visitors):
        for n in people.annotate(n=Count("id")).values_list("n", flat=True).iterator():
            found[str(max(length for length in LENGTHS if length <= n))] += 1
    return dict(found)


# -- comparing ------------------------------------------------------------------------------------


def compare(reference: Mapping[str, int], current: Mapping[str, int]) -> dict[str, float | None]:
    """Return the population stability index and the Jensen-Shannon distance (0 to 1) of two spreads.

    Half an event is added everywhere: what is missing on one side must not be infinitely far.
    """
    from scipy.spatial.distance import jensenshannon
    from scipy.special import rel_entr

    names = sorted({*reference, *current})
    if not sum(reference.values()) or not sum(current.values()):
        return {"psi": None, "js": None}
    p, q = (np.array([counts.get(name, 0) for name in names], float) + 0.5 for counts in (reference, current))
    p, q = p / p.sum(), q / q.sum()
    psi = float(np.sum(rel_entr(p, q) + rel_entr(q, p)))
    return {"psi": round(psi, 4), "js": round(float(jensenshannon(p, q, base=2)), 4)}


def folded(reference: Mapping[str, int], current: Mapping[str, int]) -> dict[str, int]:
    """Return current counts by the reference's names; those it does not name count as others."""
    if OTHERS not in reference:
        return dict(current)
    found: Counter[str] = Counter()
    for name, n in current.items():
        found[name if name in reference else OTHERS] += n
    return dict(found)


# -- reports --------------------------------------------------------------------------------------


def refresh_drift(*, now: datetime | None = None) -> list[DriftReport]:
    """Compare the newest days with what each live version learned from. Safe to run twice."""
    now = now or timezone.now()
    reports = []
    current = profile(start=now - timedelta(days=app_settings.DRIFT_DAYS), end=now)
    for version in _live_versions():
        reports.append(_report(version, current, now))
    oldest = timezone.localdate(now) - timedelta(days=app_settings.MONITORING_DAYS)
    DriftReport.objects.filter(day__lt=oldest).delete()
    return reports


def _live_versions() -> Sequence[ModelVersion]:
    deployments = ModelDeployment.objects.filter(
        model_name__in=[NEXT_ITEM, SIMILAR_ITEMS], live_version__isnull=False
    )
    return [one.live_version for one in deployments.select_related("live_version") if one.live_version]


def _report(version: ModelVersion, current: Profile, now: datetime) -> DriftReport:
    reference = reference_of(version)
    findings: dict[str, Any] = {"reference": reference.as_json(), "current": current.as_json(), "drift": {}}
    for name in DIMENSIONS:
        before = getattr(reference, name)
        findings["drift"][name] = compare(before, folded(before, getattr(current, name)))
    window_start = now - timedelta(days=app_settings.DRIFT_DAYS)
    n_events, n_unknown = _unknown_items(version, window_start, now)
    report, _created = DriftReport.objects.update_or_create(
        model_version=version,
        day=timezone.localdate(now),
        defaults={
            "window_start": window_start, "window_end": now, "n_events": n_events, "findings": findings,
            "unknown_item_share": n_unknown / n_events if n_events else 0.0, "computed_at": now,
        },
    )  # fmt: skip
    return report


def reference_of(version: ModelVersion) -> Profile:
    """Return what the version's card says of its training data; older versions are looked at once more."""
    kept = version.card.get(REFERENCE)
    if kept:
        return Profile(**{name: kept.get(name, {}) for name in DIMENSIONS})
    earlier = DriftReport.objects.filter(model_version=version).order_by("day").first()
    if earlier is not None:
        return Profile(**earlier.findings["reference"])
    return profile(start=version.window_start, end=version.window_end or version.created_at)


def _unknown_items(version: ModelVersion, start: datetime, end: datetime) -> tuple[int, int]:
    """Return how many events there were, and how many of them with items the version never learned."""
    known = _known_items(version)
    counts = _events(start, end).order_by().values_list("item_id").annotate(n=Count("id"))
    n_events = n_unknown = 0
    for item, n in counts.iterator():
        n_events += n
        n_unknown += 0 if item in known else n
    return n_events, n_unknown


def _known_items(version: ModelVersion) -> set[int]:
    """Return the items in the version's files; without them, those that were listed before it learned."""
    try:
        ids = json.loads((open_artifact(version) / "items.json").read_text(encoding="utf-8"))
    except (CorruptArtifactError, OSError):
        until = version.window_end or version.created_at
        return set(Item.objects.filter(listed_at__lte=until).values_list("pk", flat=True))
    return {int(item) for item in ids}
