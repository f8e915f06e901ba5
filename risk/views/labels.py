"""`risk/labels/`: what questions turned out to be."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from ecomai.commerce.authentication import ApiKeyAuthentication, HasScope
from ecomai.rest import ApiView, json_response

from ..serializers import LabelSerializer, SentLabelSerializer
from ..services import label_by_id
from ..throttles import QuestionThrottle


class LabelsView(ApiView):
    """A chargeback, or another word on what was assessed. The same reference again changes nothing."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("risk:label"),)
    throttle_classes = (QuestionThrottle,)

    @extend_schema(request=SentLabelSerializer, responses=LabelSerializer, tags=["risk"])
    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        sent = SentLabelSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        label = label_by_id(storefront=request.auth.storefront, **sent.validated_data)
        return json_response(LabelSerializer(label).data)
