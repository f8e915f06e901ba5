"""Whether there is enough to learn from."""

from django.utils.translation import gettext as _

from ecomai.scenarios import Readiness

from .models import Article, Conversation, IntentExample, Message

#: Of the shop's own, over all intents; a person may train with fewer.
LEAST_PHRASES = 30
#: Of all articles, besides their titles.
LEAST_QUESTIONS = 10
#: In solved conversations, with an article that supports them.
LEAST_ANSWERS = 20


def intents() -> list[Readiness]:
    own = IntentExample.objects.filter(intent__is_active=True).exclude(source=IntentExample.Source.STARTER)
    return [Readiness(_("phrases of the shop's own"), own.count(), LEAST_PHRASES)]


def passages() -> list[Readiness]:
    """Ways to ask are what finding is judged by."""
    rows = Article.objects.published().exclude(questions="").values_list("questions", flat=True)
    n = sum(len(questions.splitlines()) for questions in rows)
    return [Readiness(_("ways to ask, written with articles"), n, LEAST_QUESTIONS)]


def answers() -> list[Readiness]:
    """How many answers an article supports is known when they are read; here those of people are counted."""
    solved = (Conversation.Resolution.SAID, Conversation.Resolution.QUIET)
    said = Message.objects.filter(
        sender=Message.Sender.AGENT, conversation__state=Conversation.State.CLOSED,
        conversation__resolution__in=solved,
    )  # fmt: skip
    return [Readiness(_("answers of people in solved conversations"), said.count(), LEAST_ANSWERS)]
