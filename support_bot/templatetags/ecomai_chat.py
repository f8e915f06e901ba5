"""`{% load ecomai_chat %}{% ecomai_chat %}`: the chat's bubble on a shop page."""

import json
import logging
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from ecomai.commerce.services import site_key
from ecomai.commerce.visitors import customer_id_of_login, sign_customer
from ecomai.registry.selectors import is_scenario_on

logger = logging.getLogger(__name__)
register = template.Library()


@register.simple_tag(takes_context=True)
def ecomai_chat(
    context: template.Context, *, customer_id: Any = None, storefront: str = ""
) -> SafeString | str:
    """Write the script tag of the chat: no inline code, so that a strict Content-Security-Policy holds.

    The page must never suffer: whatever goes wrong is logged, and nothing is shown. Writes nothing while the
    scenario is switched off, or when the site's key has been revoked.
    """
    try:
        key = site_key(storefront) if is_scenario_on("support_bot") else ""
        if not key:
            return ""
        request = context.get("request")
        external_id = str(customer_id) if customer_id else customer_id_of_login(request) if request else ""
        return format_html(
            '<script src="{}" defer data-style="{}" data-media="{}" data-endpoint="{}" data-socket="{}" '
            'data-key="{}" data-customer="{}" data-language="{}" data-texts="{}"></script>',
            static("ecomai/support_bot/chat.js"),
            static("ecomai/support_bot/chat.css"),
            static("ecomai/support_bot/chat_media.js"),
            reverse("ecomai:support-bot-messages"),
            reverse("ecomai:support-bot-messages").removesuffix("messages/") + "chat/",
            key,
            sign_customer(external_id, storefront=storefront) if external_id else "",
            get_language() or "",
            json.dumps(texts(), ensure_ascii=False),
        )
    except Exception:
        logger.exception("The chat could not be shown.")
        return ""


def texts() -> dict[str, str]:
    """All that the widget says itself, in the page's language."""
    return {
        "open": _("Chat with us"),
        "title": _("Help"),
        "close": _("Close the chat"),
        "placeholder": _("Write a message"),
        "send": _("Send"),
        "person": _("Talk to a person"),
        "conversation": _("Conversation"),
        "you": _("You"),
        "bot": _("Assistant"),
        "agent": _("Our team"),
        "typing": _("… is writing"),
        "offline": _("No connection. What you write is sent as soon as it is back."),
        "waiting": _("A person will answer here. You may leave this page and come back."),
        "closed": _("This conversation is closed. Write again to begin a new one."),
        "sources": _("Sources"),
        "end": _("End the chat"),
        "shortEnd": pgettext("button of the chat", "End"),
        "rate": _("How did we do?"),
        "stars": _("%s of 5 stars"),
        "thanks": _("Thank you for your rating."),
        "more": _("What could be better?"),
        "picture": _("Your picture"),
        "add_picture": _("Add a picture"),
        "describe": _("What does it show? (optional)"),
        "remove": _("Remove the picture"),
        "sending": _("The picture is being sent …"),
        "not_sent": _("The picture could not be sent. Please try again."),
        "speak": _("Speak"),
        "stop": _("Stop and write it down"),
        "listening": _("I'm listening …"),
        "hearing": _("Your words are being written down …"),
        "heard": _("Is this what you said? Change it, or send it."),
        "no_microphone": _("The microphone cannot be used. Please write instead."),
        "not_heard": _("That could not be written down. Please write instead."),
    }
