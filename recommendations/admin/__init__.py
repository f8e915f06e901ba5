"""The admin pages of recommendations, a module for each subject."""

from . import answers, feedback, monitoring, popularity

__all__ = ["answers", "feedback", "monitoring", "popularity"]
