"""Pages of another origin: their browser asks first what it may send, and shows an answer if we name them."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from .authentication import KEY_HEADER, own_origin
from .models import ApiKey
from .services import keys
from .visitors import SESSION_HEADER, TOKEN_HEADER

PREFLIGHT_SECONDS = 600


class CrossOriginMixin:
    """For endpoints that pages call with a publishable key; put it before `ApiView`.

    Whatever other origin calls gets no header, and its browser keeps the answer back. `own_headers` are names
    of headers that pages send to these endpoints besides those of all.
    """

    own_headers: ClassVar[Sequence[str]] = ()

    def options(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answered before any key is known, see `initial`; `finalize_response` says which origin may call."""
        return Response(status=204)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method != "OPTIONS":
            super().initial(request, *args, **kwargs)  # type: ignore[misc]

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        methods = [name.upper() for name in ("get", "post", "delete") if hasattr(self, name)]
        allow_cross_origin(request, response, methods, self.own_headers)
        return response


def allow_cross_origin(
    request: Any, response: Any, methods: list[str], own_headers: Sequence[str] = ()
) -> None:
    """Let pages read the answer whose origin some valid key names; the request itself checks the key."""
    origin = request.headers.get("Origin", "").lower()
    response["Vary"] = ", ".join(filter(None, [response.get("Vary", ""), "Origin"]))
    if not origin or origin == own_origin(request) or not _is_known_origin(origin):
        return
    if request.method != "OPTIONS" and response.status_code < 400 and not _came_with_key(request):
        return  # a login alone: the page of the other origin has not said by which key it may know
    response["Access-Control-Allow-Origin"] = origin
    response["Access-Control-Allow-Credentials"] = "true"
    if request.method == "OPTIONS":
        response["Access-Control-Allow-Methods"] = ", ".join([*methods, "OPTIONS"])
        allowed = ("content-type", KEY_HEADER, TOKEN_HEADER, SESSION_HEADER, *own_headers)
        response["Access-Control-Allow-Headers"] = ", ".join(allowed)
        response["Access-Control-Max-Age"] = str(PREFLIGHT_SECONDS)


def _came_with_key(request: Any) -> bool:
    return isinstance(request.auth, ApiKey)


def _is_known_origin(origin: str) -> bool:
    """A preflight carries no key, so that the origin of any valid publishable key will do."""
    known = ApiKey.objects.filter(kind=ApiKey.Kind.PUBLISHABLE, revoked_at=None)
    return any(keys.is_valid(key) and origin in key.origins for key in known.only("origins", "expires_at"))
