"""What customers said in chats that ended, for whoever listens to the voice of the customer."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from ecomai import capabilities
from ecomai.capabilities import HeardText, VoiceListener

from ..app_settings import app_settings
from ..masking import mask_text
from ..models import ContactVolume, Conversation, Message
from .canned import customer_name

#: Looked at again, as beat may come late, and the first time.
LATE, FIRST = timedelta(hours=2), timedelta(days=1)
AT_ONCE = 500


def pass_on_ended(*, now: datetime | None = None) -> int:
    """Tell what customers said in chats that ended since contacts were last counted; returns how many chats.

    Safe to run twice: each chat counts once. Where nobody listens nothing is read.
    """
    listener = capabilities.get(VoiceListener)  # type: ignore[type-abstract]
    if listener.hear([]).unavailable is not None:
        return 0
    n_told = 0
    rows: dict[str, list[HeardText]] = defaultdict(list)
    for conversation in _ended(now or timezone.now()).iterator(chunk_size=AT_ONCE):
        if (heard := _heard(conversation)) is None:
            continue
        waiting = rows[conversation.storefront]
        waiting.append(heard)
        n_told += 1
        if len(waiting) >= AT_ONCE:
            listener.hear(waiting, storefront=conversation.storefront)
            waiting.clear()
    for storefront, waiting in rows.items():
        if waiting:
            listener.hear(waiting, storefront=storefront)
    return n_told


def _ended(now: datetime) -> QuerySet[Conversation]:
    counted = ContactVolume.objects.order_by("-hour").values_list("hour", flat=True).first()
    since = counted - LATE if counted is not None else now - FIRST
    # An index knows the last message, and nothing is open for longer than this after it.
    longest = timedelta(hours=app_settings.CLOSE_AFTER_HOURS + 1)
    said = Message.objects.filter(sender=Message.Sender.CUSTOMER).exclude(text="").order_by("sequence")
    return (
        Conversation.objects.filter(
            state=Conversation.State.CLOSED, last_message_at__gt=since - longest, closed_at__gt=since
        )
        .select_related("customer")
        .prefetch_related(Prefetch("messages", queryset=said, to_attr="said"))
        .order_by("pk")
    )


def _heard(conversation: Any) -> HeardText | None:
    """All that the customer said, and what they said of the chat; nothing where there were no words."""
    texts = [*(message.text for message in conversation.said), conversation.rating_text]
    text = mask_text("\n".join(filter(None, texts)), names=[customer_name(conversation)])
    if not any(map(str.isalnum, text)):
        return None
    customer = conversation.customer
    return HeardText(
        text_id=str(conversation.public_id), text=text, written_at=conversation.last_message_at,
        customer_id=customer.external_id if customer else "", language=conversation.language,
    )  # fmt: skip
