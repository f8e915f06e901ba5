"""What the demo shop shows of this scenario."""

import random

from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language

from ..models import ContactVolume, Conversation
from ..services.intents import add_starter_intents
from ..services.judging import count_days, judge_ended
from .articles import seed_articles
from .people import seed_people
from .talks import N_DAYS, seed_talks, seed_waiting
from .volume import seed_volume

SEED = 8


def seed_demo() -> None:
    """Publish articles, tell weeks of talks, people who answer and one who waits. Safe to run twice."""
    seed_articles()
    language = demo_language()
    add_starter_intents()
    with transaction.atomic():
        agents = seed_people(language)
        if not Conversation.objects.exists():
            chance = random.Random(SEED)  # noqa: S311 - a demo that is the same each time
            now = timezone.now()
            seed_talks(language, agents, now=now, chance=chance)
            seed_waiting(language, now=now)
        if not ContactVolume.objects.filter(n_conversations__gt=0).exists():
            seed_volume(now=timezone.now())
    judge_ended()
    count_days(n_days=N_DAYS + 3)


def demo_language() -> str:
    """The language that the demo shop speaks, of the two that it is told in."""
    return "zh-hans" if (get_language() or "en").startswith("zh") else "en"
