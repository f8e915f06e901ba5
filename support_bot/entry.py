"""The way in, for socket and HTTP alike: who chats, where the conversation is, and what is sent at first."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from ecomai.commerce.authentication import find_key, is_origin_allowed
from ecomai.commerce.exceptions import InvalidKeyError, OriginNotAllowedError
from ecomai.commerce.models import ApiKey
from ecomai.commerce.services.keys import digest_of, is_valid

from . import selectors
from .app_settings import app_settings
from .exceptions import UnknownConversationError
from .models import Conversation
from .protocol import VERSION, message_frame
from .services.conversations import claim_conversations
from .visitors import ChatVisitor


@dataclass
class Entered:
    """A visitor in a conversation; there is none before the first message."""

    visitor: ChatVisitor
    conversation: Conversation | None


def enter(visitor: ChatVisitor, *, conversation_id: str = "") -> Entered:
    """Find the visitor's conversation: the one that is named, else the newest open one.

    One that is named and not the visitor's own counts as none: a customer who logged out begins anew.
    """
    claim_conversations(visitor)
    if conversation_id:
        with suppress(UnknownConversationError):
            return Entered(visitor, selectors.conversation_of(visitor, conversation_id))
    return Entered(visitor, selectors.open_conversation_of(visitor))


def welcome_frames(entered: Entered, *, after: int, version: int = VERSION) -> list[dict[str, Any]]:
    """Return the greeting, and the first of the messages that the visitor has not seen."""
    frames = [_welcome(entered, version)]
    conversation = entered.conversation
    if conversation is not None:
        # Who comes back gets all that was missed; who opens the chat, as much as a screen can use.
        first = after or max(0, conversation.last_sequence - app_settings.HISTORY_MESSAGES)
        frames += [message_frame(message) for message in selectors.messages_after(conversation, first)]
    return frames


def check_key(plaintext: str, origin: str, request: Any) -> str:
    """Return the storefront of a page's publishable key; '' without a key.

    `request` says `scheme` and `get_host()`, as a request of Django does.
    """
    if not plaintext:
        return ""
    key = find_key(digest_of(plaintext))
    if key is None or not is_valid(key) or key.kind != ApiKey.Kind.PUBLISHABLE:
        raise InvalidKeyError()
    if origin and not is_origin_allowed(request, key, origin.lower()):
        raise OriginNotAllowedError()
    return str(key.storefront)


def supported_language(wanted: str) -> str:
    """Return the language of `LANGUAGES` that is nearest to a wish of a browser; '' if none is."""
    known = {code.lower() for code, _name in settings.LANGUAGES}
    try:
        found = translation.get_supported_language_variant(wanted) if wanted else ""
    except LookupError:
        return ""
    return found if found.lower() in known else ""


def _welcome(entered: Entered, version: int) -> dict[str, Any]:
    conversation, visitor = entered.conversation, entered.visitor
    with translation.override(visitor.language or None):
        greeting = _(
            "Hello! I'm the shop's assistant, a computer program. Ask me anything, or ask for a person."
        )
    return {
        "type": "welcome",
        "version": version,
        "visitor": visitor.secret,
        "conversation": str(conversation.public_id) if conversation else "",
        "state": conversation.state if conversation else Conversation.State.BOT,
        "last": conversation.last_sequence if conversation else 0,
        "known": visitor.customer is not None,
        "greeting": greeting,
        "limits": {"text": app_settings.MAX_TEXT_LENGTH},
    }
