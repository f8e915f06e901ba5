"""The rows of marketing, a module for each subject."""

from .ads import AdConversion, AdCreative, AdGroup, AdSpend, AdTraffic
from .campaigns import Campaign, CampaignVariant, Delivery
from .content import ContentDraft, ContentUse
from .journeys import Journey, JourneyRun
from .likeness import Cluster, Lookalike, VectorVersion
from .profiles import CustomerActivity, CustomerProfile, ProfileReference, ProfileRequest, Stage
from .segments import Segment, SegmentDay, SegmentMember
from .voice import Aspect, Feedback, FeedbackAspect, FeedSource, SaidBy, Sentiment, VoiceAlarm

__all__ = [
    "AdConversion",
    "AdCreative",
    "AdGroup",
    "AdSpend",
    "AdTraffic",
    "Aspect",
    "Campaign",
    "CampaignVariant",
    "Cluster",
    "ContentDraft",
    "ContentUse",
    "CustomerActivity",
    "CustomerProfile",
    "Delivery",
    "FeedSource",
    "Feedback",
    "FeedbackAspect",
    "Journey",
    "JourneyRun",
    "Lookalike",
    "ProfileReference",
    "ProfileRequest",
    "SaidBy",
    "Segment",
    "SegmentDay",
    "SegmentMember",
    "Sentiment",
    "Stage",
    "VectorVersion",
    "VoiceAlarm",
]  # fmt: skip
