"""Files from addresses that others wrote: by http(s), bounded, never from the shop's own network."""

import http.client
import time
from collections.abc import Collection
from urllib.parse import SplitResult, urljoin, urlsplit

from .addresses import PORTS, PrivateAddressError, connect, path_of

MAX_REDIRECTS = 3
CHUNK_BYTES = 65_536


class FetchError(Exception):
    """Nothing was fetched. `reason` is `bad_address`, `private_address`, `unreachable`, `refused`,
    `too_large` or `too_slow`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def fetch(url: str, *, max_bytes: int, timeout_seconds: float, own_hosts: Collection[str] = ()) -> bytes:
    """Return the content behind an address.

    A name is looked up once, and the connection goes to the address that was judged, so that a name which
    changes its meaning in between gains nothing. Redirects are judged like the first address. No proxy is
    used.

    Parameters
    ----------
    url : str
    max_bytes : int
        Reading stops there.
    timeout_seconds : float
        For all of it, redirects included.
    own_hosts : collection of str
        Names, with a port or without, that may lead to private addresses and to any port.

    Returns
    -------
    bytes

    Raises
    ------
    FetchError
        If the address is none of http(s), leads to where nothing of the shop's public pages lies, does not
        answer with a file in time, or with too much.
    """
    deadline = time.monotonic() + timeout_seconds
    for _redirect in range(MAX_REDIRECTS + 1):
        parts = _checked(url, own_hosts)
        connection = _opened(parts, deadline, own_hosts)
        try:
            connection.request("GET", path_of(parts), headers={"User-Agent": "ecomai", "Accept": "*/*"})
            response = connection.getresponse()
            if response.status in (301, 302, 303, 307, 308):
                url = urljoin(url, response.headers.get("Location", ""))
                continue
            if response.status != 200:
                raise FetchError("refused")
            return _read(response, connection, max_bytes, deadline)
        except TimeoutError:
            raise FetchError("too_slow") from None
        except (OSError, http.client.HTTPException, ValueError):
            raise FetchError("unreachable") from None
        finally:
            connection.close()
    raise FetchError("refused")


def _checked(url: str, own_hosts: Collection[str]) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        raise FetchError("bad_address") from None
    has_login = parts.username is not None or parts.password is not None
    if parts.scheme not in PORTS or not parts.hostname or has_login or not url.isprintable() or " " in url:
        raise FetchError("bad_address")
    if port not in PORTS.values() and not _is_own(parts, own_hosts):
        raise FetchError("bad_address")
    return parts


def _is_own(parts: SplitResult, own_hosts: Collection[str]) -> bool:
    known = {name.casefold() for name in own_hosts}
    return bool({parts.hostname, f"{parts.hostname}:{parts.port or PORTS[parts.scheme]}"} & known)


def _opened(parts: SplitResult, deadline: float, own_hosts: Collection[str]) -> http.client.HTTPConnection:
    """Return an open connection to the one address that was judged."""
    try:
        return connect(parts, timeout_seconds=_left(deadline), may_be_private=_is_own(parts, own_hosts))
    except PrivateAddressError:
        raise FetchError("private_address") from None
    except TimeoutError:
        raise FetchError("too_slow") from None
    except OSError:
        raise FetchError("unreachable") from None


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise FetchError("too_slow")
    return left


def _read(
    response: http.client.HTTPResponse,
    connection: http.client.HTTPConnection,
    max_bytes: int,
    deadline: float,
) -> bytes:
    if int(response.headers.get("Content-Length") or 0) > max_bytes:
        raise FetchError("too_large")
    content = bytearray()
    while True:
        if connection.sock is not None:
            connection.sock.settimeout(_left(deadline))
        _left(deadline)
        chunk = response.read1(CHUNK_BYTES)
        if not chunk:
            return bytes(content)
        content += chunk
        if len(content) > max_bytes:
            raise FetchError("too_large")
