"""REST: what a customer sees of oneself, and what the shop's servers may tell and ask."""

from typing import Any

from django.db import transaction
from django.utils.decorators import method_decorator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ecomai.commerce.authentication import ApiKeyAuthentication, HasScope
from ecomai.commerce.models import Customer
from ecomai.commerce.visitors import Visitor, resolve_visitor
from ecomai.exceptions import NotFoundError
from ecomai.rest import ApiView

from . import selectors, services
from .authentication import IsSecretKey, VisitorAuthentication, VisitorThrottle
from .exceptions import NotIdentifiedError
from .serializers import (
    ConfirmationSerializer,
    ConsentSerializer,
    CustomerRefSerializer,
    ServerConsentSerializer,
    SessionLinkSerializer,
)


class MeView(ApiView):
    """Base of what a visitor may ask about oneself.

    Whose data it is comes from the login, the signed customer token or the session alone; no address
    and no body can name a customer.
    """

    authentication_classes = (VisitorAuthentication,)
    throttle_classes = (VisitorThrottle,)

    def visitor(self) -> Visitor:
        return resolve_visitor(self.request)

    def customer(self) -> Customer:
        customer = self.visitor().customer
        if customer is None:
            raise NotIdentifiedError()
        return customer


class MyExportView(MeView):
    @extend_schema(responses={200: dict}, summary="Everything known of the customer who asks")
    def get(self, request: Request) -> Response:
        customer = self.customer()
        known = services.export_customer(
            storefront=customer.storefront, external_id=customer.external_id, actor_label="the customer"
        )
        return Response(
            known,
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": 'attachment; filename="my-data.json"',
            },
        )


class MyConsentsView(MeView):
    """Consents of the customer, or of the anonymous session that has not been identified yet."""

    def whose(self) -> dict[str, Any]:
        visitor = self.visitor()
        is_linked = selectors.customer_of_session(
            session_id=visitor.session_id, storefront=visitor.storefront
        )
        if visitor.customer is None and (not visitor.session_id or is_linked):
            raise NotIdentifiedError()  # knowing a customer's session is no login
        return {
            "customer": visitor.customer,
            "session_id": "" if visitor.customer else visitor.session_id,
            "storefront": visitor.storefront,
        }

    @extend_schema(responses={200: dict}, summary="What counts now, by purpose and channel")
    def get(self, request: Request) -> Response:
        return Response(
            {"consents": selectors.current_consents(**self.whose())}, headers={"Cache-Control": "no-store"}
        )

    @extend_schema(request=ConsentSerializer, responses={201: dict}, summary="Give or withdraw a consent")
    def post(self, request: Request) -> Response:
        whose = self.whose()
        answer = ConsentSerializer(data=request.data)
        answer.is_valid(raise_exception=True)
        services.record_consent(**answer.validated_data, **whose, source="customer")
        return Response({"consents": selectors.current_consents(**whose)}, status=201)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class MyErasureView(MeView):
    @extend_schema(
        request=ConfirmationSerializer, responses={200: dict}, summary="Erase the customer who asks"
    )
    def post(self, request: Request) -> Response:
        customer = self.customer()
        ConfirmationSerializer(data=request.data).is_valid(raise_exception=True)
        receipt = services.erase_customer(
            storefront=customer.storefront, external_id=customer.external_id, actor_label="the customer"
        )
        return Response({"receipt": receipt.pk, "customer": receipt.subject_digest, "state": receipt.state})


class ServerView(ApiView):
    """Base of what the shop's servers may do, with a secret key of scope `fusion:write`."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope("fusion:write"), IsSecretKey)

    @property
    def storefront(self) -> str:
        """The key's own: a key never reaches another storefront."""
        key: Any = self.request.auth
        return str(key.storefront)

    def customer(self, external_id: str) -> Customer:
        customer = Customer.objects.filter(storefront=self.storefront, external_id=external_id).first()
        if customer is None:
            raise NotFoundError()
        return customer

    def label(self) -> str:
        return f"API key {self.request.auth}"


class ServerConsentView(ServerView):
    @extend_schema(
        request=ServerConsentSerializer, responses={201: dict}, summary="Record a consent for a customer"
    )
    def post(self, request: Request) -> Response:
        answer = ServerConsentSerializer(data=request.data)
        answer.is_valid(raise_exception=True)
        values = dict(answer.validated_data)
        external_id, session_id = values.pop("customer"), values.pop("session")
        record = services.record_consent(
            customer=self.customer(external_id) if external_id else None,
            session_id=session_id, storefront=self.storefront, **values,
        )  # fmt: skip
        return Response({"recorded_at": record.recorded_at}, status=201)


class ServerSessionLinkView(ServerView):
    @extend_schema(request=SessionLinkSerializer, responses={200: dict}, summary="Say whose a session is")
    def post(self, request: Request) -> Response:
        body = SessionLinkSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        link = services.link_session(
            session_id=values["session"],
            customer=self.customer(values["customer"]),
            storefront=self.storefront,
        )
        return Response({"linked_at": link.linked_at})


class ServerExportView(ServerView):
    @extend_schema(
        request=CustomerRefSerializer, responses={200: dict}, summary="Everything known of a customer"
    )
    def post(self, request: Request) -> Response:
        body = CustomerRefSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        known = services.export_customer(
            storefront=self.storefront, external_id=values["customer"], actor_label=self.label()
        )
        return Response(known, headers={"Cache-Control": "no-store"})


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class ServerErasureView(ServerView):
    @extend_schema(request=CustomerRefSerializer, responses={200: dict}, summary="Erase a customer")
    def post(self, request: Request) -> Response:
        body = CustomerRefSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = body.validated_data
        receipt = services.erase_customer(
            storefront=self.storefront, external_id=values["customer"], actor_label=self.label()
        )
        return Response({"receipt": receipt.pk, "customer": receipt.subject_digest, "state": receipt.state})
