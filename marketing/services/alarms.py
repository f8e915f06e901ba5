"""Alarms of the voice of the customer: looked for by day and aspect, seen and closed by people."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from ecomai.console.alerts import Alert
from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.services import write_audit

from ..models import FeedbackAspect, Sentiment, VoiceAlarm
from ..voice.changes import LEAST_BASELINE_DAYS, LONGEST_CHANGE_DAYS, Change, find_change

HISTORY_DAYS = 120
#: Who closed an alarm knows of it: for so long the same aspect opens none.
QUIET = timedelta(days=LONGEST_CHANGE_DAYS)
State = VoiceAlarm.State

Series = tuple[np.ndarray, np.ndarray]


def look_for_alarms(*, now: datetime | None = None) -> int:
    """Look at each aspect of each storefront until yesterday, and return how many alarms are not closed.

    An alarm whose change is over closes by itself. Safe to run twice.
    """
    now = now or timezone.now()
    last = timezone.localtime(now).date() - timedelta(days=1)
    kept = {
        (alarm.storefront, alarm.aspect_id): alarm for alarm in VoiceAlarm.objects.exclude(state=State.CLOSED)
    }
    for key, (negative, total) in daily_counts(last=last).items():
        change = find_change(negative, total)
        alarm = kept.pop(key, None)
        if change is None:
            if alarm is not None:
                _close(alarm, now)
        elif alarm is not None or not _is_quiet(key, now):
            _write(alarm or VoiceAlarm(storefront=key[0], aspect_id=key[1], detected_at=now), change, last)
    for alarm in kept.values():  # nobody speaks of it any more
        _close(alarm, now)
    return VoiceAlarm.objects.exclude(state=State.CLOSED).count()


def daily_counts(*, last: date, n_days: int = HISTORY_DAYS) -> Mapping[tuple[str, int], Series]:
    """Return negative sentences and all sentences a day, by storefront and aspect, from the first day on
    which the storefront heard anything."""
    first = last - timedelta(days=n_days - 1)
    rows = (
        FeedbackAspect.objects.filter(aspect__isnull=False, aspect__is_active=True)
        .filter(written_at__gte=_midnight(first), written_at__lt=_midnight(last + timedelta(days=1)))
        .annotate(day=TruncDate("written_at"))
        .order_by()
        .values_list("feedback__storefront", "aspect_id", "day")
        .annotate(n=Count("pk"), n_negative=Count("pk", filter=Q(sentiment=Sentiment.NEGATIVE)))
    )
    by_key: dict[tuple[str, int], list[tuple[int, int, int]]] = defaultdict(list)
    begins: dict[str, int] = {}
    for storefront, aspect_pk, day, n, n_negative in rows:
        place = (day - first).days
        by_key[storefront, aspect_pk].append((place, n_negative, n))
        begins[storefront] = min(begins.get(storefront, place), place)
    return {key: _series(found, begins[key[0]], n_days) for key, found in by_key.items()}


def mark_alarm(*, alarm: VoiceAlarm, state: str, user: Any) -> None:
    """Note that a person has seen an alarm, or closed it. Raises PermissionDeniedError."""
    if not user.has_perm("ecomai_marketing.close_voicealarm"):
        raise PermissionDeniedError
    with transaction.atomic():
        rows = VoiceAlarm.objects.filter(pk=alarm.pk).exclude(state__in=[State.CLOSED, state])
        if rows.update(state=state, changed_at=timezone.now(), changed_by=user):
            write_audit(action=f"voice_alarm_{state}", subject=alarm, user=user)


def sentences_behind(alarm: VoiceAlarm) -> Any:
    """Return the negative sentences that an alarm counts, newest first."""
    return (
        FeedbackAspect.objects.filter(
            aspect_id=alarm.aspect_id, feedback__storefront=alarm.storefront, sentiment=Sentiment.NEGATIVE,
            written_at__gte=_midnight(alarm.began_on),
            written_at__lt=_midnight(alarm.until + timedelta(days=1)),
        )
        .select_related("feedback", "feedback__item", "feedback__customer")
        .order_by("-written_at", "-pk")
    )  # fmt: skip


def _series(found: list[tuple[int, int, int]], begins: int, n_days: int) -> Series:
    counts = np.zeros((2, n_days), dtype=np.int64)
    for place, n_negative, n in found:
        counts[:, place] = n_negative, n
    # A shop that has just begun to listen has no days of silence before.
    counts = counts[:, min(begins, n_days - LEAST_BASELINE_DAYS) if begins else 0 :]
    return counts[0], counts[1]


def _write(alarm: VoiceAlarm, change: Change, last: date) -> None:
    alarm.kind = VoiceAlarm.Kind(change.kind)
    alarm.began_on, alarm.until = last - timedelta(days=change.n_days - 1), last
    alarm.n_negative, alarm.n_expected = change.n_negative, round(change.n_expected, 2)
    alarm.share, alarm.share_before = round(change.share, 4), round(change.share_before, 4)
    alarm.p_value = change.p_value
    alarm.save()


def _close(alarm: VoiceAlarm, now: datetime) -> None:
    alarm.state, alarm.changed_at, alarm.changed_by = State.CLOSED, now, None
    alarm.save(update_fields=["state", "changed_at", "changed_by"])


def _is_quiet(key: tuple[str, int], now: datetime) -> bool:
    closed = VoiceAlarm.objects.filter(storefront=key[0], aspect_id=key[1], state=State.CLOSED)
    return closed.filter(changed_by__isnull=False, changed_at__gt=now - QUIET).exists()


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, datetime.min.time()))


def front_page_alerts() -> list[Alert]:
    """What the console's front page says: alarms that nobody has seen."""
    alarms = VoiceAlarm.objects.filter(state=State.OPEN).select_related("aspect").order_by("-detected_at")
    return [
        Alert(
            state="attention", key=f"marketing.voice_alarm:{alarm.pk}",
            title=_("Customers complain more: %(aspect)s") % {"aspect": alarm.aspect},
            text=sentence_of(alarm), url_name="admin:ecomai_marketing_voicealarm_change",
            url_args=(alarm.pk,),
        )
        for alarm in alarms
    ]  # fmt: skip


def sentence_of(alarm: VoiceAlarm) -> str:
    """Say what has changed."""
    values = {
        "n": alarm.n_negative, "day": date_format(alarm.began_on, "SHORT_DATE_FORMAT"),
        "expected": number_format(alarm.n_expected, 1), "share": round(100 * alarm.share),
        "before": round(100 * alarm.share_before),
    }  # fmt: skip
    if alarm.kind == VoiceAlarm.Kind.SHARE:
        text = _("%(share)s %% are negative since %(day)s, %(n)s sentences; it was %(before)s %%.")
        return text % values
    return _("%(n)s negative sentences since %(day)s, where %(expected)s were to be expected.") % values
