"""The admin pages of marketing, a module for each subject."""

from . import campaigns, journeys, profiles, segments

__all__ = ["campaigns", "journeys", "profiles", "segments"]
