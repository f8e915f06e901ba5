"""REST views of this scenario."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ecomai.commerce.authentication import ApiKeyAuthentication, HasScope
from ecomai.exceptions import NotFoundError
from ecomai.rest import ApiView, NewestFirstPagination, json_response

from . import selectors
from .models import Segment, SegmentMember
from .serializers import MemberSerializer, MembershipSerializer, ProfileSerializer, SegmentSerializer
from .services import unsubscribing
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


class SegmentsView(ApiView):
    """Segments in use, newest first, for the shop's own programs."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("marketing:read"),)

    @extend_schema(
        responses=SegmentSerializer(many=True), tags=["marketing"], operation_id="ecomai_marketing_segments"
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        paginator = NewestFirstPagination()
        rows = paginator.paginate_queryset(Segment.objects.filter(is_archived=False), request, view=self)
        return paginator.get_paginated_response(SegmentSerializer(rows, many=True).data)


class MembersPagination(NewestFirstPagination):
    """Along the index of a segment's customers."""

    ordering = "customer_id"


class MembersView(ApiView):
    """Who is in a segment, of the key's storefront, by the shop's own ids."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("marketing:read"),)

    @extend_schema(
        responses=MemberSerializer(many=True), tags=["marketing"], operation_id="ecomai_marketing_members"
    )
    def get(self, request: Request, slug: str, *args: Any, **kwargs: Any) -> Response:
        segment = selectors.get_segment(slug)
        members = SegmentMember.objects.filter(segment=segment, customer__storefront=request.auth.storefront)
        paginator = MembersPagination()
        rows = paginator.paginate_queryset(members.select_related("customer"), request, view=self)
        return paginator.get_paginated_response(MemberSerializer(rows, many=True).data)


class MembershipView(ApiView):
    """Whether a customer is in a segment; one who is not known is in none."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("marketing:read"),)

    @extend_schema(
        responses=MembershipSerializer, tags=["marketing"], operation_id="ecomai_marketing_membership"
    )
    def get(self, request: Request, slug: str, customer_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        segment = selectors.get_segment(slug)
        storefront = request.auth.storefront
        is_in = selectors.is_member(segment, storefront=storefront, external_id=customer_id)
        return json_response({"segment": segment.slug, "customer_id": customer_id, "is_member": is_in})


# The signed link is the proof; a mail program that follows it for its user (RFC 8058) has no cookie.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe_view(request: HttpRequest, token: str) -> HttpResponse:
    """Ask once more on a GET, as mail scanners follow links, and do it on a POST."""
    try:
        if request.method == "POST":
            unsubscribing.unsubscribe(token)
        else:
            unsubscribing.customer_of(token)
    except NotFoundError:
        raise Http404 from None
    context = {"is_done": request.method == "POST"}
    return render(request, "ecomai/marketing/unsubscribe.html", context)
