"""Keyed hashes of what identifies people: the same value is recognised, and nobody reads it back."""

import hashlib
import hmac
import ipaddress
import re
import unicodedata
from functools import lru_cache
from uuid import UUID

from django.conf import settings

from .app_settings import app_settings

_SALT = b"ecomai.risk.entities"


def hash_entity(storefront: str, kind: str, value: str) -> UUID:
    """Return the id of an entity of a storefront. Without the key no list of values finds it."""
    content = f"{storefront}\0{kind}\0{value}".encode()
    return UUID(bytes=hmac.digest(_key(), content, "sha256")[:16])


def digest_text(text: str) -> str:
    """Return a keyed hash that tells whether two questions say the same."""
    return hmac.digest(_key(), text.encode(), "sha256").hex()


def key_check() -> str:
    """Return what tells whether two keys are the same, and nothing of either."""
    return digest_text("ecomai.risk.key")


def short_hash(text: str) -> int:
    """Return 31 bits of a hash for a word that is no secret, such as a category."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") >> 1


def _key() -> bytes:
    return _derived(app_settings.HASH_KEY or settings.SECRET_KEY)


@lru_cache(maxsize=8)
def _derived(secret: str) -> bytes:
    return hmac.digest(_SALT, secret.encode(), "sha256")


def clean_email(email: str) -> tuple[str, str]:
    """Return local part and domain as they are compared: without capitals and without a +tag."""
    local, _at, domain = email.strip().lower().rpartition("@")
    return local.partition("+")[0], domain


def clean_address(address: str) -> str:
    """Return an address as addresses are compared: letters and digits alone, in one form."""
    plain = unicodedata.normalize("NFKD", address).casefold()
    return re.sub(r"[\W_]+", "", plain)


def clean_ip(text: str) -> tuple[str, str] | None:
    """Return an address in its one spelling, and its network; None where it is none.

    An IPv4 address inside IPv6 counts as the former.
    """
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    bits = app_settings.IPV4_PREFIX if address.version == 4 else app_settings.IPV6_PREFIX
    return str(address), str(ipaddress.ip_network(f"{address}/{bits}", strict=False))
