"""Signed words about one shown advertisement: a page may report it, and cannot invent it."""

from typing import Any

from django.core import signing

from ...exceptions import UnknownAdError

SALT = "ecomai.marketing.ad"
#: A page may stay open so long; what is reported later is not counted.
COUNTED_SECONDS = 24 * 3600


def sign(said: dict[str, Any]) -> str:
    return signing.dumps(said, salt=SALT, compress=True)


def read(token: str) -> tuple[dict[str, Any], bool]:
    """Return what was signed, and whether it still counts. Raises UnknownAdError for a forged one."""
    try:
        return signing.loads(token, salt=SALT, max_age=COUNTED_SECONDS), True
    except signing.SignatureExpired:
        return signing.loads(token, salt=SALT), False
    except signing.BadSignature:
        raise UnknownAdError from None
