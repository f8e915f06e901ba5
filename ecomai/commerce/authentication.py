"""Who may call: secret keys of servers, publishable keys of pages on allowed origins, each with scopes."""

import time
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ecomai.reading import in_transaction

from .exceptions import InvalidKeyError, MissingScopeError, OriginNotAllowedError
from .models import ApiKey
from .services.keys import digest_of, is_valid

KEY_HEADER = "X-Ecomai-Key"
KEY_PARAMETER = "key"  # publishable keys only: a beacon cannot set headers
USED_STEP = timedelta(minutes=1)
#: After so long at the latest a revoked key is refused.
KEY_SECONDS = 1.0

# Digest of a key -> when it was read, and its row; only keys that exist are kept.
_known_keys: dict[str, tuple[float, ApiKey]] = {}


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer sk_...` of a server, `X-Ecomai-Key: pk_...` (or `?key=pk_...`) of a page.

    `request.auth` is the `ApiKey`. The user stays the shop's own login where a page's key is used, so that
    a logged-in customer is known; a server's key has none.
    """

    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        plaintext = given_key(request)
        if not plaintext:
            return None
        key = find_key(digest_of(plaintext))
        if key is None or not is_valid(key):
            raise InvalidKeyError()
        if key.kind == ApiKey.Kind.PUBLISHABLE:
            check_origin(request, key)
        _note_use(key)
        is_page = key.kind == ApiKey.Kind.PUBLISHABLE
        user = getattr(request._request, "user", None) if is_page else None
        return user or AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="ecomai"'


class HasScope(BasePermission):
    """`permission_classes = (HasScope("events:write"),)`: the request came with a key that has the scope."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    def __call__(self) -> "HasScope":
        """DRF makes an instance of each permission class; this one is made already."""
        return self

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, ApiKey):
            raise InvalidKeyError()
        if self.scope not in request.auth.scopes:
            raise MissingScopeError(scope=self.scope)
        return True


def given_key(request: Request) -> str:
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.startswith(("sk_", "pk_")):
        return token.strip()
    sent = request.headers.get(KEY_HEADER, "")
    if sent:
        return sent
    parameter = request.GET.get(KEY_PARAMETER, "")
    return parameter if parameter.startswith("pk_") else ""


def check_origin(request: Request, key: ApiKey) -> None:
    """Raise unless the page's origin is this site's own or in the key's list.

    Browsers name the origin on every request that writes; on a read within one site they do not.
    """
    origin = request.headers.get("Origin", "").lower()
    if not origin and request.method in ("GET", "HEAD"):
        return
    if not is_origin_allowed(request, key, origin):
        raise OriginNotAllowedError()


def is_origin_allowed(request: Any, key: ApiKey, origin: str) -> bool:
    return bool(origin) and (origin == own_origin(request) or origin in key.origins)


def own_origin(request: Any) -> str:
    return f"{request.scheme}://{request.get_host()}".lower()


def _note_use(key: ApiKey) -> None:
    """Note the use to the minute, so that a busy key is not a row that all requests wait for."""
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at > USED_STEP:
        key.last_used_at = now
        recently = Q(last_used_at__gt=now - USED_STEP)
        ApiKey.objects.filter(pk=key.pk).exclude(recently).update(last_used_at=now)


def find_key(digest: str) -> ApiKey | None:
    """Return the key with this digest, as it was at most `KEY_SECONDS` ago.

    What is looked up is a hash, so that the time it takes tells nothing about the key.
    """
    known = _known_keys.get(digest)
    is_alone = not in_transaction()
    if known and is_alone and time.monotonic() - known[0] < KEY_SECONDS:
        return known[1]
    key = ApiKey.objects.filter(digest=digest).first()
    if key is not None and is_alone:
        _known_keys[digest] = (time.monotonic(), key)
    return key


class ApiKeyScheme(OpenApiAuthenticationExtension):
    """How the key is described in the OpenAPI document."""

    target_class = ApiKeyAuthentication
    name = ("SecretKey", "PublishableKey")

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "A secret key, `sk_...`."},
            {
                "type": "apiKey",
                "in": "header",
                "name": KEY_HEADER,
                "description": "A publishable key, `pk_...`.",
            },
        ]
