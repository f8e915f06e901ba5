"""The admin pages of marketing, a module for each subject."""

from . import campaigns, profiles, segments

__all__ = ["campaigns", "profiles", "segments"]
