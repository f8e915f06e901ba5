"""REST views of this scenario."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from ecomai.commerce.authentication import ApiKeyAuthentication, HasScope
from ecomai.rest import ApiView, json_response

from . import selectors
from .serializers import ProfileSerializer
from .summary import figures_of, sentences_of


class ProfileView(ApiView):
    """Who a customer is, for the shop's own programs; by the shop's own id."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("marketing:read"),)

    @extend_schema(responses=ProfileSerializer, tags=["marketing"], operation_id="ecomai_marketing_profile")
    def get(self, request: Request, customer_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        profile = selectors.get_profile(storefront=request.auth.storefront, external_id=customer_id)
        body = {"customer_id": customer_id, **figures_of(profile), "summary": sentences_of(profile)}
        return json_response(ProfileSerializer(body).data)
