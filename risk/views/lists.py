"""`risk/lists/`: what is let through, stopped or watched, for the shop's server."""

from contextlib import suppress
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from ecomai.commerce.authentication import ApiKeyAuthentication, HasScope
from ecomai.exceptions import NotFoundError
from ecomai.rest import ApiView, json_response

from ..models import ListEntry
from ..serializers.lists import EntrySerializer, EntryTarget, ImportedSerializer, SentEntriesSerializer
from ..services import lists
from ..throttles import QuestionThrottle


class ListsView(ApiView):
    """Look a value up, put values on lists, take one off. A server's key with the scope `risk:lists`."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("risk:lists"),)
    throttle_classes = (QuestionThrottle,)

    @extend_schema(parameters=[EntryTarget], responses=EntrySerializer, tags=["risk"])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The list that a value is on; 404 where it is on none."""
        return json_response(EntrySerializer(_found(request)).data)

    @extend_schema(request=SentEntriesSerializer, responses=ImportedSerializer, tags=["risk"])
    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Put values on lists. Good ones are stored even where others are bad, which are named."""
        sent = SentEntriesSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        report = lists.put_many(
            sent.validated_data["entries"], storefront=request.auth.storefront, actor_label=str(request.auth)
        )
        answer = {"n_stored": report.n_stored, "n_bad": report.n_bad, "problems": report.problems}
        return json_response(answer)

    @extend_schema(parameters=[EntryTarget], responses={204: None}, tags=["risk"])
    def delete(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Take a value off its list; one that is on none is no error."""
        with suppress(NotFoundError):
            lists.take_off_list(entry=_found(request), actor_label=str(request.auth))
        return HttpResponse(status=204)


def _found(request: Request) -> ListEntry:
    target = EntryTarget(data=request.query_params)
    target.is_valid(raise_exception=True)
    key, _shown = lists.key_of(request.auth.storefront, **target.validated_data)
    entry = lists.in_force().filter(key=key).first()
    if entry is None:
        raise NotFoundError
    return entry
