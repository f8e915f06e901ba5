"""What all our REST endpoints share: one error shape, explicit policies, pages.

A host's own `REST_FRAMEWORK` setting neither changes our endpoints nor is changed by them.
"""

import io
import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.openapi import AutoSchema
from rest_framework import exceptions, status
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from .exceptions import EcomaiError, PayloadTooLargeError, UnavailableError
from .logging import first_line

logger = logging.getLogger(__name__)


def error_body(code: str, message: str, details: Any = None) -> dict[str, Any]:
    """The one shape of every error that we answer."""
    return {"error": {"code": code, "message": message, "details": details or {}}}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer expected errors in the one shape; anything else stays a server error for Django to log.

    A host's ATOMIC_REQUESTS is heeded: what was written before the error is rolled back.
    """
    if isinstance(error, (OperationalError, InterfaceError)):
        # The database is away, restarts or is too busy: nothing is wrong with the request.
        error = UnavailableError()
    elif isinstance(error, RequestDataTooBig):
        error = PayloadTooLargeError(limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    elif isinstance(error, DataError):
        # What was sent cannot be stored at all, such as a null character in a text.
        logger.warning("The database refused a value in %s.", type(context["view"]).__name__, exc_info=error)
        error = exceptions.ValidationError(str(error).split("\n", 1)[0])
    if isinstance(error, EcomaiError):
        set_rollback()
        return Response(error_body(error.code, str(error), error.details), status=error.status_code)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if not isinstance(error, exceptions.APIException):
        return None
    if isinstance(error, exceptions.ValidationError):
        body = error_body("invalid_input", _("Some fields are not valid; see the details."), error.detail)
    else:
        body = error_body(
            error.get_codes() if isinstance(error.get_codes(), str) else error.default_code, str(error.detail)
        )
    headers = {}
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = f"{wait:.0f}"
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    set_rollback()
    return Response(body, status=error.status_code, headers=headers)


ERROR_SHAPE = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details"],
            "properties": {
                "code": {"type": "string", "description": "Stable, for programs."},
                "message": {"type": "string", "description": "A sentence in the caller's language."},
                "details": {"description": "Which fields are wrong and why, or {}."},
            },
        }
    },
}


class ApiSchema(AutoSchema):
    """Describes, besides what an endpoint answers, the one shape of all errors."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation:
            content = {"application/json": {"schema": ERROR_SHAPE}}
            operation["responses"]["default"] = {"description": "Any error.", "content": content}
        return operation


class BoundedJSONParser(JSONParser):
    """JSON up to `DATA_UPLOAD_MAX_MEMORY_SIZE`, which not every release of DRF heeds."""

    strict = True

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(-1 if limit is None else limit + 1)
        if limit is not None and len(body) > limit:
            raise PayloadTooLargeError(limit=limit)
        try:
            return super().parse(io.BytesIO(body), media_type, parser_context)
        except RecursionError as error:
            raise exceptions.ParseError() from error


def json_response(body: Any, *, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Answer plain values as JSON; for endpoints that are asked so often that rendering must cost nothing."""
    return HttpResponse(msgspec.json.encode(body), content_type="application/json", headers=headers)


class ApiView(APIView):
    """Base of our endpoints: JSON in and out, our errors; subclasses say who may call them."""

    renderer_classes = (JSONRenderer,)
    parser_classes: tuple = (BoundedJSONParser,)
    authentication_classes: tuple = ()
    permission_classes: tuple = ()
    throttle_classes: tuple = ()
    schema = ApiSchema()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let `@extend_schema` build on our description of endpoints.

        The decorator takes the host's DEFAULT_SCHEMA_CLASS for its base; where that is DRF's own, neither our
        description of the API nor the host's `check --deploy` would come to an end.
        """
        super().__init_subclass__(**kwargs)
        for name in cls.http_method_names:
            extended = getattr(vars(cls).get(name), "kwargs", {}).get("schema")
            if isinstance(extended, type) and not issubclass(extended, ApiSchema):
                extended.__bases__ = (ApiSchema,)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """Take the one thing we can answer where the caller takes anything, as nearly all do."""
        if len(self.renderer_classes) == 1 and request.META.get("HTTP_ACCEPT", "*/*") == "*/*":
            (renderer,) = self.get_renderers()
            return renderer, renderer.media_type
        return super().perform_content_negotiation(request, force)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return exception_handler

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        if response.status_code == status.HTTP_503_SERVICE_UNAVAILABLE:
            # Each request says so while a part is away; a traceback each would bury the log.
            logger.warning("%s in %s: %s", type(exc).__name__, type(self).__name__, first_line(exc))
        elif response.status_code >= status.HTTP_500_INTERNAL_SERVER_ERROR:
            logger.error("%s in %s", type(exc).__name__, type(self).__name__, exc_info=exc)
        return response


class NewestFirstPagination(CursorPagination):
    """Pages by cursor, so that page 10,000 costs what page 1 costs."""

    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"
    ordering = "-id"
