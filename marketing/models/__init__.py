"""The rows of marketing, a module for each subject."""

from .campaigns import Campaign, CampaignVariant, Delivery
from .journeys import Journey, JourneyRun
from .profiles import CustomerActivity, CustomerProfile, ProfileReference, ProfileRequest, Stage
from .segments import Segment, SegmentDay, SegmentMember

__all__ = [
    "Campaign",
    "CampaignVariant",
    "CustomerActivity",
    "CustomerProfile",
    "Delivery",
    "Journey",
    "JourneyRun",
    "ProfileReference",
    "ProfileRequest",
    "Segment",
    "SegmentDay",
    "SegmentMember",
    "Stage",
]  # fmt: skip
