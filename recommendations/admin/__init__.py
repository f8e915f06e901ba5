"""The admin pages of recommendations, a module for each subject."""

from . import answers, feedback, popularity

__all__ = ["answers", "feedback", "popularity"]
