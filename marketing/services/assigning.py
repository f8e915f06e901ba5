"""Who of a segment gets what: the holdout, a text, or nothing where it would bring too little."""

from collections.abc import Sequence

from django.db.models import QuerySet

from ..models import Campaign, CampaignVariant, Delivery, SegmentMember
from .drawing import choose_variant, is_held_out
from .targeting import Targeting

State = Delivery.State
ASSIGNED_AT_ONCE = 2000


def assign(campaign: Campaign) -> int:
    """Write a row for each customer of the segment who may be addressed; a second call writes nothing new."""
    variants = list(campaign.variants.order_by("pk"))
    members = members_of(campaign)
    targeting = Targeting(campaign, variants)
    last = 0
    n = 0
    while batch := list(
        members.filter(customer_id__gt=last)
        .order_by("customer_id")
        .values_list("customer_id", flat=True)[:ASSIGNED_AT_ONCE]
    ):
        last = batch[-1]
        rows = targeting.apply([_row(campaign, variants, pk) for pk in batch])
        n += len(Delivery.objects.bulk_create(rows, ignore_conflicts=True))
    Campaign.objects.filter(pk=campaign.pk).update(is_assigned=True)
    return n


def members_of(campaign: Campaign) -> QuerySet[SegmentMember]:
    """Return who of the segment may be addressed in the campaign's storefront."""
    return SegmentMember.objects.filter(
        segment=campaign.segment, customer__marketing_profile__has_consent=True,
        customer__storefront=campaign.storefront,
    )  # fmt: skip


def _row(campaign: Campaign, variants: Sequence[CampaignVariant], customer_pk: int) -> Delivery:
    if is_held_out(campaign, customer_pk):
        return Delivery(campaign=campaign, customer_id=customer_pk, state=State.HELD_OUT)
    chosen = choose_variant(campaign, variants, customer_pk)
    return Delivery(campaign=campaign, customer_id=customer_pk, variant=chosen, state=State.WAITING)
