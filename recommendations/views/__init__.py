"""The endpoints of recommendations, a module for each subject."""

from .feedback import FeedbackView
from .recommendations import RecommendationsView

__all__ = ["FeedbackView", "RecommendationsView"]
