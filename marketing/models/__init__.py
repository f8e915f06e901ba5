"""The rows of marketing, a module for each subject."""

from .profiles import CustomerActivity, CustomerProfile, ProfileReference, ProfileRequest, Stage

__all__ = ["CustomerActivity", "CustomerProfile", "ProfileReference", "ProfileRequest", "Stage"]
