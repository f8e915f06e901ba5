"""`recommendations/feedback/`: what visitors say about what they see."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from ecomai.commerce.authentication import ApiKeyAuthentication
from ecomai.commerce.cross_origin import CrossOriginMixin
from ecomai.commerce.visitors import Visitor, resolve_visitor
from ecomai.rest import ApiView, json_response

from .. import services
from ..permissions import MayGiveFeedback
from ..serializers import FeedbackSerializer, FeedbackTarget, GivenFeedbackSerializer
from ..throttles import PageThrottle


class FeedbackView(CrossOriginMixin, ApiView):
    """What the visitor says about items: not interested, already mine, less like this.

    A page calls with its publishable key (scope `events:write`), for its own visitor alone. The next answer
    honours it; `DELETE` takes it back.
    """

    authentication_classes = (ApiKeyAuthentication, SessionAuthentication)
    permission_classes = (MayGiveFeedback,)
    throttle_classes = (PageThrottle,)

    @extend_schema(responses=GivenFeedbackSerializer, tags=["recommendations"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Everything that the visitor has said, newest first."""
        given = services.given_feedback(_visitor(request, {}))[: services.MOST_SAID]
        headers = {"Cache-Control": "private, no-store"}
        return json_response({"feedback": FeedbackSerializer(given, many=True).data}, headers=headers)

    @extend_schema(request=FeedbackSerializer, responses=FeedbackSerializer, tags=["recommendations"])
    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        said = FeedbackSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        values = said.validated_data
        feedback = services.give_feedback(
            _visitor(request, values), item_id=values["item"]["external_id"], kind=values["kind"]
        )
        return json_response(FeedbackSerializer(feedback).data)

    @extend_schema(parameters=[FeedbackTarget], responses={204: None}, tags=["recommendations"])
    def delete(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Take back what was said about an item; saying nothing about it before is no error."""
        target = FeedbackTarget(data=request.query_params)
        target.is_valid(raise_exception=True)
        services.withdraw_feedback(_visitor(request, {}), item_id=target.validated_data["item"])
        return HttpResponse(status=204)


def _visitor(request: Request, sent: Mapping[str, Any]) -> Visitor:
    return resolve_visitor(
        request, customer_token=sent.get("customer_token", ""), session_id=sent.get("session_id", "")
    )
