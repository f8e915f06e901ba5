"""How a visitor's requests about oneself are checked, besides `ecomai.commerce.visitors`."""

from typing import Any

from django.utils.crypto import salted_hmac
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ecomai.commerce.models import ApiKey
from ecomai.commerce.throttles import AddressThrottle

from .app_settings import app_settings


class VisitorAuthentication(SessionAuthentication):
    """Django's login with its check against forged requests; others are known by token or session."""

    def authenticate_header(self, request: Request) -> str:
        return "Session"


class IsSecretKey(BasePermission):
    """The request came with a server's key, whatever scopes a page's key may carry."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, ApiKey) and request.auth.kind == ApiKey.Kind.SECRET


class VisitorThrottle(AddressThrottle):
    """Bounds exports and erasures per visitor, because one costs many queries."""

    scope = "ecomai_fusion_me"

    def get_rate(self) -> str:
        return f"{app_settings.REQUESTS_PER_MINUTE}/min"

    def get_cache_key(self, request: Request, view: Any) -> str:
        user = request.user
        ident = f"user-{user.pk}" if user and user.is_authenticated else self.get_ident(request)
        # A hash, because a user's number is often the customer's id, and the cache outlives an erasure.
        return self.cache_format % {"scope": self.scope, "ident": salted_hmac(self.scope, ident).hexdigest()}
