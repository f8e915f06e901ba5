"""What others ask of experiments: who sees what, who saw it, start, stop, roll out, count."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.bulk import insert_rows
from ecomai.exceptions import EcomaiError, NotFoundError, PermissionDeniedError
from ecomai.registry.services import write_audit
from ecomai.writing import write_soon

from . import judging, selectors
from .app_settings import app_settings
from .assignment import Assignment, place
from .exceptions import NotReadyError, SubjectTakenError, WrongStateError
from .metrics import get_metric
from .models import Arm, Experiment, Exposure, Snapshot
from .outcomes import ArmMoments, collect
from .planning import SizePlan, plan_size
from .statistics import Moments

logger = logging.getLogger(__name__)

APP = "ecomai_experiments"
State = Experiment.State


# -- for scenarios, at every request -------------------------------------------------------------


def assign(
    *, subject: str, customer_id: str = "", session_id: str = "", storefront: str = ""
) -> Assignment | None:
    """Return what a visitor is to see of a subject, such as "recommendations:home"; None: as always.

    The same visitor gets the same answer each time; nothing is read or written for it. Whether customers or
    sessions are told apart is the experiment's choice, so give both where they are known. Call `log_exposure`
    once it was really shown.
    """
    plan = selectors.plan_of(subject)
    if plan is None:
        return None
    unit_id = customer_id if plan.unit == Experiment.Unit.CUSTOMER else session_id
    return place(plan, unit_id=unit_id, storefront=storefront) if unit_id else None


def log_exposure(assignment: Assignment, *, at: datetime | None = None) -> None:
    """Note that a visitor saw what `assign` said; only the first time counts.

    Written a moment later by a thread of the process, many in one statement, without those who refused to
    be counted.
    """
    if assignment.is_counted:
        write_soon(_write_exposures, (assignment, at or timezone.now()))


def _write_exposures(rows: Sequence[tuple[Assignment, datetime]]) -> None:
    groups: dict[tuple[int, str, str], dict[str, tuple[Assignment, datetime]]] = defaultdict(dict)
    for assignment, at in rows:
        key = (assignment.experiment_id, assignment.storefront, assignment.unit)
        groups[key].setdefault(assignment.unit_id, (assignment, at))
    for (experiment_id, storefront, unit), found in groups.items():
        refusing = selectors.refusing(unit=unit, storefront=storefront, unit_ids=list(found))
        values = [
            (experiment_id, None if one.is_holdout else one.arm_id, storefront, unit_id, at)
            for unit_id, (one, at) in found.items()
            if unit_id not in refusing
        ]
        try:
            with transaction.atomic():
                insert_rows(
                    Exposure, ("experiment", "arm", "storefront", "unit_id", "first_exposed_at"), values,
                    unique=("experiment", "storefront", "unit_id"),
                )  # fmt: skip
        except (OperationalError, InterfaceError):
            raise
        except DatabaseError:
            logger.exception("%d exposures of experiment %s could not be kept.", len(values), experiment_id)


# -- for people ----------------------------------------------------------------------------------


def check_permission(user: Any, codename: str) -> None:
    """Raise `PermissionDeniedError` unless the user may; None is the system, which may."""
    if user is not None and not user.has_perm(f"{APP}.{codename}"):
        raise PermissionDeniedError


def plan_of_experiment(experiment: Experiment) -> SizePlan:
    """Return how many visitors and days an experiment needs. Raises NotFoundError for an unknown metric."""
    arms = [arm for arm in experiment.arms.all() if arm.removed_at is None]
    total = sum(arm.weight for arm in arms)
    return plan_size(
        metric=get_metric(experiment.primary_metric), unit=experiment.unit,
        outcome_days=experiment.outcome_days, minimum_effect=experiment.minimum_effect,
        traffic_share=experiment.traffic_share, holdout_share=experiment.holdout_share,
        n_arms=max(len(arms), 2),
        smallest_share=min(arm.weight for arm in arms) / total if len(arms) > 1 else None,
        place=experiment.place,
    )  # fmt: skip


def start_experiment(*, experiment: Experiment, user: Any = None) -> Experiment:
    """Let visitors into the arms, within a second in every process; freezes who belongs where."""
    check_permission(user, "run_experiment")
    with transaction.atomic():
        locked = _lock(experiment, State.DRAFT)
        _check_ready(locked)
        locked.allocation = [{"arm": arm.pk, "weight": arm.weight} for arm in locked.arms.order_by("pk")]
        locked.planned_units = plan_of_experiment(locked).units_per_arm
        locked.state, locked.started_at, locked.started_by = State.RUNNING, timezone.now(), user
        locked.save()
        _audit("start_experiment", locked, user, {"allocation": locked.allocation})
    return locked


def stop_experiment(*, experiment: Experiment, user: Any = None) -> Experiment:
    """Show everybody what the shop shows without it; visitors already in it are still counted to the end."""
    check_permission(user, "run_experiment")
    with transaction.atomic():
        locked = _lock(experiment, State.RUNNING, State.ROLLED_OUT)
        if locked.state == State.ROLLED_OUT:
            check_permission(user, "roll_out_experiment")
        locked.state, locked.stopped_by = State.STOPPED, user
        locked.stopped_at = timezone.now()
        locked.save()
        _audit("stop_experiment", locked, user)
    return locked


def roll_out(*, experiment: Experiment, arm_id: int, user: Any = None) -> Experiment:
    """Show one arm to everybody but those held back."""
    check_permission(user, "roll_out_experiment")
    with transaction.atomic():
        locked = _lock(experiment, State.RUNNING, State.STOPPED)
        winner = locked.arms.filter(pk=arm_id, removed_at=None).first()
        if winner is None:
            raise NotFoundError
        _check_subject_free(locked)
        locked.state, locked.winner = State.ROLLED_OUT, winner
        locked.decided_at, locked.decided_by = timezone.now(), user
        locked.save()
        _audit("roll_out_experiment", locked, user, {"arm": winner.name})
    return locked


def remove_arm(*, experiment: Experiment, arm_id: int, user: Any = None) -> Arm:
    """Take an arm out of a running experiment: its visitors see the control, and are counted no more."""
    check_permission(user, "run_experiment")
    with transaction.atomic():
        locked = _lock(experiment, State.RUNNING)
        arm = locked.arms.filter(pk=arm_id, removed_at=None).first()
        if arm is None:
            raise NotFoundError
        if arm.is_control:
            raise NotReadyError(experiment=locked, reason=_("the control cannot be taken out."))
        arm.removed_at = timezone.now()
        arm.save(update_fields=["removed_at"])
        _audit("remove_arm", locked, user, {"arm": arm.name})
    return arm


def _lock(experiment: Experiment, *states: str) -> Experiment:
    locked = Experiment.objects.select_for_update().get(pk=experiment.pk)
    if locked.state not in states:
        raise WrongStateError(experiment=locked, state=locked.get_state_display())
    return locked


def _check_ready(experiment: Experiment) -> None:
    arms = list(experiment.arms.all())
    reason = ""
    if len(arms) < 2:
        reason = _("it needs a control and at least one other arm.")
    elif sum(arm.is_control for arm in arms) != 1:
        reason = _("exactly one of its arms must be the control.")
    elif experiment.traffic_share * (1 - experiment.holdout_share) <= 0:
        reason = _("nobody would take part; raise the share that takes part, or hold fewer back.")
    if reason:
        raise NotReadyError(experiment=experiment, reason=reason)
    judging.metrics_of(experiment)
    _check_subject_free(experiment)


def _check_subject_free(experiment: Experiment) -> None:
    others = Experiment.objects.filter(subject=experiment.subject, state=State.RUNNING)
    other = others.exclude(pk=experiment.pk).first()
    if other is not None:
        raise SubjectTakenError(other=other, subject=experiment.subject)


def _audit(action: str, experiment: Experiment, user: Any, details: dict[str, Any] | None = None) -> None:
    write_audit(action=action, subject=f"experiment:{experiment.slug}", user=user, details=details)
    transaction.on_commit(selectors.forget_plans)


# -- counting ------------------------------------------------------------------------------------


def take_snapshots(*, is_recount: bool = False) -> int:
    """Count all experiments whose results may change; one that cannot be counted says why and stops none."""
    n_taken = 0
    for experiment in selectors.counted_experiments():
        problem = ""
        try:
            take_snapshot(experiment=experiment, is_recount=is_recount)
            n_taken += 1
        except EcomaiError as error:
            problem = str(error)
            logger.warning("Experiment %s could not be counted: %s", experiment.slug, error)
        if problem != experiment.problem:
            Experiment.objects.filter(pk=experiment.pk).update(problem=problem)
    return n_taken


def take_snapshot(
    *, experiment: Experiment, is_recount: bool = False, as_of: datetime | None = None
) -> Snapshot:
    """Add the visitors whose days are over since the last count, and judge. Safe to run twice.

    A recount begins anew: it sees events that came late, and no longer those of erased customers. With
    `as_of`, later than the last count, it is as if it were that moment.
    """
    now = as_of or timezone.now()
    span = timedelta(days=experiment.outcome_days)
    metrics = judging.metrics_of(experiment)
    last = selectors.last_snapshot(experiment)
    if last is None or is_recount:
        known, seen_after = {}, None
    else:
        known, seen_after = _load(last.moments), last.counted_until - span
    new = collect(experiment, metrics, seen_after=seen_after, seen_until=now - span)
    moments = _add(known, new)
    counts = selectors.exposure_counts(experiment, as_of=now)
    results = judging.judge(experiment, counts=counts, moments=moments)
    snapshot, _created = Snapshot.objects.update_or_create(
        experiment=experiment, hour=now.replace(minute=0, second=0, microsecond=0),
        defaults={
            "counted_until": now, "results": results, "moments": _dump(moments),
            "n_alarms": judging.count_alarms(results),
        },
    )  # fmt: skip
    return snapshot


def _add(known: ArmMoments, new: ArmMoments) -> ArmMoments:
    added: ArmMoments = {}
    for arm in known.keys() | new.keys():
        mine, theirs = known.get(arm, {}), new.get(arm, {})
        added[arm] = {
            name: mine.get(name, Moments()) + theirs.get(name, Moments())
            for name in mine.keys() | theirs.keys()
        }
    return added


def _dump(moments: ArmMoments) -> dict[str, dict[str, list[Any]]]:
    return {
        str(arm): {name: list(sums.values()) for name, sums in of_arm.items()}
        for arm, of_arm in moments.items()
    }


def _load(kept: dict[str, dict[str, list[Any]]]) -> ArmMoments:
    return {int(arm): {name: Moments(*sums) for name, sums in of_arm.items()} for arm, of_arm in kept.items()}


def delete_old_exposures() -> int:
    """Forget who saw what in experiments that ended longer ago than KEEP_EXPOSURES_DAYS; results stay."""
    oldest = timezone.now() - timedelta(days=app_settings.KEEP_EXPOSURES_DAYS)
    ended = [
        row.pk
        for row in Experiment.objects.filter(state__in=(State.STOPPED, State.ROLLED_OUT))
        if row.ended_at and row.ended_at + timedelta(days=row.outcome_days) < oldest
    ]
    n_removed = 0
    while keys := list(Exposure.objects.filter(experiment__in=ended).values_list("pk", flat=True)[:5000]):
        n_removed += Exposure.objects.filter(pk__in=keys).delete()[0]
    return n_removed
