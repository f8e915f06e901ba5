"""`recommendations/search/`: what a visitor searches for, and what a visitor may be about to type."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from ecomai.commerce.authentication import ApiKeyAuthentication
from ecomai.commerce.cross_origin import CrossOriginMixin
from ecomai.commerce.visitors import storefront_of
from ecomai.rest import ApiView, json_response

from ..permissions import MayAskForRecommendations
from ..serializers.search import (
    SearchQuery,
    SearchSerializer,
    SuggestionsQuery,
    SuggestionsSerializer,
    read_search,
    search_body,
    suggestions_body,
)
from ..services.search import search_for_request, suggest
from ..throttles import PageThrottle


class SearchView(CrossOriginMixin, ApiView):
    """Items for what a visitor typed, with facets, and with a reason for each.

    A page asks with its publishable key, for its own visitor; a server asks with a secret key (scope
    `recommendations:read`) and says which customer it means.
    """

    authentication_classes = (ApiKeyAuthentication, SessionAuthentication)
    permission_classes = (MayAskForRecommendations,)
    throttle_classes = (PageThrottle,)

    @extend_schema(parameters=[SearchQuery], responses=SearchSerializer, tags=["search"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = search_for_request(request, read_search(request.query_params))
        return json_response(search_body(answer), headers={"Cache-Control": "private, no-store"})


class SuggestionsView(CrossOriginMixin, ApiView):
    """What may be meant by the first letters of a search: what led others somewhere, categories, items."""

    authentication_classes = (ApiKeyAuthentication, SessionAuthentication)
    permission_classes = (MayAskForRecommendations,)
    throttle_classes = (PageThrottle,)

    @extend_schema(parameters=[SuggestionsQuery], responses=SuggestionsSerializer, tags=["search"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        query = SuggestionsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = suggest(typed=query.validated_data["q"], storefront=storefront_of(request))
        return json_response(suggestions_body(found), headers={"Cache-Control": "private, max-age=30"})
