"""How many recommendations a page may ask for."""

from typing import Any

from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from ecomai.commerce.models import ApiKey
from ecomai.commerce.throttles import AddressThrottle

from .app_settings import app_settings


class PageThrottle(AddressThrottle):
    """`RECOMMENDATIONS.REQUESTS_PER_MINUTE` for a page; a server asks for all its visitors."""

    scope = "ecomai_recommendations"

    def get_rate(self) -> str:
        return f"{app_settings.REQUESTS_PER_MINUTE}/min"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        key = request.auth
        if isinstance(key, ApiKey) and key.kind == ApiKey.Kind.SECRET:
            return None
        who = f"key {key.pk}" if isinstance(key, ApiKey) else f"user {request.user.pk}"
        caller = f"{who} {self.get_ident(request)}"
        return self.cache_format % {"scope": self.scope, "ident": salted_hmac(self.scope, caller).hexdigest()}


class PictureThrottle(PageThrottle):
    """`RECOMMENDATIONS.PICTURE_SEARCHES_PER_MINUTE`: reading a picture takes more than reading a query."""

    scope = "ecomai_picture_search"

    def get_rate(self) -> str:
        return f"{app_settings.PICTURE_SEARCHES_PER_MINUTE}/min"
