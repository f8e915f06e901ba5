"""Connections to addresses that others wrote: to the open internet, and nowhere inside the house."""

import http.client
import ipaddress
import socket
import ssl
from urllib.parse import SplitResult

PORTS = {"http": 80, "https": 443}
#: IPv6 that carries an IPv4 address in its last four bytes: compatible, and translated (NAT64).
CARRIERS = (ipaddress.IPv6Network("::/96"), ipaddress.IPv6Network("64:ff9b::/96"))


class PrivateAddressError(Exception):
    """The name leads to where nothing of the open internet lies."""


def connect(
    parts: SplitResult, *, timeout_seconds: float, may_be_private: bool = False
) -> http.client.HTTPConnection:
    """Open a connection to the host of an address.

    A name is looked up once, and the connection goes to the very address that was judged, so that a name
    which changes its meaning in between gains nothing. Raises PrivateAddressError, and OSError where the
    host is not there or does not answer.
    """
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    opened = socket.create_connection(
        (_resolve(host, port, may_be_private=may_be_private), port), timeout=timeout_seconds
    )
    if parts.scheme == "https":
        try:
            opened = ssl.create_default_context().wrap_socket(opened, server_hostname=host)
        except OSError:
            opened.close()
            raise
    connection = http.client.HTTPConnection(host, port)
    connection.sock = opened
    return connection


def path_of(parts: SplitResult) -> str:
    """Return what a server is asked for."""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _resolve(host: str, port: int, *, may_be_private: bool) -> str:
    """Return an address of a host; one that is private among several makes all of them suspect."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise PrivateAddressError from error
    addresses = [str(entry[4][0]) for entry in found]
    if not may_be_private and not all(is_public(address) for address in addresses):
        raise PrivateAddressError
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, also where it is wrapped into another.

    Examples
    --------
    >>> is_public("9.9.9.9"), is_public("127.0.0.1"), is_public("::ffff:10.0.0.1")
    (True, False, False)
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if any(ip in network for network in CARRIERS):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast
