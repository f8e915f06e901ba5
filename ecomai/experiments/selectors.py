"""Reads: what runs now, who refused to be counted, what was counted last."""

import time
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, F, OuterRef, Prefetch, Q, QuerySet, Subquery

from ecomai.exceptions import NotFoundError
from ecomai.fusion.app_settings import app_settings as fusion_settings
from ecomai.fusion.models import ConsentRecord, SessionLink
from ecomai.reading import in_transaction, read_rows

from .app_settings import app_settings
from .assignment import ArmPart, Plan
from .models import Arm, Experiment, Exposure, Snapshot

State = Experiment.State

_ANY = f"SELECT id FROM {Experiment._meta.db_table} WHERE state IN (%s, %s) LIMIT 1"  # noqa: S608

# (read at, plans by subject); one tuple is swapped whole, so threads need no lock.
_plans: tuple[float, dict[str, Plan]] | None = None


def plan_of(subject: str) -> Plan | None:
    """The experiment that decides what a subject shows now; read at most once a second in a process."""
    return _current().get(subject)


def _current() -> dict[str, Plan]:
    global _plans
    now = time.monotonic()
    known = _plans
    # Inside a transaction the answer must be that transaction's own.
    if known and now - known[0] < min(app_settings.CACHE_SECONDS, 1) and not in_transaction():
        return known[1]
    found = _read_plans()
    if not in_transaction():
        _plans = (now, found)
    return found


def forget_plans() -> None:
    """Read anew at the next question."""
    global _plans
    _plans = None


def _read_plans() -> dict[str, Plan]:
    """What is rolled out shows until something else is tried on the same subject; the newest counts."""
    if not read_rows(_ANY, [State.RUNNING.value, State.ROLLED_OUT.value]):
        return {}  # as in most shops on most days: pages should not pay for more than the question
    found = Experiment.objects.filter(state__in=(State.RUNNING, State.ROLLED_OUT)).prefetch_related("arms")
    rows = sorted(found, key=lambda row: (row.is_running, row.decided_at or row.created_at, row.pk))
    return {row.subject: as_plan(row) for row in rows}


def as_plan(experiment: Experiment) -> Plan:
    return Plan(
        id=experiment.pk, slug=experiment.slug, subject=experiment.subject, unit=experiment.unit,
        salt=experiment.salt, traffic_share=experiment.traffic_share, holdout_share=experiment.holdout_share,
        allocation=tuple((part["arm"], part["weight"]) for part in experiment.allocation),
        arms={
            arm.pk: ArmPart(arm.pk, arm.name, arm.configuration, arm.is_control, arm.removed_at is not None)
            for arm in experiment.arms.all()
        },
        winner_id=experiment.winner_id, is_rolled_out=experiment.state == State.ROLLED_OUT,
    )  # fmt: skip


def get_experiment(slug: str) -> Experiment:
    """Return an experiment with its arms and guard rails. Raises NotFoundError."""
    found = with_parts(Experiment.objects.filter(slug=slug)).first()
    if found is None:
        raise NotFoundError
    return found


def with_parts(experiments: QuerySet[Experiment]) -> QuerySet[Experiment]:
    """Add arms, guard rails and the results that were counted last; a fixed number of queries."""
    last = Snapshot.objects.filter(experiment=OuterRef("pk")).order_by("-hour")
    return experiments.annotate(
        latest_results=Subquery(last.values("results")[:1]),
        counted_until=Subquery(last.values("counted_until")[:1]),
    ).prefetch_related(Prefetch("arms", Arm.objects.select_related("experiment")), "guard_rails")


def counted_experiments() -> QuerySet[Experiment]:
    """Those whose results may still change: running, or ended while visitors' days were not over."""
    may_change = Q(state=State.RUNNING)
    ended = Experiment.objects.exclude(state=State.DRAFT).exclude(state=State.RUNNING)
    waiting = [
        row.pk
        for row in ended.annotate(
            last=Subquery(
                Snapshot.objects.filter(experiment=OuterRef("pk"))
                .order_by("-hour")
                .values("counted_until")[:1]
            )
        )
        if row.ended_at and (row.last is None or row.last < row.ended_at + days(row.outcome_days + 1))
    ]
    return Experiment.objects.filter(may_change | Q(pk__in=waiting)).prefetch_related("arms", "guard_rails")


def days(n: float) -> Any:
    from datetime import timedelta

    return timedelta(days=n)


def exposure_counts(experiment: Experiment, *, as_of: datetime) -> dict[int, int]:
    """How many visitors each arm has had until then; those held back under 0."""
    seen = Exposure.objects.filter(experiment=experiment, first_exposed_at__lte=as_of)
    rows = seen.values_list("arm").annotate(n=Count("pk"))
    return {arm or 0: n for arm, n in rows.order_by()}


def last_snapshot(experiment: Experiment) -> Snapshot | None:
    return Snapshot.objects.filter(experiment=experiment).order_by("-hour").first()


def snapshots(experiment: Experiment, *, limit: int = 200) -> list[Snapshot]:
    """What was counted over time, oldest first; long series are thinned, and keep their last point."""
    rows = Snapshot.objects.filter(experiment=experiment).order_by("hour").defer("moments")
    keys = list(rows.values_list("pk", flat=True))
    stride = -(-len(keys) // limit) or 1
    kept = keys[::-stride]
    return list(rows.filter(pk__in=kept))


# -- consent ------------------------------------------------------------------------------------


def refusing(*, unit: str, storefront: str, unit_ids: Collection[str]) -> set[str]:
    """Return which visitors do not want to be counted; two queries, however many are asked about."""
    purpose = app_settings.CONSENT_PURPOSE
    if not purpose:
        return set()
    answers = dict(_answers(purpose, unit, storefront, unit_ids))
    default = fusion_settings.DEFAULT_CONSENT.get(purpose, fusion_settings.DEFAULT_CONSENT.get("*", True))
    return {unit_id for unit_id in unit_ids if not answers.get(unit_id, default)}


def _answers(
    purpose: str, unit: str, storefront: str, unit_ids: Collection[str]
) -> Iterable[tuple[str, bool]]:
    """Yield answers, the last one of each visitor last."""
    records = ConsentRecord.objects.filter(purpose=purpose, channel="", storefront=storefront)
    if unit == Experiment.Unit.CUSTOMER:
        records = records.filter(customer__external_id__in=unit_ids).annotate(who=F("customer__external_id"))
        yield from records.order_by("recorded_at", "pk").values_list("who", "is_granted")
        return
    # Once a session is a customer's, that customer's answers are the session's.
    links = SessionLink.objects.filter(storefront=storefront, session_id__in=unit_ids)
    sessions_of: dict[int, list[str]] = {}
    for session_id, customer in links.values_list("session_id", "customer_id"):
        sessions_of.setdefault(customer, []).append(session_id)
    records = records.filter(Q(session_id__in=unit_ids) | Q(customer_id__in=list(sessions_of)))
    rows = records.order_by("recorded_at", "pk").values_list("session_id", "customer_id", "is_granted")
    for session_id, customer, is_granted in rows:
        for who in {session_id, *sessions_of.get(customer or 0, [])}:
            yield who, is_granted
