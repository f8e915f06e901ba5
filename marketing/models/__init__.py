"""The rows of marketing, a module for each subject."""

from .ads import AdConversion, AdCreative, AdGroup, AdSpend, AdTraffic
from .campaigns import Campaign, CampaignVariant, Delivery
from .journeys import Journey, JourneyRun
from .likeness import Cluster, Lookalike, VectorVersion
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
    "Cluster",
    "CustomerActivity",
    "CustomerProfile",
    "Delivery",
    "Journey",
    "JourneyRun",
    "Lookalike",
    "ProfileReference",
    "ProfileRequest",
    "Segment",
    "SegmentDay",
    "SegmentMember",
    "Stage",
    "VectorVersion",
]  # fmt: skip
