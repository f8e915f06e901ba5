"""Who is in which segment: kept right for customers to whom something happened, or for whom time passed."""

import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.bulk import insert_rows
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.models import Job

from .. import signals
from ..app_settings import app_settings
from ..exceptions import InvalidConditionError
from ..models import CustomerProfile, Segment, SegmentDay, SegmentMember
from ..segments.compiling import Scope, select_profiles
from ..segments.conditions import Condition, parse_condition
from ..segments.counting import bounded
from ..segments.crossing import depends_on_time, find_crossings

logger = logging.getLogger(__name__)

JOB_KIND = "marketing.segment"
#: Customers of one transaction of a whole evaluation, and how long a statement of it may take.
AT_ONCE, STATEMENT_SECONDS = 20_000, 600


def update_memberships(
    customer_pks: Iterable[int], *, now: datetime | None = None, segment_pks: Collection[int] | None = None
) -> None:
    """Put customers into the live segments that they meet now, and take them out of others.

    Safe to run twice. Their profiles are locked meanwhile, so that whoever comes last has the newest answer.
    """
    pks, size = sorted(set(customer_pks)), app_settings.BATCH_SIZE
    for start in range(0, len(pks), size):
        with transaction.atomic():
            scope = Scope({"in": pks[start : start + size]})
            _lock_profiles(scope)
            _take_out_refused(scope)
            for segment, condition in _live_segments(segment_pks):
                _settle(segment, condition, scope, now or timezone.now())


def leave_all_segments(customer_pk: int) -> None:
    """Take a customer who may not be addressed out of every segment, also out of fixed ones."""
    with transaction.atomic():
        scope = Scope({"in": [customer_pk]})
        _lock_profiles(scope)
        _take_out_refused(scope)


def follow_time(*, now: datetime | None = None) -> int:
    """Ask anew those whom time alone may have moved; returns how many. Safe to run twice."""
    until, n_asked = now or timezone.now(), 0
    for segment, condition in _live_segments(None):
        if segment.passed_until is None or segment.passed_until >= until:
            continue
        if depends_on_time(condition):
            pks = find_crossings(condition, after=segment.passed_until, until=until)
            update_memberships(pks, now=now, segment_pks=[segment.pk])
            n_asked += len(pks)
        # Whoever changed the condition meanwhile has the whole evaluated.
        unchanged = Segment.objects.filter(pk=segment.pk, passed_until=segment.passed_until)
        unchanged.update(passed_until=until)
    return n_asked


# -- the whole ----------------------------------------------------------------------------------


def start_evaluation(segment: Segment, *, user: Any = None) -> Job:
    """Queue a job that asks all customers; `passed_until` is empty until it is done."""
    Segment.objects.filter(pk=segment.pk).update(passed_until=None, evaluated_at=None)
    return enqueue_job(
        kind=JOB_KIND, arguments={"segment_id": segment.pk}, created_by=user,
        label=_("Segment “%(name)s”") % {"name": segment.name},
    )  # fmt: skip


def run_evaluation(job: RunningJob) -> dict[str, Any]:
    """Ask all customers, in batches; goes on where a killed worker stopped.

    Ends early where the segment was changed or archived meanwhile: that has queued what follows.
    """
    segment = Segment.objects.get(pk=job.arguments["segment_id"])
    state = dict(job.job.result or {}) or {
        "began_at": timezone.now().isoformat(), "condition": segment.condition, "last": 0,
    }  # fmt: skip
    last_pk = CustomerProfile.objects.aggregate(last=Max("pk"))["last"] or 0
    while (reached := _evaluate_next(segment.pk, state)) is not None:
        state["last"] = reached
        Job.objects.filter(pk=job.job.pk).update(result=state)
        job.report(reached / max(last_pk, 1))
    return {"n_members": _finish(segment.pk, state)}


def _evaluate_next(segment_pk: int, state: dict[str, Any]) -> int | None:
    """Settle the next batch; return the last customer of it, or None where nothing is left to do."""
    with bounded(STATEMENT_SECONDS):
        profiles = CustomerProfile.objects.filter(pk__gt=state["last"]).order_by("pk")
        pks = list(profiles.values_list("pk", flat=True)[:AT_ONCE])
        if not pks:
            return None
        scope = Scope({"gt": state["last"], "lte": pks[-1]})
        _lock_profiles(scope)
        segment = Segment.objects.get(pk=segment_pk)
        if segment.is_archived or segment.condition != state["condition"]:
            return None
        _settle(segment, parse_condition(segment.condition), scope, timezone.now(), is_whole=True)
        return pks[-1]


def _finish(segment_pk: int, state: dict[str, Any]) -> int:
    """Count once more, and follow time from when the evaluation began."""
    with transaction.atomic():
        segment = Segment.objects.select_for_update().get(pk=segment_pk)
        segment.n_members = segment.members.count()
        if segment.condition == state["condition"] and not segment.is_archived:
            segment.evaluated_at = timezone.now()
            segment.passed_until = datetime.fromisoformat(state["began_at"]) if segment.is_live else None
        segment.save(update_fields=["n_members", "evaluated_at", "passed_until"])
        write_day(segment, segment.n_members, at=timezone.now())
    return segment.n_members


# -- one batch ----------------------------------------------------------------------------------


def _lock_profiles(scope: Scope) -> None:
    rows = CustomerProfile.objects.filter(scope.on("pk")).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk", flat=True))


def _live_segments(pks: Collection[int] | None) -> list[tuple[Segment, Condition]]:
    """In the order of their keys, so that no two workers wait for each other."""
    rows = Segment.objects.filter(kind=Segment.Kind.LIVE, is_archived=False).order_by("pk")
    found = []
    for segment in rows if pks is None else rows.filter(pk__in=pks):
        try:
            found.append((segment, parse_condition(segment.condition)))
        except InvalidConditionError as error:
            logger.warning("Segment %s cannot be evaluated: %s", segment.slug, error)
    return found


def _settle(
    segment: Segment, condition: Condition, scope: Scope, now: datetime, *, is_whole: bool = False
) -> None:
    """Compare who meets the condition with who is in; write the difference."""
    found = set(select_profiles(condition, now=now, scope=scope).values_list("pk", flat=True))
    members = SegmentMember.objects.filter(scope.on("customer_id"), segment=segment)
    current = set(members.values_list("customer_id", flat=True))
    write_changes(
        segment, joined=sorted(found - current), left=sorted(current - found), at=now, is_whole=is_whole
    )


def _take_out_refused(scope: Scope) -> None:
    refused = SegmentMember.objects.filter(
        scope.on("customer_id"), customer__marketing_profile__has_consent=False
    )
    left: dict[Segment, list[int]] = {}
    for member in refused.select_related("segment").order_by("segment_id", "customer_id"):
        left.setdefault(member.segment, []).append(member.customer_id)
    for segment, pks in left.items():
        write_changes(segment, joined=[], left=pks, at=timezone.now())


def write_changes(
    segment: Segment, *, joined: Sequence[int], left: Sequence[int], at: datetime, is_whole: bool = False
) -> None:
    """Write who joined and left, count them, and tell others on commit; inside the caller's transaction."""
    if not (joined or left):
        return
    rows = [(segment.pk, pk, at) for pk in joined]
    insert_rows(SegmentMember, ("segment", "customer", "joined_at"), rows, unique=("segment", "customer"))
    SegmentMember.objects.filter(segment=segment, customer_id__in=left).delete()
    gain = Greatest(F("n_members") + len(joined) - len(left), 0)
    Segment.objects.filter(pk=segment.pk).update(n_members=gain)
    n_members = Segment.objects.values_list("n_members", flat=True).get(pk=segment.pk)
    write_day(segment, n_members, n_joined=len(joined), n_left=len(left), at=at)
    for signal, pks in ((signals.segment_entered, joined), (signals.segment_left, left)):
        if pks:
            tell = partial(
                signal.send_robust, Segment, segment=segment, customer_pks=list(pks), is_whole=is_whole
            )
            transaction.on_commit(tell)


def write_day(segment: Segment, n_members: int, *, at: datetime, n_joined: int = 0, n_left: int = 0) -> None:
    """Add to the history of a day; the segment's row is locked by now."""
    day, _made = SegmentDay.objects.get_or_create(segment=segment, day=timezone.localdate(at))
    SegmentDay.objects.filter(pk=day.pk).update(
        n_joined=F("n_joined") + n_joined, n_left=F("n_left") + n_left, n_members=n_members
    )
