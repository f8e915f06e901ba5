"""The rows of marketing, a module for each subject."""

from .ads import AdConversion, AdCreative, AdGroup, AdSpend, AdTraffic
from .campaigns import Campaign, CampaignVariant, Delivery
from .journeys import Journey, JourneyRun
from .profiles import CustomerActivity, CustomerProfile, ProfileReference, ProfileRequest, Stage
from .segments import Segment, SegmentDay, SegmentMember

__all__ = [
    "AdConversion",
    "AdCreative",
    "AdGroup",
    "AdSpend",
    "AdTraffic",
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
