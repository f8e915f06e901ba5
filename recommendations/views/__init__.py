"""The endpoints of recommendations, a module for each subject."""

from .feedback import FeedbackView
from .pictures import PictureSearchView
from .recommendations import RecommendationsView
from .search import SearchView, SuggestionsView

__all__ = ["FeedbackView", "PictureSearchView", "RecommendationsView", "SearchView", "SuggestionsView"]
