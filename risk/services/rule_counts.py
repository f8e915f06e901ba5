"""How often rules fired, by day: counted in the background, so that no page reads assessments."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Max, Sum
from django.utils import timezone

from ..models import Assessment, Rule, RuleDay

DAYS = 30
#: Transactions end in an order of their own: a day is counted once more until so long after its end.
SETTLED = timedelta(hours=1)
_CHUNK = 2000


@dataclass(frozen=True)
class RuleHits:
    """How often a version fired within `days`, and how often that was what decided."""

    days: int
    n_fired: int
    n_decided: int


def hits_of(rule: Rule, *, days: int = DAYS) -> RuleHits:
    """Return counts of the last days, today included, as of the last count."""
    since = timezone.now().astimezone(UTC).date() - timedelta(days=days - 1)
    found = RuleDay.objects.filter(rule=rule, day__gte=since).aggregate(
        fired=Sum("n_fired"), decided=Sum("n_decided")
    )
    return RuleHits(days, found["fired"] or 0, found["decided"] or 0)


def count_rule_hits() -> int:
    """Count the days since the last count anew, and return how many those were; safe to call twice.

    A day is read by an index that holds only assessments for which a rule fired.
    """
    now = timezone.now().astimezone(UTC)
    oldest = now.date() - timedelta(days=DAYS - 1)
    last = RuleDay.objects.aggregate(last=Max("day"))["last"]
    first = max(oldest, min(last, (now - SETTLED).date())) if last else oldest
    days = [first + timedelta(days=n) for n in range((now.date() - first).days + 1)]
    for day in days:
        _count(day)
    RuleDay.objects.filter(day__lt=oldest).delete()
    return len(days)


def _count(day: date) -> None:
    start = datetime.combine(day, time.min, tzinfo=UTC)
    rows = Assessment.objects.filter(received_at__gte=start, received_at__lt=start + timedelta(days=1))
    fired, decided = Counter[int](), Counter[int]()
    for rules in rows.exclude(rules_fired=[]).values_list("rules_fired", flat=True).iterator(_CHUNK):
        for rule in rules:
            fired[rule.get("rule")] += 1
            decided[rule.get("rule")] += bool(rule.get("decided"))
    with transaction.atomic():
        RuleDay.objects.filter(day=day).delete()
        known = set(Rule.objects.filter(pk__in=[key for key in fired if key]).values_list("pk", flat=True))
        RuleDay.objects.bulk_create(
            RuleDay(rule_id=key, day=day, n_fired=n, n_decided=decided[key])
            for key, n in fired.items()
            if key in known
        )
