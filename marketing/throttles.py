"""How often one address may ask for advertisements and for what waits on the site."""

from typing import Any

from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from ecomai.commerce.models import ApiKey
from ecomai.commerce.throttles import AddressThrottle

from .app_settings import app_settings


class AdThrottle(AddressThrottle):
    """`MARKETING.AD_REQUESTS_PER_MINUTE` for a page; a server asks for all its visitors."""

    scope = "ecomai_ads"

    def get_rate(self) -> str:
        return f"{app_settings.AD_REQUESTS_PER_MINUTE}/min"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        key = request.auth
        if not isinstance(key, ApiKey) or key.kind == ApiKey.Kind.SECRET:
            return None
        caller = f"key {key.pk} {self.get_ident(request)}"
        return self.cache_format % {"scope": self.scope, "ident": salted_hmac(self.scope, caller).hexdigest()}


class OnsiteThrottle(AdThrottle):
    """The same bound for what waits on the site, also where a login alone says who asks."""

    scope = "ecomai_onsite"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if isinstance(request.auth, ApiKey) and request.auth.kind == ApiKey.Kind.SECRET:
            return None
        caller = f"{getattr(request.auth, 'pk', '')} {self.get_ident(request)}"
        return self.cache_format % {"scope": self.scope, "ident": salted_hmac(self.scope, caller).hexdigest()}
