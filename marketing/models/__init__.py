"""The rows of marketing, a module for each subject."""

from .profiles import CustomerActivity, CustomerProfile, ProfileReference, ProfileRequest, Stage
from .segments import Segment, SegmentDay, SegmentMember

__all__ = [
    "CustomerActivity", "CustomerProfile", "ProfileReference", "ProfileRequest", "Segment", "SegmentDay",
    "SegmentMember", "Stage",
]  # fmt: skip
