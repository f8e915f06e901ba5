"""What others ask of recommendations: answers, popularity, vectors of items."""

from ..catalogue import ItemFilter
from ..past import MOST_SAID
from .answers import AnswerList, Pick, recommend
from .feedback import adopt_feedback, give_feedback, given_feedback, withdraw_feedback
from .log import forget_old_answers
from .monitoring import refresh_monitoring
from .popularity import refresh_popularity, should_refresh_popularity
from .requests import parse_query, recommend_for_request
from .vectors import encode_items, request_encoding

__all__ = [
    "MOST_SAID",
    "AnswerList",
    "ItemFilter",
    "Pick",
    "adopt_feedback",
    "encode_items",
    "forget_old_answers",
    "give_feedback",
    "given_feedback",
    "parse_query",
    "recommend",
    "recommend_for_request",
    "refresh_monitoring",
    "refresh_popularity",
    "request_encoding",
    "should_refresh_popularity",
    "withdraw_feedback",
]
