"""How many requests a key may send."""

import hashlib
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from .app_settings import app_settings


class AddressThrottle(SimpleRateThrottle):
    """Base of our throttles: which network address calls, whatever the host's own API takes for it."""

    def get_ident(self, request: Request) -> str:
        """Return the address that the nearest trusted proxy saw.

        A caller may write what it likes at the left of `X-Forwarded-For`; each proxy appends at the right.
        """
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
        addresses = [address.strip() for address in forwarded.split(",")] if forwarded else []
        n_proxies = min(app_settings.TRUSTED_PROXIES, len(addresses))
        return addresses[-n_proxies] if n_proxies else request.META.get("REMOTE_ADDR", "")


class KeyAndAddressThrottle(AddressThrottle):
    """`COMMERCE.EVENT_REQUESTS_PER_MINUTE` for each pair of key and network address."""

    scope = "ecomai_events"

    def get_rate(self) -> str:
        return f"{app_settings.EVENT_REQUESTS_PER_MINUTE}/min"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if request.auth is None:
            return None
        # The cache needs no addresses of people; a hash tells them apart as well.
        caller = f"{request.auth.pk} {self.get_ident(request)}"
        return self.cache_format % {
            "scope": self.scope,
            "ident": hashlib.sha256(caller.encode()).hexdigest()[:32],
        }


class WriteThrottle(KeyAndAddressThrottle):
    """`COMMERCE.WRITE_REQUESTS_PER_MINUTE`, for batches of items, customers and orders."""

    scope = "ecomai_writes"

    def get_rate(self) -> str:
        return f"{app_settings.WRITE_REQUESTS_PER_MINUTE}/min"
