"""The admin pages of marketing, a module for each subject."""

from . import ads, campaigns, content, journeys, messaging, pictures, profiles, segments, voice

__all__ = [
    "ads",
    "campaigns",
    "content",
    "journeys",
    "messaging",
    "pictures",
    "profiles",
    "segments",
    "voice",
]
