"""The envelope's sender of a mail names its delivery, so that a bounce does, too (VERP)."""

import hmac
import re

from django.utils.crypto import salted_hmac

from ..app_settings import app_settings
from ..models import Delivery

_SALT = "ecomai.marketing.bounce"
_TAG = re.compile(r"\+(\d{1,18})-([0-9a-f]{16})@")
_MESSAGE_ID = re.compile(r"<?([0-9a-f]{64})\.(\d{1,18})@[^<>\s]*>?")


def bounce_address(delivery_pk: int) -> str:
    """Return the envelope's sender; '' where the setting `MARKETING.BOUNCE_ADDRESS` is empty."""
    local, at, domain = app_settings.BOUNCE_ADDRESS.rpartition("@")
    return f"{local}+{delivery_pk}-{_proof(delivery_pk)}@{domain}" if at else ""


def find_delivery(*, message_id: str = "", recipient: str = "") -> Delivery | None:
    """Return the delivery of a mail by its message id or by the address that its bounce came to."""
    if found := _MESSAGE_ID.fullmatch(message_id.strip()):
        salt, pk = found.groups()
        row = Delivery.objects.filter(pk=int(pk)).select_related("campaign", "customer").first()
        if row is not None and hmac.compare_digest(row.campaign.salt, salt):
            return row
    if tag := _TAG.search(recipient):
        pk, proof = tag.groups()
        if hmac.compare_digest(_proof(int(pk)), proof):
            return Delivery.objects.filter(pk=int(pk)).select_related("campaign", "customer").first()
    return None


def _proof(delivery_pk: int) -> str:
    return salted_hmac(_SALT, str(delivery_pk), algorithm="sha256").hexdigest()[:16]
