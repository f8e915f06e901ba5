"""The rows of marketing, a module for each subject."""

from .campaigns import Campaign, CampaignVariant, Delivery
from .profiles import CustomerActivity, CustomerProfile, ProfileReference, ProfileRequest, Stage
from .segments import Segment, SegmentDay, SegmentMember

__all__ = [
    "Campaign",
    "CampaignVariant",
    "CustomerActivity",
    "CustomerProfile",
    "Delivery",
    "ProfileReference",
    "ProfileRequest",
    "Segment",
    "SegmentDay",
    "SegmentMember",
    "Stage",
]  # fmt: skip
