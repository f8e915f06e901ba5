"""A language model's word on whether conversations were solved: each night, where a shop wants it."""

from datetime import timedelta
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.generation.composers import CompositionRequest
from ecomai.generation.exceptions import ComposerAwayError
from ecomai.generation.models import LANGUAGE_CHOICES
from ecomai.generation.services import ask_model
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.models import Job

from ..app_settings import app_settings
from ..masking import mask_text
from ..models import Conversation, Message
from ..prompts import JUDGE

KIND = "support_bot.judging"
#: Who was not asked about within so long, such as for want of budget, is asked about no more.
WITHIN = timedelta(days=7)
MOST_MESSAGES, MOST_LETTERS = 40, 500
YES, NO = ("yes", "solved", "是", "解决"), ("no", "not", "unsolved", "否", "没", "未解决")


def request_judging() -> Job | None:
    """Queue tonight's judging where the shop wants it, unless one is under way."""
    unfinished = Job.objects.filter(kind=KIND).exclude(state__in=Job.FINISHED_STATES)
    if not app_settings.JUDGE_BY_MODEL or unfinished.exists() or not _not_asked().exists():
        return None
    return enqueue_job(kind=KIND, label=_("Whether conversations were solved"), queue="gpu")


def run_judging(job: RunningJob) -> dict[str, Any]:
    """Ask about each conversation once; a second attempt goes on where the first one ended."""
    rows = list(_not_asked().order_by("-last_message_at")[: app_settings.JUDGED_PER_NIGHT])
    n_judged, cause = 0, ""
    for n_done, conversation in enumerate(rows):
        told = {"n": n_done, "total": len(rows)}
        job.report(n_done / len(rows), _("%(n)s of %(total)s conversations") % told)
        try:
            n_judged += judge(conversation) is not None
        except ComposerAwayError as error:
            cause = error.cause  # such as a budget that is spent: the next night goes on
            break
    return {"judged": n_judged, "of": len(rows), "cause": cause}


def _not_asked() -> QuerySet[Conversation]:
    since = timezone.now() - WITHIN
    closed = Conversation.objects.filter(state=Conversation.State.CLOSED, last_message_at__gte=since)
    return closed.filter(model_asked_at=None)


def judge(conversation: Conversation) -> bool | None:
    """Ask about one conversation and keep the word; None where none was given. Raises ComposerAwayError."""
    language = conversation.language if conversation.language in dict(LANGUAGE_CHOICES) else "en"
    asked = CompositionRequest(
        purpose=JUDGE, language=language, most=20, passages=_lines(conversation),
    )  # fmt: skip
    found = ask_model(asked)
    says = read_word(found.texts[0] if found.texts else "")
    Conversation.objects.filter(pk=conversation.pk).update(
        model_says_solved=says, model_asked_at=timezone.now(), n_tokens=F("n_tokens") + found.n_tokens
    )
    return says


def read_word(said: str) -> bool | None:
    """Return what a model means by its answer; None for anything but a yes or a no.

    Examples
    --------
    >>> read_word("Yes."), read_word("否"), read_word("It depends, yes and no.")
    (True, False, None)
    """
    word = said.strip().strip("\"'.。!！“”").casefold()
    if word in NO:
        return False
    return True if word in YES else None


def _lines(conversation: Conversation) -> list[str]:
    """Return the end of the conversation, a line each, without personal data."""
    said = conversation.messages.exclude(sender=Message.Sender.SYSTEM).order_by("-sequence")[:MOST_MESSAGES]
    return [f"{one.sender}: {mask_text(one.text)[:MOST_LETTERS]}" for one in reversed(said) if one.text]
