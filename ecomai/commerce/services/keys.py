"""API keys: made, rotated with a time in which both work, revoked. A secret is shown once, never stored."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.app_settings import app_settings
from ecomai.commerce.models import ApiKey
from ecomai.exceptions import ConflictError, InvalidInputError

SITE_KEY_NAME = "this site"
PREFIXES = {ApiKey.Kind.PUBLISHABLE: "pk_", ApiKey.Kind.SECRET: "sk_"}
SHOP_SCOPES = (
    "events:write", "items:write", "customers:write", "orders:write", "recommendations:read", "ads:read",
    "chat:write",
)  # fmt: skip
# A key has these only where they are named: they export and erase people, change what serves, or judge.
NAMED_SCOPES = (
    "fusion:write",
    "registry:read",
    "registry:train",
    "registry:promote",
    "experiments:read",
    "risk:assess",
    "risk:label",
    "risk:lists",
    "marketing:read",
    "feedback:write",
    "bounces:write",
    "ads:write",
    "knowledge:write",
)
SCOPES = (*SHOP_SCOPES, *NAMED_SCOPES)
PUBLISHABLE_SCOPES = ("events:write", "recommendations:read", "ads:read", "chat:write")


def create_api_key(
    *,
    name: str,
    kind: str,
    scopes: Sequence[str] | None = None,
    origins: Sequence[str] = (),
    storefront: str = "",
    plaintext: str = "",
) -> tuple[ApiKey, str]:
    """Make a key; return it with the plain text that is shown this once.

    `scopes` None gives the usual ones. `plaintext` sets the key itself, for demos and tests.
    """
    kind = ApiKey.Kind(kind)
    scopes = (
        list(PUBLISHABLE_SCOPES if kind == ApiKey.Kind.PUBLISHABLE else SHOP_SCOPES)
        if scopes is None
        else list(scopes)
    )
    if kind == ApiKey.Kind.PUBLISHABLE and not set(scopes) <= set(PUBLISHABLE_SCOPES):
        raise InvalidInputError(
            reason=_("A publishable key is read by anyone; it may have only: %(scopes)s.")
            % {"scopes": ", ".join(PUBLISHABLE_SCOPES)}
        )
    plaintext = plaintext or PREFIXES[kind] + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        kind=kind,
        scopes=scopes,
        origins=[clean_origin(origin) for origin in origins],
        storefront=storefront,
        prefix=plaintext[:11],
        digest=digest_of(plaintext),
    )
    return key, plaintext


def rotate_api_key(*, key: ApiKey) -> tuple[ApiKey, str]:
    """Make a successor of a key; the old one stays valid for `COMMERCE.KEY_GRACE_HOURS`."""
    with transaction.atomic():
        old = ApiKey.objects.select_for_update().get(pk=key.pk)
        if not is_valid(old):
            raise ConflictError(reason=_("the key has been revoked or has ended"))
        new, plaintext = create_api_key(
            name=old.name, kind=old.kind, scopes=old.scopes, origins=old.origins, storefront=old.storefront
        )
        new.replaces = old
        new.save(update_fields=["replaces"])
        ends = timezone.now() + timedelta(hours=app_settings.KEY_GRACE_HOURS)
        old.expires_at = min(old.expires_at, ends) if old.expires_at else ends
        old.save(update_fields=["expires_at"])
    return new, plaintext


def revoke_api_key(*, key: ApiKey) -> None:
    """End a key; each process knows it a second later at the latest. A second call changes nothing."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())


def site_key(storefront: str = "") -> str:
    """Return the publishable key of this site's own pages: the setting's, else one made at the first call.

    The latter works for pages of the same origin alone, and is derived from `SECRET_KEY`, so that template
    tags can write it without it being stored. Empty when it has been revoked.
    """
    if app_settings.PUBLISHABLE_KEY:
        return app_settings.PUBLISHABLE_KEY
    from ecomai.commerce.authentication import find_key  # it needs the services itself

    text = f"ecomai site key {storefront}".encode()
    plaintext = "pk_" + hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()
    digest = digest_of(plaintext)
    key = find_key(digest) or _make_site_key(plaintext, digest, storefront)
    return plaintext if is_valid(key) else ""


def _make_site_key(plaintext: str, digest: str, storefront: str) -> ApiKey:
    key, _created = ApiKey.objects.get_or_create(
        digest=digest,
        defaults={
            "name": SITE_KEY_NAME,
            "kind": ApiKey.Kind.PUBLISHABLE,
            "scopes": list(PUBLISHABLE_SCOPES),
            "storefront": storefront,
            "prefix": plaintext[:11],
        },
    )
    return key


def is_valid(key: ApiKey) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > timezone.now())


def digest_of(plaintext: str) -> str:
    return hashlib.sha256(plaintext.encode()).hexdigest()


def clean_origin(origin: str) -> str:
    """Return an origin as browsers send it; `https://shop.example`, no path, lower case."""
    scheme, separator, rest = origin.strip().lower().partition("://")
    host = rest.rstrip("/")
    if not separator or scheme not in {"http", "https"} or not host or "/" in host or "*" in host:
        raise InvalidInputError(
            reason=_("“%(origin)s” is no origin; write it as https://shop.example") % {"origin": origin}
        )
    return f"{scheme}://{host}"
