"""Send a signed JSON message to an address that an admin gave, and to nowhere inside the house."""

import hashlib
import hmac
import http.client
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ecomai.exceptions import UnavailableError

from .app_settings import app_settings
from .exceptions import WebhookAddressError, WebhookRefusedError

SIGNATURE_HEADER = "X-Ecomai-Signature"
#: A receiver refuses what is older: a message that somebody kept is not sent again.
TOLERANCE_SECONDS = 300
#: IPv6 that carries an IPv4 address in its last four bytes: compatible, and translated (NAT64).
CARRIERS = (ipaddress.IPv6Network("::/96"), ipaddress.IPv6Network("64:ff9b::/96"))
#: Answers that say: later.
TRY_LATER = frozenset({408, 425, 429})


def post(url: str, payload: Mapping[str, Any], *, secret: str, key: str) -> int:
    """POST a message and return the status of the answer; `key` stays the same when it is sent again.

    Raises WebhookAddressError where the address may not be reached, WebhookRefusedError where the other
    side does not take it, and UnavailableError or OSError where it may do so later.
    """
    parts = check_url(url)
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "ecomai-alerts",
        "X-Ecomai-Delivery": key,
        SIGNATURE_HEADER: sign(body, secret=secret, at=int(time.time())),
    }
    connection = _connect(parts)
    try:
        connection.request("POST", _path(parts), body=body, headers=headers)
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
    is_plain = parts.scheme in ("http", "https") and parts.hostname and not (parts.username or parts.password)
    if not is_plain or port == 0 or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise WebhookAddressError(url=url)
    return parts


def _connect(parts: SplitResult) -> http.client.HTTPConnection:
    """Open a connection to the very address that was checked: a name may mean another one a moment later."""
    host, is_safe = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if is_safe else 80)
    seconds = app_settings.WEBHOOK_TIMEOUT_SECONDS
    connection = http.client.HTTPConnection(host, port, timeout=seconds)
    connection.sock = socket.create_connection((_address_of(host, port), port), timeout=seconds)
    if is_safe:
        try:
            connection.sock = ssl.create_default_context().wrap_socket(connection.sock, server_hostname=host)
        except OSError:
            connection.close()
            raise
    return connection


def _address_of(host: str, port: int) -> str:
    """Return an address of a host. Raises WebhookAddressError if any of its addresses is inside the house."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise WebhookAddressError(url=host) from None
    addresses = [str(one[4][0]) for one in found]
    if not app_settings.WEBHOOK_MAY_BE_PRIVATE and not all(_is_public(address) for address in addresses):
        raise WebhookAddressError(url=host)
    return addresses[0]


def _is_public(address: str) -> bool:
    one = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(one, ipaddress.IPv6Address):
        hidden = one.ipv4_mapped or one.sixtofour or (one.teredo[1] if one.teredo else None)
        if any(one in network for network in CARRIERS):
            hidden = ipaddress.IPv4Address(int(one) & 0xFFFFFFFF)
        if hidden is not None:
            return hidden.is_global and not hidden.is_multicast
    return one.is_global and not one.is_multicast


def _path(parts: SplitResult) -> str:
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path
