"""The admin pages of marketing, a module for each subject."""

from . import profiles, segments

__all__ = ["profiles", "segments"]
