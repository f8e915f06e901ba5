"""How often one address may ask for advertisements."""

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
