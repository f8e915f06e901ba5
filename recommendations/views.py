"""`GET recommendations/`."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from ecomai.commerce.authentication import ApiKeyAuthentication
from ecomai.commerce.cross_origin import CrossOriginMixin
from ecomai.rest import ApiView

from . import services
from .permissions import MayAskForRecommendations
from .serializers import AnswerSerializer, RecommendationQuery, answer_body
from .throttles import PageThrottle


class RecommendationsView(CrossOriginMixin, ApiView):
    """Recommended items for the visitor, beside an item, or with a basket.

    A page asks with its publishable key and gets the answer of its own visitor; a server asks with a
    secret key (scope `recommendations:read`) and says which customer it means.
    """

    authentication_classes = (ApiKeyAuthentication, SessionAuthentication)
    permission_classes = (MayAskForRecommendations,)
    throttle_classes = (PageThrottle,)

    @extend_schema(parameters=[RecommendationQuery], responses=AnswerSerializer, tags=["recommendations"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        query = RecommendationQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        answer = services.recommend_for_request(request, **services.parse_query(query.validated_data))
        return Response(answer_body(answer), headers={"Cache-Control": "private, no-store"})
