"""Send a signed JSON message to an address that an admin gave, and to nowhere inside the house."""

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ecomai.addresses import PORTS, PrivateAddressError, connect, path_of
from ecomai.exceptions import UnavailableError

from .app_settings import app_settings
from .exceptions import WebhookAddressError, WebhookRefusedError

SIGNATURE_HEADER = "X-Ecomai-Signature"
#: A receiver refuses what is older: a message that somebody kept is not sent again.
TOLERANCE_SECONDS = 300
#: Answers that say: later.
TRY_LATER = frozenset({408, 425, 429})


def post(
    url: str, payload: Mapping[str, Any], *, secret: str, key: str, user_agent: str = "ecomai-alerts"
) -> int:
    """POST a message and return the status of the answer; `key` stays the same when it is sent again.

    Raises WebhookAddressError where the address may not be reached, WebhookRefusedError where the other
    side does not take it, and UnavailableError or OSError where it may do so later.
    """
    parts = check_url(url)
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": user_agent,
        "X-Ecomai-Delivery": key,
        SIGNATURE_HEADER: sign(body, secret=secret, at=int(time.time())),
    }
    connection = _opened(parts)
    try:
        connection.request("POST", path_of(parts), body=body, headers=headers)
        answer = connection.getresponse()
    except http.client.HTTPException as error:
        raise UnavailableError from error
    finally:
        connection.close()
    if answer.status >= 500 or answer.status in TRY_LATER:
        raise UnavailableError
    # A redirect is not followed: it would lead around the check of the address.
    if not 200 <= answer.status < 300:
        raise WebhookRefusedError(status=answer.status)
    return answer.status


def sign(body: bytes, *, secret: str, at: int) -> str:
    """Return the header that proves who sent the message and when: `t=<seconds>,v1=<HMAC-SHA256>`."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def is_signed(body: bytes, header: str, *, secret: str, now: int | None = None) -> bool:
    """Whether a message is ours and fresh: what a receiver does, compared in constant time."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    at = parts.get("t", "")
    if not at.isdecimal() or abs((now or int(time.time())) - int(at)) > TOLERANCE_SECONDS:
        return False
    return hmac.compare_digest(sign(body, secret=secret, at=int(at)), header)


# -- addresses ------------------------------------------------------------------------------------


def check_url(url: str) -> SplitResult:
    """Return the parts of an address that may be asked. Raises WebhookAddressError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WebhookAddressError(url=url) from None
    is_plain = parts.scheme in PORTS and parts.hostname and not (parts.username or parts.password)
    if not is_plain or port == 0 or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise WebhookAddressError(url=url)
    return parts


def _opened(parts: SplitResult) -> http.client.HTTPConnection:
    try:
        return connect(
            parts, timeout_seconds=app_settings.WEBHOOK_TIMEOUT_SECONDS,
            may_be_private=app_settings.WEBHOOK_MAY_BE_PRIVATE,
        )  # fmt: skip
    except PrivateAddressError:
        raise WebhookAddressError(url=parts.hostname) from None
