"""What others ask of recommendations: answers, popularity, vectors of items."""

from ..catalogue import ItemFilter
from .answers import AnswerList, Pick, recommend
from .log import forget_old_answers
from .popularity import refresh_popularity, should_refresh_popularity
from .requests import parse_query, recommend_for_request
from .vectors import encode_items, request_encoding

__all__ = [
    "AnswerList",
    "ItemFilter",
    "Pick",
    "encode_items",
    "forget_old_answers",
    "parse_query",
    "recommend",
    "recommend_for_request",
    "refresh_popularity",
    "request_encoding",
    "should_refresh_popularity",
]
