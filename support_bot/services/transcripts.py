"""A conversation as a file: for whoever may, on record, and masked where that is wanted."""

import json
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.services import write_audit

from ..masking import mask_text
from ..models import Conversation, Message
from .canned import customer_name

EXPORT = "ecomai_support_bot.export_conversation"


@transaction.atomic
def export_transcript(conversation: Conversation, *, user: Any, form: str = "text", is_masked: bool) -> str:
    """Return all that was said, as `text` or `json`. Raises `PermissionDeniedError`; each is on record."""
    if user is None or not user.has_perm(EXPORT):
        raise PermissionDeniedError()
    write_audit(
        action="export_transcript", subject=conversation, user=user,
        details={"form": form, "is_masked": is_masked},
    )  # fmt: skip
    rows = _rows(conversation, is_masked=is_masked)
    return _as_json(conversation, rows, is_masked) if form == "json" else _as_text(conversation, rows)


def _rows(conversation: Conversation, *, is_masked: bool) -> list[dict[str, Any]]:
    names = [customer_name(conversation)] if is_masked else []
    messages = conversation.messages.select_related("agent").order_by("sequence")
    return [
        {
            "number": said.sequence,
            "at": timezone.localtime(said.created_at).isoformat(timespec="seconds"),
            "from": said.sender,
            "text": mask_text(said.text, names=names) if is_masked else said.text,
        }
        for said in messages
    ]


def _as_json(conversation: Conversation, rows: list[dict[str, Any]], is_masked: bool) -> str:
    customer = conversation.customer
    head = {
        "conversation": str(conversation.public_id),
        "customer": "" if is_masked or customer is None else customer.external_id,
        "language": conversation.language, "intent": conversation.intent, "state": conversation.state,
        "started_at": conversation.started_at.isoformat(), "rating": conversation.rating,
        "is_masked": is_masked,
    }  # fmt: skip
    return json.dumps(head | {"messages": rows}, ensure_ascii=False, indent=2)


def _as_text(conversation: Conversation, rows: list[dict[str, Any]]) -> str:
    title = _("Conversation %(number)s") % {"number": conversation.pk}
    who = {value: str(label) for value, label in Message.Sender.choices}
    lines = [f"{row['at']}  {who[row['from']]}: {row['text']}" for row in rows]
    return "\n".join([title, "", *lines, ""])
