"""Search by words and by meaning: answers, suggestions, synonyms, and what was searched for."""

from .answers import SORTS, Hit, SearchAnswer, Why, forget, search
from .facets import Choice, Facet, SearchFilter
from .log import PROPERTY, QueryFigures, forget_old_searches, queries_in_vain, searches_by, top_queries
from .requests import filters_of, search_for_request
from .suggestions import Suggestions, suggest
from .synonyms import propose_synonyms
from .wishes import Wish

__all__ = [
    "PROPERTY",
    "SORTS",
    "Choice",
    "Facet",
    "Hit",
    "QueryFigures",
    "SearchAnswer",
    "SearchFilter",
    "Suggestions",
    "Why",
    "Wish",
    "filters_of",
    "forget",
    "forget_old_searches",
    "propose_synonyms",
    "queries_in_vain",
    "search",
    "search_for_request",
    "searches_by",
    "suggest",
    "top_queries",
]
