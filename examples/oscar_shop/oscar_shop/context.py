"""What every page of the shop knows."""

from django.conf import settings
from django.http import HttpRequest

from . import consent, personas


def shop(request: HttpRequest) -> dict[str, object]:
    return {
        "consent": consent.current_answer(request),
        "consent_wording": consent.wording(),
        "has_privacy_signal": consent.has_privacy_signal(request),
        "has_personas": personas.are_open(request),
        "is_demo": settings.DEMO_PERSONAS,
    }
