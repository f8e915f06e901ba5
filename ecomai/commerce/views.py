"""The endpoints that take the shop's data in; each is a few lines over a service."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ecomai.exceptions import InvalidInputError
from ecomai.rest import ApiView

from . import services
from .app_settings import app_settings
from .authentication import ApiKeyAuthentication, HasScope
from .cross_origin import CrossOriginMixin
from .exceptions import TooManyRowsError
from .models import ApiKey
from .parsers import BoundedJSONParser, BoundedParser, read_events, read_json, refuse_large_body
from .records import RowResult, count_statuses
from .serializers import (
    BatchResultSerializer,
    CustomerBatchSerializer,
    EventBatchSerializer,
    ItemBatchSerializer,
    OrderBatchSerializer,
)
from .throttles import KeyAndAddressThrottle, WriteThrottle
from .visitors import Visitor, resolve_visitor

ONLY_ERRORS = OpenApiParameter(
    "results", str, enum=["all", "errors"], description="`errors` leaves out what was taken."
)
CLOCK_ERROR = timedelta(seconds=30)


class BatchView(ApiView):
    """A POST of rows under one name (`rows_name`), or of a bare list; answers per row."""

    authentication_classes = (ApiKeyAuthentication,)
    throttle_classes = (WriteThrottle,)
    parser_classes = (BoundedJSONParser,)
    rows_name = "rows"
    service: Callable[..., list[RowResult]]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_large_body(request)

    def take(self, request: Request) -> Response:
        results = type(self).service(
            self.rows(request.data), storefront=request.auth.storefront, source=f"POST {request.path}"
        )
        return answer(request, results)

    def rows(self, body: Any) -> list[Any]:
        rows = body.get(self.rows_name) if isinstance(body, dict) else body
        if not isinstance(rows, list):
            raise InvalidInputError(
                reason=_("a list called “%(name)s” is missing.") % {"name": self.rows_name}
            )
        return bounded(rows)


class EventsView(CrossOriginMixin, BatchView):
    """Events of pages (publishable key) and servers (secret key)."""

    permission_classes = (HasScope("events:write"),)
    throttle_classes = (KeyAndAddressThrottle,)
    parser_classes = (BoundedParser,)
    rows_name = "events"

    @extend_schema(
        operation_id="ecomai_events_create",
        summary="Send events",
        request=EventBatchSerializer,
        responses=BatchResultSerializer,
        parameters=[ONLY_ERRORS],
    )
    def post(self, request: Request) -> Response:
        if request.auth.kind == ApiKey.Kind.PUBLISHABLE:
            return self.take_from_page(request)
        events = read_events(body_of(request))
        results = services.ingest_events(
            self.sent(request) if events is None else bounded(events),
            storefront=request.auth.storefront,
            source=f"POST {request.path}",
            as_they_came=partial(self.sent, request),
        )
        return answer(request, results)

    def take_from_page(self, request: Request) -> Response:
        rows, storefront = self.sent(request), request.auth.storefront
        if services.is_crawler(request.headers.get("User-Agent", "")):
            services.count_crawler(storefront=storefront, n_events=len(rows))
            return answer(request, [_crawler()] * len(rows))
        results = services.ingest_events(
            rows,
            storefront=storefront,
            source=f"POST {request.path}",
            visitor=visitor_of(request, read_json(body_of(request))),
            is_from_browser=True,
        )
        return answer(request, results)

    def sent(self, request: Request) -> list[Any]:
        body = read_json(body_of(request))
        return on_our_clock(self.rows(body), body)


class ItemsView(BatchView):
    """Items of the catalogue, by the shop's server."""

    permission_classes = (HasScope("items:write"),)
    rows_name = "items"
    service = staticmethod(services.upsert_items)

    @extend_schema(
        operation_id="ecomai_items_create",
        summary="Create or change items",
        request=ItemBatchSerializer,
        responses=BatchResultSerializer,
        parameters=[ONLY_ERRORS],
    )
    def post(self, request: Request) -> Response:
        return self.take(request)


class CustomersView(BatchView):
    """Customers, by the shop's server."""

    permission_classes = (HasScope("customers:write"),)
    rows_name = "customers"
    service = staticmethod(services.upsert_customers)

    @extend_schema(
        operation_id="ecomai_customers_create",
        summary="Create or change customers",
        request=CustomerBatchSerializer,
        responses=BatchResultSerializer,
        parameters=[ONLY_ERRORS],
    )
    def post(self, request: Request) -> Response:
        return self.take(request)


class OrdersView(BatchView):
    """Orders with their lines, by the shop's server; purchases and returns follow from them."""

    permission_classes = (HasScope("orders:write"),)
    rows_name = "orders"
    service = staticmethod(services.upsert_orders)

    @extend_schema(
        operation_id="ecomai_orders_create",
        summary="Create or change orders",
        request=OrderBatchSerializer,
        responses=BatchResultSerializer,
        parameters=[ONLY_ERRORS],
    )
    def post(self, request: Request) -> Response:
        return self.take(request)


def body_of(request: Request) -> bytes:
    """What `BoundedParser` read; DRF asks no parser about an empty body."""
    return request.data or b""


def bounded(rows: list[Any]) -> list[Any]:
    if len(rows) > app_settings.MAX_ROWS_PER_REQUEST:
        raise TooManyRowsError(have=len(rows), limit=app_settings.MAX_ROWS_PER_REQUEST)
    return rows


def visitor_of(request: Request, body: Any) -> Visitor:
    """Who sends a page's batch; token and session may stand in the body, as a beacon has no headers."""
    body = body if isinstance(body, dict) else {}
    token, session_id = body.get("customer_token") or "", body.get("session_id") or ""
    return resolve_visitor(request, customer_token=token, session_id=session_id)


def on_our_clock(rows: list[Any], body: Any) -> list[Any]:
    """Move the times of a batch that says when it was sent: a browser's clock may be wrong."""
    sent_at = parse_moment(body.get("sent_at")) if isinstance(body, dict) else None
    if sent_at is None:
        return rows
    error = timezone.now() - sent_at
    if abs(error) < CLOCK_ERROR:
        return rows
    return [_moved(row, error) for row in rows]


def _moved(row: Any, error: timedelta) -> Any:
    moment = parse_moment(row.get("occurred_at")) if isinstance(row, dict) else None
    try:
        return {**row, "occurred_at": (moment + error).isoformat()} if moment else row
    except OverflowError:
        return row


def parse_moment(text: Any) -> datetime | None:
    """Return an aware moment from ISO text, or None."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def answer(request: Request, results: Sequence[RowResult]) -> Response:
    only_errors = request.GET.get("results") == "errors"
    rows = [
        {"row": number, "status": result.status}
        | ({"code": result.code} if result.code else {})
        | ({"reason": result.reason} if result.reason else {})
        for number, result in enumerate(results)
        if not only_errors or result.status == "rejected"
    ]
    return Response({**count_statuses(results), "results": rows})


def _crawler() -> RowResult:
    return RowResult("rejected", "crawler", _("Visits of crawlers are counted, not stored."))
