"""`recommendations/`: items for a visitor, beside an item, with a basket."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from ecomai.commerce.authentication import ApiKeyAuthentication
from ecomai.commerce.cross_origin import CrossOriginMixin
from ecomai.rest import ApiView, json_response

from .. import services
from ..permissions import MayAskForRecommendations
from ..serializers import AnswerSerializer, RecommendationQuery, answer_body, read_query
from ..throttles import PageThrottle


class RecommendationsView(CrossOriginMixin, ApiView):
    """Recommended items for the visitor, beside an item, or with a basket.

    A page asks with its publishable key and gets the answer of its own visitor; a server asks with a
    secret key (scope `recommendations:read`) and says which customer it means.
    """

    authentication_classes = (ApiKeyAuthentication, SessionAuthentication)
    permission_classes = (MayAskForRecommendations,)
    throttle_classes = (PageThrottle,)

    @extend_schema(parameters=[RecommendationQuery], responses=AnswerSerializer, tags=["recommendations"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        query = read_query(request.query_params)
        answer = services.recommend_for_request(request, **services.parse_query(query))
        return json_response(answer_body(answer), headers={"Cache-Control": "private, no-store"})
