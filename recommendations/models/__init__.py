"""The tables of recommendations, a module for each subject."""

from .answers import Answer, BatchRecommendation, Source
from .feedback import Feedback
from .popularity import ItemPopularity

__all__ = ["Answer", "BatchRecommendation", "Feedback", "ItemPopularity", "Source"]
