"""What this scenario keeps of a person: removed and told through fusion."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from ecomai.fusion.subjects import Subject

from ..models import (
    AdConversion,
    CustomerActivity,
    CustomerProfile,
    Delivery,
    Feedback,
    JourneyRun,
    OnsiteMessage,
    ProfileRequest,
    SegmentMember,
    Suppression,
)
from ..summary import figures_of
from .likeness import forget_vectors
from .memberships import write_changes


def erase(subject: Subject) -> Mapping[str, int]:
    """Remove a subject's profile, activities and texts. Safe to call twice."""
    theirs = {"customer_id__in": _pks(subject)}
    return {
        "segment_memberships": _leave_segments(_pks(subject)),
        "onsite_messages": OnsiteMessage.objects.filter(**theirs).delete()[0],
        # That an address is not written to outlasts its customer; whose it was does not.
        "suppressions": Suppression.objects.filter(**theirs).update(customer=None),
        "deliveries": Delivery.objects.filter(**theirs).delete()[0],
        "journeys": JourneyRun.objects.filter(**theirs).delete()[0],
        "ad_conversions": AdConversion.objects.filter(**theirs).delete()[0],
        "feedback": _erase_feedback(theirs),
        "profiles": CustomerProfile.objects.filter(**theirs).delete()[0],
        "activities": CustomerActivity.objects.filter(**theirs).delete()[0],
        "profile_requests": ProfileRequest.objects.filter(**theirs).delete()[0],
        # Once the profile is gone, no vector is made any more.
        "customer_vectors": sum(forget_vectors(pk) for pk in _pks(subject)),
    }


def export(subject: Subject) -> Mapping[str, Any]:
    """Return the profile, activities and texts, as JSON values."""
    theirs = {"customer_id__in": _pks(subject)}
    profile = CustomerProfile.objects.filter(**theirs).first()
    members = SegmentMember.objects.filter(**theirs).select_related("segment").order_by("segment__name")
    credited = AdConversion.objects.filter(**theirs).select_related("creative").order_by("pk")
    return {
        "profile": figures_of(profile) if profile else None,
        "segments": [{"name": row.segment.name, "since": row.joined_at.isoformat()} for row in members],
        "campaigns": _campaigns(theirs),
        "messages_on_the_site": _onsite(theirs),
        "suppressions": [
            {"kind": row.kind, "since": row.created_at.isoformat()}
            for row in Suppression.objects.filter(**theirs, lifted_at=None).order_by("pk")
        ],
        "journeys": _journeys(theirs),
        "orders_after_advertisements": [
            {"title": row.creative.title, "clicked_at": row.clicked_at.isoformat()} for row in credited
        ],
        "feedback": _feedback(theirs),
        "activities": _activities(theirs),
    }


def _campaigns(theirs: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = Delivery.objects.filter(**theirs).select_related("campaign").order_by("pk")
    return [
        {
            "name": row.campaign.name,
            "state": row.state,
            "voucher": row.voucher_code,
            "sent_at": row.sent_at and row.sent_at.isoformat(),
        }
        for row in rows
    ]


def _onsite(theirs: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = OnsiteMessage.objects.filter(**theirs).order_by("pk")
    return [
        {"place": row.slot, "title": row.subject, "text": row.body, "n_views": row.n_views} for row in rows
    ]


def _journeys(theirs: Mapping[str, Any]) -> list[dict[str, Any]]:
    runs = JourneyRun.objects.filter(**theirs).select_related("journey").order_by("pk")
    return [
        {
            "name": run.journey.name,
            "state": run.state,
            "step": run.step,
            "began_at": run.entered_at.isoformat(),
            "ended_at": run.ended_at and run.ended_at.isoformat(),
        }
        for run in runs
    ]


def _feedback(theirs: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = Feedback.objects.filter(**theirs).prefetch_related("sentences__aspect").order_by("written_at")
    return [
        {
            "source": row.source,
            "title": row.title,
            "text": row.text,
            "rating": row.rating,
            "sentiment": row.sentiment,
            "negative_probability": row.negative_probability,
            "aspects": sorted({each.aspect.name for each in row.sentences.all() if each.aspect}),
            "written_at": row.written_at.isoformat(),
        }
        for row in rows
    ]


def _activities(theirs: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "type": row.type,
            "n": row.n,
            "first_at": row.first_at.isoformat(),
            "last_at": row.last_at.isoformat(),
        }
        for row in CustomerActivity.objects.filter(**theirs).order_by("type")
    ]


def _leave_segments(customer_pks: list[int]) -> int:
    """Leave no trace, and counts that are right."""
    rows = SegmentMember.objects.filter(customer_id__in=customer_pks).select_related("segment")
    members = list(rows.order_by("segment_id"))
    for member in members:
        write_changes(member.segment, joined=[], left=[member.customer_id], at=timezone.now())
    return len(members)


def _erase_feedback(theirs: Mapping[str, Any]) -> int:
    """Count the texts; their sentences go with them."""
    return Feedback.objects.filter(**theirs).delete()[1].get(Feedback._meta.label, 0)


def _pks(subject: Subject) -> list[int]:
    return [] if subject.customer_pk is None else [subject.customer_pk]
