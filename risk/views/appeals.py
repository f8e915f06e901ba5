"""`risk/decisions/`: why something was decided, and an appeal against it, for the customer whose it is."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import FormParser, JSONParser
from rest_framework.request import Request

from ecomai.commerce.visitors import proven_customer_id, storefront_of
from ecomai.exceptions import EcomaiError
from ecomai.fusion.authentication import VisitorAuthentication
from ecomai.rest import ApiView, json_response

from ..models import Assessment
from ..permissions import MayAskAboutOwn
from ..serializers import AppealFormSerializer, DecisionQuery, ExplanationSerializer
from ..services import appeals
from ..throttles import AppealThrottle

PRIVATE = {"Cache-Control": "private, no-store"}


class DecisionView(ApiView):
    """A customer reads why something was decided, in the own language, and asks for another look.

    Whose it is comes from the login, the signed customer token or the signed token of the decision.
    """

    authentication_classes = (VisitorAuthentication,)
    permission_classes = (MayAskAboutOwn,)
    throttle_classes = (AppealThrottle,)
    parser_classes = (JSONParser, FormParser)

    @extend_schema(parameters=[DecisionQuery], responses=ExplanationSerializer, tags=["risk"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        query = DecisionQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return _answer(_own(request, query.validated_data))

    @extend_schema(request=AppealFormSerializer, responses=ExplanationSerializer, tags=["risk"])
    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Appeal. A form that names the page it came from is sent back there."""
        said = AppealFormSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        values = said.validated_data
        assessment = _own(request, values)
        back = _own_page(request, values.get("next", ""))
        try:
            appeals.file_appeal(assessment, text=values["text"])
        except EcomaiError as error:
            if back:
                return _back(back, error.code)
            raise
        return _back(back, "sent") if back else _answer(assessment)


def _own(request: Request, values: dict[str, Any]) -> Assessment:
    storefront = storefront_of(request)
    return appeals.own_assessment(
        kind=values["kind"], external_id=values["id"], storefront=storefront,
        customer_id=proven_customer_id(request, storefront=storefront), token=values.get("token", ""),
    )  # fmt: skip


def _answer(assessment: Assessment) -> HttpResponse:
    return json_response(ExplanationSerializer(appeals.explain(assessment)).data, headers=PRIVATE)


def _own_page(request: Request, address: str) -> str:
    """Return the address if it is a page of this shop, else ''."""
    is_own = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if is_own else ""


def _back(page: str, outcome: str) -> HttpResponse:
    page, _hash, _rest = page.partition("#")
    joint = "&" if "?" in page else "?"
    return HttpResponseRedirect(f"{page}{joint}{urlencode({'appeal': outcome})}#ecomai-decision")
