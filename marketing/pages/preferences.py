"""The page on which a customer says what to hear of: a form that works without scripts, and by keyboard."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer

from ..models import Channel, Topic
from ..services import preferences as services
from ..services import unsubscribing

TEMPLATE = "ecomai/marketing/preferences.html"


def answer(request: HttpRequest, customer: Customer, *, token: str = "") -> HttpResponse:
    """Show the choices, and on a POST note them first. In the customer's own language, by a mail's link."""
    language = customer.language if token else get_language()
    with override(language or get_language() or settings.LANGUAGE_CODE):
        said = _save(request, customer, token) if request.method == "POST" else ""
        return render(request, TEMPLATE, _context(customer) | {"said": said})


def _save(request: HttpRequest, customer: Customer, token: str) -> str:
    """Return what was done, as a sentence."""
    source = "preference link" if token else "preference page"
    if "refuse" in request.POST:
        services.refuse_all(customer, source=source)
        is_refused = True
    else:
        is_refused = services.save_preferences(
            customer, channels=request.POST.getlist("channel"), topics=request.POST.getlist("topic"),
            source=source,
        )  # fmt: skip
    if not is_refused:
        return _("Your choices are saved.")
    if token:
        unsubscribing.note_unsubscribed(token, customer=customer)
    return _(
        "You will get no more messages about offers. What you order still brings the mails that belong to it."
    )


def _context(customer: Customer) -> dict[str, Any]:
    known = services.preferences_of(customer)
    return {
        "is_allowed": known.is_allowed,
        "channels": [
            (value, label, known.is_allowed and value in known.channels) for value, label in _channels()
        ],
        "topics": [
            (topic, known.is_allowed and topic.slug in known.topics)
            for topic in Topic.objects.filter(is_active=True).order_by("name")
        ],
    }


def _channels() -> list[tuple[str, str]]:
    """As customers read them."""
    return [
        (Channel.EMAIL, _("By e-mail")),
        (Channel.WEBHOOK, _("By text message or in the app")),
        (Channel.ONSITE, _("On our site")),
        (Channel.CHAT, _("In the chat")),
    ]
