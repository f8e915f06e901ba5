"""`risk/assessments/`: a question, and its answer."""

import time
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from ecomai.commerce.authentication import ApiKeyAuthentication, HasScope
from ecomai.rest import ApiView, json_response

from .. import services
from ..parsers import QuestionParser, read_question
from ..selectors import get_assessment
from ..serializers import QuestionSerializer, RiskAnswerSerializer, answer_body
from ..throttles import QuestionThrottle


class AssessmentsView(ApiView):
    """Whether to trust: asked by the shop's server before something goes through.

    It always answers with a decision; `answered_by` says who made it. The same id with other contents is a
    conflict (409), and the first answer stands.
    """

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("risk:assess"),)
    throttle_classes = (QuestionThrottle,)
    parser_classes = (QuestionParser,)

    @extend_schema(
        request={"application/json": QuestionSerializer}, responses=RiskAnswerSerializer, tags=["risk"],
        operation_id="ecomai_risk_assess",
    )  # fmt: skip
    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        question = read_question(request.data or b"", storefront=request.auth.storefront)
        started = time.perf_counter()
        response = json_response(answer_body(services.assess(question)))
        # With the commit, which the answer itself cannot know.
        response.headers["Server-Timing"] = f"assess;dur={(time.perf_counter() - started) * 1000:.2f}"
        return response


class AssessmentView(ApiView):
    """The answer that was given, and what it turned out to be."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("risk:assess"),)
    throttle_classes = (QuestionThrottle,)

    @extend_schema(responses=RiskAnswerSerializer, tags=["risk"], operation_id="ecomai_risk_assessment")
    def get(self, request: Request, kind: str, external_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        row = get_assessment(storefront=request.auth.storefront, kind=kind, external_id=external_id)
        return json_response(answer_body(row))
