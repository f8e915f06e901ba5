"""Reads of this scenario."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.exceptions import NotFoundError
from ecomai.generation.facts import facts_of

from .exceptions import UnknownSegmentError
from .models import (
    AdGroup,
    Campaign,
    ContentDraft,
    CustomerProfile,
    Delivery,
    Feedback,
    Journey,
    Segment,
    SegmentDay,
    SegmentMember,
    Stage,
)


def get_profile(*, storefront: str, external_id: str) -> CustomerProfile:
    """Return the profile of a customer by the shop's own id."""
    found = CustomerProfile.objects.filter(
        customer__storefront=storefront, customer__external_id=external_id
    ).first()
    if found is None:
        raise NotFoundError(_("No customer “%(id)s” has a profile.") % {"id": external_id})
    return found


def stage_condition(stage: Stage, *, now: datetime) -> Q:
    """Which profiles are in a stage at a moment; the twin of `CustomerProfile.stage_at`."""
    is_lapsed, is_at_risk = Q(lapsed_at__lte=now), Q(at_risk_at__lte=now)
    is_late = {
        Stage.LAPSED: is_lapsed,
        Stage.AT_RISK: is_at_risk & ~is_lapsed,
    }
    if stage == Stage.PROSPECT:
        return Q(n_orders=0)
    if stage in is_late:
        return Q(n_orders__gt=0) & is_late[stage]
    in_time = Q(at_risk_at__isnull=True) | Q(at_risk_at__gt=now)
    not_lapsed = Q(lapsed_at__isnull=True) | Q(lapsed_at__gt=now)
    return (Q(n_orders=1) if stage == Stage.NEW else Q(n_orders__gt=1)) & in_time & not_lapsed


#: All rows are read to count them, so not for each page.
COUNTED, COUNTS_SECONDS = ("profiles", "trials", "ads", "ratings"), 60
_COUNTS_KEY = "ecomai.marketing.counts.%s"


@dataclass(frozen=True)
class ProfileCounts:
    """How many customers are in each stage, and how many of those who allow marketing bought, and again."""

    stages: dict[Stage, int]
    n_allowed_buyers: int
    n_allowed_returning: int


def profile_counts() -> ProfileCounts:
    """Return what was counted within the last minute; one query over all profiles."""
    return ProfileCounts(**remembered("profiles", _count))


def remembered(name: str, count: Callable[[], Any]) -> Any:
    """Return what was counted within the last minute; `name` is one of `COUNTED`."""
    return cache.get_or_set(_COUNTS_KEY % name, count, COUNTS_SECONDS)


def forget_counts() -> None:
    """Have everything counted again for whoever asks next."""
    cache.delete_many([_COUNTS_KEY % name for name in COUNTED])


def _count() -> dict[str, Any]:
    now = timezone.now()
    counts = CustomerProfile.objects.aggregate(
        **{stage.value: Count("pk", filter=stage_condition(stage, now=now)) for stage in Stage},
        n_buyers=Count("pk", filter=Q(has_consent=True, n_orders__gt=0)),
        n_returning=Count("pk", filter=Q(has_consent=True, n_orders__gt=1)),
    )
    return {
        "stages": {stage: counts[stage.value] for stage in Stage},
        "n_allowed_buyers": counts["n_buyers"],
        "n_allowed_returning": counts["n_returning"],
    }


def get_segment(slug: str) -> Segment:
    """Return a segment in use by its short name. Raises UnknownSegmentError."""
    found = Segment.objects.filter(slug=slug, is_archived=False).first()
    if found is None:
        raise UnknownSegmentError(name=slug[:100])
    return found


def is_member(segment: Segment, *, storefront: str, external_id: str) -> bool:
    """Whether a customer, by the shop's own id, is in a segment."""
    members = SegmentMember.objects.filter(segment=segment, customer__storefront=storefront)
    return members.filter(customer__external_id=external_id).exists()


def count_overlap(one: Segment, other: Segment) -> int:
    """Return how many are in both of two segments."""
    members = SegmentMember.objects.filter(segment=other)
    return SegmentMember.objects.filter(segment=one, customer_id__in=members.values("customer_id")).count()


def member_history(segment_pks: list[int], *, n_days: int) -> dict[int, list[SegmentDay]]:
    """Return the days on which something changed, oldest first, by segment; one query."""
    since = timezone.localdate() - timedelta(days=n_days)
    found: dict[int, list[SegmentDay]] = {pk: [] for pk in segment_pks}
    for day in SegmentDay.objects.filter(segment_id__in=segment_pks, day__gt=since).order_by("day"):
        found[day.segment_id].append(day)
    return found


def counted_ad_groups(storefront: str) -> QuerySet[AdGroup]:
    """Return ad groups with the sums of their counters."""
    sums = {
        name: Coalesce(Sum(f"creatives__spend__{name}"), 0)
        for name in ("n_impressions", "n_clicks", "n_conversions")
    }
    return AdGroup.objects.filter(storefront=storefront).annotate(**sums)


def get_ad_group(pk: int, *, storefront: str) -> AdGroup:
    """Return an ad group of a storefront. Raises NotFoundError."""
    group = AdGroup.objects.filter(pk=pk, storefront=storefront).first()
    if group is None:
        raise NotFoundError
    return group


def rated_counts() -> tuple[int, int]:
    """Return how many texts have stars that say something, and how many of them are negative."""
    counts = remembered("ratings", _count_ratings)
    return counts["n"], counts["negative"]


def _count_ratings() -> dict[str, int]:
    rated = Feedback.objects.filter(rating__isnull=False).exclude(rating=3)
    return rated.aggregate(n=Count("pk"), negative=Count("pk", filter=Q(rating__lte=2)))


def approved_texts(
    *, storefront: str, items: Sequence[str], kind: str = "", language: str = ""
) -> list[tuple[str, ContentDraft]]:
    """Return approved texts with the shop's own ids, but those whose item has changed since."""
    found = ContentDraft.objects.filter(
        state=ContentDraft.State.APPROVED, item__external_id__in=items, item__storefront=storefront
    )
    if kind:
        found = found.filter(kind=kind)
    if language:
        found = found.filter(language=language)
    rows = found.select_related("item").order_by("item_id", "kind", "language", "number")
    return [
        (row.item.external_id, row)
        for row in rows
        if row.item and row.facts_digest == facts_of(row.item).digest
    ]


def campaign_report(*, pk: int, storefront: str) -> dict[str, Any]:
    """Return what a campaign brought, as REST tells it. Raises NotFoundError."""
    from .services.effects import report_of

    campaign = Campaign.objects.filter(pk=pk, storefront=storefront, journey=None).first()
    if campaign is None:
        raise NotFoundError
    return _told(report_of(campaign), Delivery.objects.filter(campaign=campaign))


def journey_report(*, pk: int, storefront: str) -> dict[str, Any]:
    """Return what a journey brought, as REST tells it. Raises NotFoundError."""
    from .services.effects import report_of_journey

    journey = Journey.objects.filter(pk=pk, storefront=storefront).first()
    if journey is None:
        raise NotFoundError
    return _told(report_of_journey(journey), Delivery.objects.filter(campaign__journey=journey))


def _told(report: Any, deliveries: QuerySet[Delivery]) -> dict[str, Any]:
    return {
        "currency": commerce_settings.REPORTING_CURRENCY, "is_over": report.is_over,
        "refusal": report.refusal, "treated": report.treated, "held_out": report.held_out,
        "lift_of_buyers": _lift(report.buyers), "lift_of_revenue": _lift(report.revenue),
        "incremental_revenue": report.incremental_revenue, "n_sent": report.gain.n_sent,
        "cost": report.gain.cost, "net_gain": report.gain.net, "returned": report.gain.returned,
        **count_answers(deliveries),
    }  # fmt: skip


def _lift(effect: Any) -> dict[str, float] | None:
    return effect and {"value": effect.lift, "low": effect.low, "high": effect.high}


def count_answers(deliveries: QuerySet[Delivery]) -> dict[str, int]:
    """Return how many messages bounced, brought a complaint, or made somebody unsubscribe."""
    return deliveries.aggregate(
        n_bounced=Count("pk", filter=Q(bounced_at__isnull=False)),
        n_complained=Count("pk", filter=Q(complained_at__isnull=False)),
        n_unsubscribed=Count("pk", filter=Q(unsubscribed_at__isnull=False)),
    )
