"""What alert rules can watch of the support bot: customers who wait longer than was promised."""

from django.utils import timezone
from django.utils.translation import gettext_lazy

from ecomai.console.measures import Measure, Reading, register_measure

from .models import Conversation

_HERE = __name__


def register_measures() -> None:
    register_measure(
        Measure(
            name="support_bot.overdue",
            verbose_name=gettext_lazy("Customers who wait for a person longer than promised"),
            read=f"{_HERE}.overdue", default_bound=0,
            url_name="admin:ecomai_support_bot_conversation_changelist",
        )
    )  # fmt: skip


def overdue() -> list[Reading]:
    late = Conversation.objects.filter(
        state=Conversation.State.WAITING, person_answered_at=None, answer_due_at__lt=timezone.now()
    )
    return [Reading(float(late.count()))]
