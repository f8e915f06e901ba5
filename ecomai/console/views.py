"""Health, metrics and the API's own description: thin skins over `health`, `metrics` and drf-spectacular."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from drf_spectacular import renderers
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from ecomai.rest import ApiView, error_body

from . import health, metrics, schema
from .app_settings import app_settings


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Whether what we need is there: 200, or 503; staff and monitoring see each check."""
    found = health.health()
    body: dict[str, Any] = {"status": found.state}
    if found.checks["database"].state == "ok" and may_see_details(request):
        body["checks"] = {
            name: {"status": check.state, **check.details} for name, check in found.checks.items()
        }
    elif _has_token(request):
        body["checks"] = {name: {"status": check.state} for name, check in found.checks.items()}
    return JsonResponse(body, status=503 if found.state == "failed" else 200)


@never_cache
@require_safe
def prometheus(request: HttpRequest) -> HttpResponse:
    """Metrics as text, for staff and monitoring."""
    if not may_see_details(request):
        text = _("Metrics are shown to staff, and to who sends the monitoring token.")
        return JsonResponse(error_body("permission_denied", text), status=403)
    return HttpResponse(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)


def may_see_details(request: HttpRequest) -> bool:
    """Staff, or a monitoring system with the token of the settings."""
    if _has_token(request):
        return True
    user = getattr(request, "user", None)
    return bool(user and user.is_active and user.is_staff)


def _has_token(request: HttpRequest) -> bool:
    scheme, _space, given = request.headers.get("Authorization", "").partition(" ")
    token = app_settings.MONITORING_TOKEN
    return bool(token) and scheme.lower() == "bearer" and constant_time_compare(given, token)


class ReadsApiDocs(BasePermission):
    """Everybody, unless the shop keeps its API's description to its staff."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return app_settings.PUBLIC_API_DOCS or bool(request.user and request.user.is_staff)


class SchemaView(ApiView):
    """The OpenAPI description of our endpoints alone, below the address where the host included them."""

    authentication_classes = (SessionAuthentication,)
    permission_classes = (ReadsApiDocs,)
    renderer_classes = (  # type: ignore[assignment]
        renderers.OpenApiJsonRenderer,
        renderers.OpenApiJsonRenderer2,  # the same for who asks for plain application/json
        renderers.OpenApiYamlRenderer,
        renderers.OpenApiYamlRenderer2,
    )
    schema = None  # type: ignore[assignment]

    def get(self, request: Request) -> Response:
        return Response(schema.describe(request))


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """The description as pages to read and try; every script and style is a file of its own."""
    if not app_settings.PUBLIC_API_DOCS and not (request.user.is_active and request.user.is_staff):
        text = _("Only staff may read the description of the API.")
        return JsonResponse(error_body("permission_denied", text), status=403)
    return render(request, "ecomai/console/api_docs.html")
