"""How much a key may ask, and a customer say."""

from typing import Any

from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from ecomai.commerce.throttles import AddressThrottle

from .app_settings import app_settings


class QuestionThrottle(AddressThrottle):
    """`RISK.REQUESTS_PER_MINUTE` for each key: a server asks for all its customers."""

    scope = "ecomai_risk"

    def get_rate(self) -> str:
        return f"{app_settings.REQUESTS_PER_MINUTE}/min"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if request.auth is None:
            return None
        return self.cache_format % {"scope": self.scope, "ident": request.auth.pk}


class AppealThrottle(AddressThrottle):
    """`RISK.APPEALS_PER_HOUR` for each login, or network address where nobody is logged in."""

    scope = "ecomai_risk_appeals"

    def get_rate(self) -> str:
        return f"{app_settings.APPEALS_PER_HOUR}/hour"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if request.method != "POST":
            return None
        user = request.user
        is_known = bool(user and user.is_authenticated)
        who = f"user {user.pk}" if is_known else f"address {self.get_ident(request)}"
        return self.cache_format % {"scope": self.scope, "ident": salted_hmac(self.scope, who).hexdigest()}
