"""The endpoints of recommendations, a module for each subject."""

from .feedback import FeedbackView
from .pictures import PictureSearchView
from .recommendations import RecommendationsView
from .search import SearchView, SuggestionsView
from .seo import SeoView

__all__ = [
    "FeedbackView",
    "PictureSearchView",
    "RecommendationsView",
    "SearchView",
    "SeoView",
    "SuggestionsView",
]
