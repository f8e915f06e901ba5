"""What alert rules can watch of marketing: aspects of which customers complain more."""

from django.utils.translation import gettext_lazy

from ecomai.console.measures import Measure, Reading, register_measure

from .models import VoiceAlarm
from .services.alarms import sentence_of

_HERE = __name__


def register_measures() -> None:
    register_measure(
        Measure(
            name="marketing.voice_alarms",
            verbose_name=gettext_lazy("Aspects of which customers complain more"),
            read=f"{_HERE}.voice_alarms", default_bound=0, is_said_by_label=True,
            url_name="admin:ecomai_marketing_voicealarm_changelist",
        )
    )  # fmt: skip


def voice_alarms() -> list[Reading]:
    """One for each alarm that is not closed; its sentence says what has changed."""
    alarms = VoiceAlarm.objects.exclude(state=VoiceAlarm.State.CLOSED).select_related("aspect").order_by("pk")
    return [
        Reading(1.0, str(alarm.pk), f"{alarm.aspect}: {sentence_of(alarm)}"[:200], sentence_of(alarm))
        for alarm in alarms
    ]
