"""How often one address may ask for the chat without a socket."""

from typing import Any

from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from ecomai.commerce.throttles import AddressThrottle

from .app_settings import app_settings


class ChatThrottle(AddressThrottle):
    """`SUPPORT_BOT.REQUESTS_PER_MINUTE` for each network address."""

    scope = "ecomai_chat"

    def get_rate(self) -> str:
        return f"{app_settings.REQUESTS_PER_MINUTE}/min"

    def get_cache_key(self, request: Request, view: Any) -> str:
        ident = salted_hmac(self.scope, self.get_ident(request)).hexdigest()
        return self.cache_format % {"scope": self.scope, "ident": ident}
