"""What the console's front page shows of this scenario."""

from typing import Any

from django.core.cache import cache
from django.db.models import Count, Min, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from ecomai.console.cards import Card

from .models import Conversation

FIGURES_KEY = "ecomai.support_bot.cards"
#: Short, because somebody waits.
FIGURES_SECONDS = 10


def cards(request: HttpRequest) -> list[Card]:
    """Return a card: how many customers wait for a person, and since when."""
    if not request.user.has_perm("ecomai_support_bot.view_conversation"):
        return []
    found: Any = cache.get_or_set(FIGURES_KEY, _figures, FIGURES_SECONDS)
    href = reverse("admin:ecomai_support_bot_conversation_changelist")
    title = _("Customers who wait for a person")
    if found["n_waiting"]:
        text = _("The first one for %(time)s. Open the inbox to answer.") % {
            "time": timesince(found["since"])
        }
        return [
            Card(title=title, value=str(found["n_waiting"]), text=text, state="attention", href=href, order=5)
        ]
    text = _("%(n)s conversations are open.") % {"n": found["n"]}
    return [
        Card(title=title, value="0", text=text, state="ok" if found["n"] else "empty", href=href, order=30)
    ]


def _figures() -> dict[str, Any]:
    waiting = Q(state=Conversation.State.WAITING)
    return Conversation.objects.exclude(state=Conversation.State.CLOSED).aggregate(
        n=Count("pk"), n_waiting=Count("pk", filter=waiting), since=Min("waiting_since", filter=waiting)
    )
