"""The tables of recommendations, a module for each subject."""

from .answers import Answer, BatchRecommendation, Source
from .feedback import Feedback
from .monitoring import DailyFigures, DriftReport
from .popularity import ItemPopularity
from .replays import Replay
from .search import SearchLog, Synonym
from .seo import SeoDraft

__all__ = [
    "Answer",
    "BatchRecommendation",
    "DailyFigures",
    "DriftReport",
    "Feedback",
    "ItemPopularity",
    "Replay",
    "SearchLog",
    "SeoDraft",
    "Source",
    "Synonym",
]
