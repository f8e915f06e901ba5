"""`recommendations/seo/`: approved texts for search engines, for a shop that makes its own pages."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from ecomai.commerce.authentication import ApiKeyAuthentication
from ecomai.commerce.cross_origin import CrossOriginMixin
from ecomai.commerce.visitors import storefront_of
from ecomai.rest import ApiView, json_response

from .. import services
from ..item_rows import items_by_external_id
from ..permissions import MayAskForRecommendations
from ..serializers import SeoAnswerSerializer, SeoQuery
from ..throttles import PageThrottle


class SeoView(CrossOriginMixin, ApiView):
    """Approved titles and descriptions of items; what nobody approved is not in the answer."""

    authentication_classes = (ApiKeyAuthentication, SessionAuthentication)
    permission_classes = (MayAskForRecommendations,)
    throttle_classes = (PageThrottle,)

    @extend_schema(parameters=[SeoQuery], responses=SeoAnswerSerializer, tags=["recommendations"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        query = SeoQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        values = query.validated_data
        storefront = values.get("storefront") or storefront_of(request)
        items = items_by_external_id(values["items"], storefront=storefront)
        metas = services.seo_metas(items.values(), language=values.get("language", ""))
        texts = [
            {
                "item": external_id,
                "language": meta.language,
                "title": meta.title,
                "description": meta.description,
            }
            for external_id in values["items"]
            if external_id in items and (meta := metas.get(items[external_id].pk))
        ]
        return json_response({"texts": texts})
