"""The rows of marketing, a module for each subject."""

from .ads import AdConversion, AdCreative, AdGroup, AdSpend, AdTraffic
from .campaigns import Campaign, CampaignVariant, Delivery
from .channels import Channel, MailProblem, OnsiteMessage, Suppression, Topic, WebhookEndpoint
from .content import ContentDraft, ContentUse
from .journeys import Journey, JourneyRun
from .likeness import Cluster, Lookalike, VectorVersion
from .pictures import PictureDraft
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
    "Channel",
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
    "MailProblem",
    "OnsiteMessage",
    "PictureDraft",
    "ProfileReference",
    "ProfileRequest",
    "SaidBy",
    "Segment",
    "SegmentDay",
    "SegmentMember",
    "Sentiment",
    "Stage",
    "Suppression",
    "Topic",
    "VectorVersion",
    "VoiceAlarm",
    "WebhookEndpoint",
]  # fmt: skip
