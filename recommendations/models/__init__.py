"""The tables of recommendations, a module for each subject."""

from .answers import CHOSEN, Answer, BatchRecommendation, Source
from .exposure import DailyExposure, Exploration, ItemExposure, TailItem
from .feedback import Feedback
from .monitoring import DailyFigures, DriftReport
from .pipelines import Pipeline, PipelineSource, Rule
from .popularity import ItemPopularity
from .replays import Replay
from .search import SearchLog, Synonym
from .seo import SeoDraft

__all__ = [
    "CHOSEN",
    "Answer",
    "BatchRecommendation",
    "DailyExposure",
    "DailyFigures",
    "DriftReport",
    "Exploration",
    "Feedback",
    "ItemExposure",
    "ItemPopularity",
    "Pipeline",
    "PipelineSource",
    "Replay",
    "Rule",
    "SearchLog",
    "SeoDraft",
    "Source",
    "Synonym",
    "TailItem",
]
