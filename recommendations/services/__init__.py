"""What others ask of recommendations: answers, popularity, vectors of items."""

from ..catalogue import ItemFilter
from ..past import MOST_SAID
from .answers import AnswerList, Pick, recommend
from .feedback import adopt_feedback, give_feedback, given_feedback, withdraw_feedback
from .log import forget_old_answers
from .monitoring import refresh_monitoring
from .picture_vectors import encode_pictures, request_picture_encoding
from .pictures import (
    PictureAnswer,
    can_search_by_picture,
    check_can_search,
    count_pictures,
    search_by_picture,
)
from .popularity import refresh_popularity, should_refresh_popularity
from .requests import parse_query, recommend_for_request
from .seo import SeoMeta, compose_drafts, seo_meta, seo_metas
from .vectors import encode_items, request_encoding

__all__ = [
    "MOST_SAID",
    "AnswerList",
    "ItemFilter",
    "Pick",
    "PictureAnswer",
    "SeoMeta",
    "adopt_feedback",
    "can_search_by_picture",
    "check_can_search",
    "compose_drafts",
    "count_pictures",
    "encode_items",
    "encode_pictures",
    "forget_old_answers",
    "give_feedback",
    "given_feedback",
    "parse_query",
    "recommend",
    "recommend_for_request",
    "refresh_monitoring",
    "refresh_popularity",
    "request_encoding",
    "request_picture_encoding",
    "search_by_picture",
    "seo_meta",
    "seo_metas",
    "should_refresh_popularity",
    "withdraw_feedback",
]
