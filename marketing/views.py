"""REST views of this scenario."""

from types import MappingProxyType
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ecomai.commerce.authentication import ApiKeyAuthentication, HasScope
from ecomai.commerce.cross_origin import CrossOriginMixin
from ecomai.commerce.models import Customer
from ecomai.commerce.serializers import BatchResultSerializer
from ecomai.commerce.views import ONLY_ERRORS, BatchView
from ecomai.commerce.visitors import customer_id_of_login
from ecomai.exceptions import NotFoundError
from ecomai.fusion.authentication import IsSecretKey, VisitorAuthentication
from ecomai.fusion.exceptions import NotIdentifiedError
from ecomai.rest import ApiView, NewestFirstPagination, json_response

from . import selectors
from .models import Campaign, Segment, SegmentMember
from .pages import preferences as preferences_pages
from .serializers import (
    AdAnswerSerializer,
    AdBudgetsSerializer,
    AdGroupInSerializer,
    AdGroupSerializer,
    AdGroupStateSerializer,
    AdsQuery,
    CampaignSerializer,
    FeedbackBatchSerializer,
    MailProblemBatchSerializer,
    MemberSerializer,
    MembershipSerializer,
    OnsiteActResultSerializer,
    OnsiteActSerializer,
    OnsiteAnswerSerializer,
    OnsiteQuery,
    ProfileSerializer,
    ReportSerializer,
    SeenResultSerializer,
    SeenSerializer,
    SegmentSerializer,
    TextsQuery,
    TextsSerializer,
)
from .services import ads, onsite, unsubscribing
from .services.ads import groups
from .services.ads.requests import choose_for_request, is_person
from .services.bounces import take_problems
from .services.voice import take_feedback
from .summary import figures_of, sentences_of
from .throttles import AdThrottle, OnsiteThrottle


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


class FeedbackView(BatchView):
    """What customers write: reviews, chats and texts from outside, by the shop's server."""

    permission_classes = (HasScope("feedback:write"),)
    rows_name = "feedback"
    service = staticmethod(take_feedback)

    @extend_schema(
        operation_id="ecomai_marketing_feedback",
        summary="Send what customers write",
        request=FeedbackBatchSerializer,
        responses=BatchResultSerializer,
        parameters=[ONLY_ERRORS],
        tags=["marketing"],
    )
    def post(self, request: Request) -> Response:
        return self.take(request)


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


class AdGroupsView(ApiView):
    """Ad groups of the key's storefront with what they brought, newest first, for the shop's own programs."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("marketing:read"),)

    @extend_schema(
        responses=AdGroupSerializer(many=True), tags=["marketing"], operation_id="ecomai_marketing_ad_groups"
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        paginator = NewestFirstPagination()
        counted = selectors.counted_ad_groups(request.auth.storefront)
        rows = paginator.paginate_queryset(counted, request, view=self)
        return paginator.get_paginated_response(AdGroupSerializer(rows, many=True).data)


class AdGroupsWriteView(ApiView):
    """Drafts of ad groups, by the shop's server. A person approves the advertisements."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("ads:write"),)

    @extend_schema(
        request=AdGroupInSerializer, responses={201: AdGroupStateSerializer}, tags=["marketing"],
        operation_id="ecomai_marketing_ad_group_create",
    )  # fmt: skip
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        storefront = request.auth.storefront
        written = AdGroupInSerializer(data=request.data, context={"storefront": storefront})
        written.is_valid(raise_exception=True)
        group = groups.create_group_with_creatives(storefront=storefront, **written.validated_data)
        return Response(AdGroupStateSerializer(group).data, status=201)


class AdGroupView(ApiView):
    """The budgets of a group of the key's storefront."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("ads:write"),)

    @extend_schema(
        request=AdBudgetsSerializer, responses=AdGroupStateSerializer, tags=["marketing"],
        operation_id="ecomai_marketing_ad_group_budgets",
    )  # fmt: skip
    def patch(self, request: Request, pk: int, *args: Any, **kwargs: Any) -> Response:
        group = selectors.get_ad_group(pk, storefront=request.auth.storefront)
        wanted = AdBudgetsSerializer(data=request.data, partial=True)
        wanted.is_valid(raise_exception=True)
        group = groups.set_budgets(group, **wanted.validated_data)
        return Response(AdGroupStateSerializer(group).data)


class AdGroupActView(ApiView):
    """Start, pause or end a group of the key's storefront."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("ads:write"),)
    acts = MappingProxyType(
        {"start": groups.start_group, "pause": groups.pause_group, "end": groups.end_group}
    )

    @extend_schema(
        request=None, responses=AdGroupStateSerializer, tags=["marketing"],
        operation_id="ecomai_marketing_ad_group_act",
    )  # fmt: skip
    def post(self, request: Request, pk: int, act: str, *args: Any, **kwargs: Any) -> Response:
        if act not in self.acts:
            raise NotFoundError
        group = self.acts[act](selectors.get_ad_group(pk, storefront=request.auth.storefront))
        return Response(AdGroupStateSerializer(group).data)


class AdsView(CrossOriginMixin, ApiView):
    """Advertisements for a place of a page and its visitor."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("ads:read"),)
    throttle_classes = (AdThrottle,)

    @extend_schema(
        parameters=[AdsQuery], responses=AdAnswerSerializer, tags=["marketing"],
        operation_id="ecomai_marketing_ads",
    )  # fmt: skip
    def get(self, request: Request, placement: str, *args: Any, **kwargs: Any) -> HttpResponse:
        query = AdsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        answer = choose_for_request(request, placement=placement, n=query.validated_data["n"])
        return json_response(AdAnswerSerializer(answer).data, headers={"Cache-Control": "private, no-store"})


class AdsSeenView(CrossOriginMixin, ApiView):
    """A page says which advertisements its visitor saw; each counts once, a forged one never."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("events:write"),)
    throttle_classes = (AdThrottle,)

    @extend_schema(
        request=SeenSerializer, responses=SeenResultSerializer, tags=["marketing"],
        operation_id="ecomai_marketing_ads_seen",
    )  # fmt: skip
    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        body = SeenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        n_counted = ads.record_seen(body.validated_data["tokens"]) if is_person(request) else 0
        return json_response({"n_counted": n_counted})


@never_cache
@require_http_methods(["GET", "HEAD"])
def ad_click_view(request: HttpRequest, token: str) -> HttpResponse:
    """Count the click and lead on to what the advertisement names; nothing in the request says where."""
    try:
        address = ads.follow_click(token, is_counted=request.method == "GET" and is_person(request))
    except NotFoundError:
        raise Http404 from None
    return HttpResponseRedirect(address, headers={"Referrer-Policy": "no-referrer-when-downgrade"})


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


# -- bounces, reports --------------------------------------------------------------------------


class BouncesView(BatchView):
    """Bounces and complaints, by whoever reads the mail server's answers."""

    permission_classes = (HasScope("bounces:write"), IsSecretKey)
    rows_name = "bounces"
    service = staticmethod(take_problems)

    @extend_schema(
        operation_id="ecomai_marketing_bounces",
        summary="Tell of mails that bounced or brought a complaint",
        request=MailProblemBatchSerializer,
        responses=BatchResultSerializer,
        parameters=[ONLY_ERRORS],
        tags=["marketing"],
    )
    def post(self, request: Request) -> Response:
        return self.take(request)


class CampaignsView(ApiView):
    """Campaigns of the key's storefront, newest first, for the shop's own programs."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("marketing:read"),)

    @extend_schema(
        responses=CampaignSerializer(many=True), tags=["marketing"],
        operation_id="ecomai_marketing_campaigns",
    )  # fmt: skip
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        paginator = NewestFirstPagination()
        campaigns = Campaign.objects.filter(journey=None, storefront=request.auth.storefront)
        rows = paginator.paginate_queryset(campaigns, request, view=self)
        return paginator.get_paginated_response(CampaignSerializer(rows, many=True).data)


class ReportView(ApiView):
    """What a campaign or a journey brought, and what is left after its cost."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("marketing:read"),)
    read = staticmethod(selectors.campaign_report)

    @extend_schema(responses=ReportSerializer, tags=["marketing"])
    def get(self, request: Request, pk: int, *args: Any, **kwargs: Any) -> HttpResponse:
        found = type(self).read(pk=pk, storefront=request.auth.storefront)
        return json_response(ReportSerializer(found).data)


class CampaignReportView(ReportView):
    @extend_schema(
        responses=ReportSerializer, tags=["marketing"], operation_id="ecomai_marketing_campaign_report"
    )
    def get(self, request: Request, pk: int, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().get(request, pk)


class JourneyReportView(ReportView):
    read = staticmethod(selectors.journey_report)

    @extend_schema(
        responses=ReportSerializer, tags=["marketing"], operation_id="ecomai_marketing_journey_report"
    )
    def get(self, request: Request, pk: int, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().get(request, pk)


# -- on the site -------------------------------------------------------------------------------


class OnsiteView(CrossOriginMixin, ApiView):
    """What waits at a place of the site for the customer who asks; nobody else sees it."""

    authentication_classes = (ApiKeyAuthentication, VisitorAuthentication)
    throttle_classes = (OnsiteThrottle,)

    @extend_schema(
        parameters=[OnsiteQuery], responses=OnsiteAnswerSerializer, tags=["marketing"],
        operation_id="ecomai_marketing_onsite",
    )  # fmt: skip
    def get(self, request: Request, slot: str, *args: Any, **kwargs: Any) -> HttpResponse:
        query = OnsiteQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        customer = _known_customer(request)
        messages = onsite.waiting_messages(customer, slot=slot, n=query.validated_data["n"])
        body = OnsiteAnswerSerializer({"slot": slot, "messages": messages}).data
        return json_response(body, headers={"Cache-Control": "private, no-store"})


class OnsiteActView(CrossOriginMixin, ApiView):
    """The customer saw, clicked or dismissed a message; a token of somebody else is not found."""

    authentication_classes = (ApiKeyAuthentication, VisitorAuthentication)
    throttle_classes = (OnsiteThrottle,)

    @extend_schema(
        request=OnsiteActSerializer, responses=OnsiteActResultSerializer, tags=["marketing"],
        operation_id="ecomai_marketing_onsite_act",
    )  # fmt: skip
    def post(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        customer = _known_customer(request)
        body = OnsiteActSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        message = onsite.record_act(customer, **body.validated_data)
        return json_response({"url": onsite.target_of(message)})


def _known_customer(request: Request) -> Customer:
    """Return who asks; raises NotIdentifiedError for anybody who is not proven to be a customer."""
    customer = onsite.customer_of_request(request)
    if customer is None:
        raise NotIdentifiedError
    return customer


# -- preferences -------------------------------------------------------------------------------


# The signed link is the proof, as for unsubscribing.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preferences_of_view(request: HttpRequest, token: str) -> HttpResponse:
    """What a customer wants to hear of, by the link below a mail."""
    try:
        customer = unsubscribing.customer_of(token)
    except NotFoundError:
        raise Http404 from None
    return preferences_pages.answer(request, customer, token=token)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def preferences_view(request: HttpRequest) -> HttpResponse:
    """The same for a customer who is logged in."""
    external_id = customer_id_of_login(request)
    if not external_id:
        return redirect_to_login(request.get_full_path())
    customer, _created = Customer.objects.get_or_create(storefront="", external_id=external_id)
    return preferences_pages.answer(request, customer)
