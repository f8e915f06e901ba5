"""Whether conversations solved anything, and the figures of days, counted where nobody waits for it."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import (
    Case,
    CharField,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    Min,
    OuterRef,
    Q,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone

from ..app_settings import app_settings
from ..models import ContactVolume, Conversation, DayFigures, Message

State, Resolution, Sender = Conversation.State, Conversation.Resolution, Message.Sender
SOLVED = (Resolution.SAID, Resolution.QUIET)
#: Days of which figures may still change: open, then closed, then judged.
OPEN_DAYS = 8
SATISFIED_FROM = 4
#: Hours that are counted once more, as their conversations may have come late.
LATE_HOURS = 2
FIRST_HOURS = 60 * 24


def judge_ended(*, now: datetime | None = None, most: int = 2_000) -> int:
    """Judge conversations that ended: by what the customer said, else by whether they came back in time."""
    now = now or timezone.now()
    quiet_before = now - timedelta(hours=app_settings.RETURN_HOURS)
    ended = Conversation.objects.filter(state=State.CLOSED, judged_at=None)
    ended = ended.filter(Q(closed_at__lt=quiet_before) | Q(has_helped__isnull=False))
    rows = list(ended.annotate(came_back=_came_back())[:most])
    for row in rows:
        row.resolution, row.judged_at = _resolution_of(row), now
    Conversation.objects.bulk_update(rows, ["resolution", "judged_at"], batch_size=500)
    return len(rows)


def _resolution_of(row: Any) -> str:
    if row.has_helped is not None:
        return Resolution.SAID if row.has_helped else Resolution.DENIED
    if row.handed_over_at is not None and row.person_answered_at is None:
        return Resolution.ABANDONED
    return Resolution.RETURNED if row.came_back else Resolution.QUIET


def _came_back() -> Case:
    """Whether the same customer or browser asked about the same, or about nothing known, in time."""
    since = Coalesce(OuterRef("closed_at"), OuterRef("last_message_at"))
    in_time = ExpressionWrapper(
        since + timedelta(hours=app_settings.RETURN_HOURS), output_field=DateTimeField()
    )
    later = Conversation.objects.filter(started_at__gt=since, started_at__lte=in_time).exclude(
        pk=OuterRef("pk")
    )
    about_the_same = Q(before="") | Q(intent="") | Q(intent=F("before"))
    before = ExpressionWrapper(OuterRef("intent"), output_field=CharField())
    later = later.annotate(before=before).filter(about_the_same)
    return Case(
        When(customer=None, then=Exists(later.filter(visitor_digest=OuterRef("visitor_digest")))),
        default=Exists(later.filter(customer=OuterRef("customer"))),
    )


# -- figures of days --------------------------------------------------------------------------------


def count_days(*, now: datetime | None = None, n_days: int = OPEN_DAYS) -> int:
    """Count the days anew that may have changed; return how many rows. Safe to run twice."""
    today = timezone.localtime(now or timezone.now()).date()
    rows: list[DayFigures] = []
    for back in range(n_days):
        rows += _count_day(today - timedelta(days=back))
    with transaction.atomic():
        DayFigures.objects.filter(day__gt=today - timedelta(days=n_days)).delete()
        DayFigures.objects.bulk_create(rows, batch_size=500)
    return len(rows)


def _count_day(day: date) -> list[DayFigures]:
    begins = timezone.make_aware(datetime.combine(day, time.min))
    found = Conversation.objects.filter(started_at__gte=begins, started_at__lt=begins + timedelta(days=1))
    answered = found.annotate(
        answered_at=Min("messages__created_at", filter=Q(messages__sender__in=(Sender.BOT, Sender.AGENT)))
    )
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for row in answered.iterator(chunk_size=1000):
        groups.setdefault((row.storefront, row.intent, row.language), []).append(row)
    return [
        DayFigures(storefront=storefront, day=day, intent=intent, language=language, **_sums(rows))
        for (storefront, intent, language), rows in groups.items()
    ]


def _sums(rows: Sequence[Any]) -> dict[str, Any]:
    first = [(row.answered_at - row.started_at).total_seconds() for row in rows if row.answered_at]
    waited = [
        (row.person_answered_at - row.handed_over_at).total_seconds()
        for row in rows
        if row.person_answered_at and row.handed_over_at
    ]
    stars = [row.rating for row in rows if row.rating]
    solved = [row for row in rows if row.resolution in SOLVED]
    by_model = [row for row in rows if row.model_says_solved is not None]
    compared = [row for row in by_model if row.has_helped is not None]
    return {
        "n_conversations": len(rows),
        "n_contained": sum(not row.handoff_reason for row in rows),
        "n_judged": sum(bool(row.resolution) for row in rows),
        "n_resolved": len(solved),
        "n_resolved_by_bot": sum(not row.handoff_reason for row in solved),
        "n_model_judged": len(by_model), "n_model_solved": sum(row.model_says_solved for row in by_model),
        "n_compared": len(compared),
        "n_agreed": sum(row.model_says_solved == row.has_helped for row in compared),
        "n_answered": len(first), "answer_seconds": sum(max(0.0, each) for each in first),
        "n_person_answered": len(waited), "person_answer_seconds": sum(max(0.0, each) for each in waited),
        "n_overdue": sum(_was_late(row) for row in rows),
        "n_rated": len(stars), "stars": sum(stars),
        "n_satisfied": sum(each >= SATISFIED_FROM for each in stars),
        "agent_seconds": sum(row.agent_seconds for row in rows),
        "n_tokens": sum(row.n_tokens for row in rows),
        "handoff_reasons": dict(Counter(row.handoff_reason for row in rows if row.handoff_reason)),
    }  # fmt: skip


def _was_late(row: Any) -> bool:
    return bool(row.answer_due_at and (row.person_answered_at or timezone.now()) > row.answer_due_at)


# -- contacts by hour -------------------------------------------------------------------------------


def count_hours(*, now: datetime | None = None) -> int:
    """Count the hours that ended since the last time, and the newest once more; return how many rows."""
    this_hour = (now or timezone.now()).replace(minute=0, second=0, microsecond=0)
    newest = ContactVolume.objects.order_by("-hour").values_list("hour", flat=True).first()
    since = this_hour - timedelta(hours=FIRST_HOURS)
    if newest is not None:
        since = max(since, newest - timedelta(hours=LATE_HOURS - 1))
    found: dict[tuple[str, datetime], ContactVolume] = {}
    rows = Conversation.objects.filter(started_at__gte=since, started_at__lt=this_hour)
    for row in rows.only("storefront", "started_at", "handoff_reason", "last_sequence").iterator():
        hour = row.started_at.replace(minute=0, second=0, microsecond=0)
        key = (row.storefront, hour)
        one = found.setdefault(key, ContactVolume(storefront=row.storefront, hour=hour))
        one.n_conversations += 1
        one.n_handed_over += bool(row.handoff_reason)
        one.n_messages += row.last_sequence
    last = this_hour - timedelta(hours=1)
    found.setdefault(("", last), ContactVolume(storefront="", hour=last))  # how far it was counted
    ContactVolume.objects.bulk_create(
        found.values(), update_conflicts=True, unique_fields=["storefront", "hour"],
        update_fields=["n_conversations", "n_handed_over", "n_messages"], batch_size=1000,
    )  # fmt: skip
    return len(found)


def remove_old_figures() -> int:
    before = timezone.now() - timedelta(days=app_settings.KEEP_FIGURES_DAYS)
    n, _by_model = ContactVolume.objects.filter(hour__lt=before).delete()
    return n + DayFigures.objects.filter(day__lt=before.date()).delete()[0]
