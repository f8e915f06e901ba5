"""`marketing/texts/`: approved texts of items, for a shop's own pages and feeds."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from ecomai.commerce.authentication import ApiKeyAuthentication, HasScope
from ecomai.rest import ApiView, json_response

from . import selectors
from .content_serializers import TextsQuery, TextsSerializer


class TextsView(ApiView):
    """Approved texts of items; one whose item has changed since is not in the answer."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("marketing:read"),)

    @extend_schema(
        parameters=[TextsQuery], responses=TextsSerializer, tags=["marketing"],
        operation_id="ecomai_marketing_texts",
    )  # fmt: skip
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        query = TextsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        drafts = selectors.approved_texts(storefront=request.auth.storefront, **query.validated_data)
        texts = [
            {
                "id": draft.pk, "item": external_id, "kind": draft.kind,
                "language": draft.language, "variant": draft.number, "text": draft.text,
            }
            for external_id, draft in drafts
        ]  # fmt: skip
        return json_response({"texts": texts})
