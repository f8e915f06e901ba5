"""What our endpoints take and answer, a module for each subject."""

from .feedback import FeedbackSerializer, FeedbackTarget, GivenFeedbackSerializer
from .recommendations import AnswerSerializer, RecommendationQuery, answer_body, first_image, read_query
from .seo import SeoAnswerSerializer, SeoQuery

__all__ = [
    "AnswerSerializer",
    "FeedbackSerializer",
    "FeedbackTarget",
    "GivenFeedbackSerializer",
    "RecommendationQuery",
    "SeoAnswerSerializer",
    "SeoQuery",
    "answer_body",
    "first_image",
    "read_query",
]
