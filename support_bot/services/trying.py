"""A version of the prompt of answers beside the live one, on what customers asked before. Nothing is sent."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.exceptions import InvalidInputError, NotEnoughDataError, PermissionDeniedError
from ecomai.generation.exceptions import ComposerAwayError
from ecomai.generation.models import PromptVersion
from ecomai.generation.selectors import LivePrompt, live_prompt
from ecomai.generation.services import chosen_composer
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.services.access import write_audit

from ..dialogue.answering import Asked, asked_of, draft_by
from ..knowledge.finding import find_passages
from ..knowledge.guarding import is_harmful, without_orders
from ..masking import mask_text
from ..models import Message, PromptTrial
from ..prompts import ANSWER
from ..selectors import with_questions

KIND = "support_bot.trial"
LIVE, DRAFT = "live", "draft"
MOST_QUESTIONS, MOST_DAYS = 200, 365
#: Answers to choices and to what came with a picture are no questions; so much more is looked through.
LOOKED_THROUGH = 5


def start_trial(
    *, version: PromptVersion, n_questions: int = 30, days: int = 90, name: str = "", user: Any = None
) -> PromptTrial:
    """Queue the trial of a version of the prompt of answers. Raises InvalidInputError."""
    if user is not None and not user.has_perm("ecomai_support_bot.add_prompttrial"):
        raise PermissionDeniedError
    if version.prompt.name != ANSWER:
        raise InvalidInputError(reason=_("only prompts of answers in the chat are tried on conversations."))
    if not 1 <= n_questions <= MOST_QUESTIONS or not 1 <= days <= MOST_DAYS:
        raise InvalidInputError(reason=_("ask from 1 to %(n)s questions.") % {"n": MOST_QUESTIONS})
    end = timezone.now()
    with transaction.atomic():
        trial = PromptTrial.objects.create(
            version=version, n_questions=n_questions, name=name[:100], created_by=user,
            period_start=end - timedelta(days=days), period_end=end,
        )  # fmt: skip
        # Beside trainings, not beside replies: it may keep a language model busy for a while.
        trial.job = enqueue_job(
            kind=KIND, arguments={"trial": trial.pk}, created_by=user, queue="gpu",
            label=_("Trial of %(version)s") % {"version": version},
        )  # fmt: skip
        trial.save(update_fields=["job"])
        write_audit(action="start_prompt_trial", subject=trial, user=user)
    return trial


def run_trial(job: RunningJob) -> dict[str, Any]:
    """Do the work of a `support_bot.trial` job; a second attempt goes on where the first one ended."""
    trial = PromptTrial.objects.select_related("version__prompt").get(pk=job.arguments["trial"])
    version = trial.version
    asked = past_questions(
        version.prompt.language, since=trial.period_start, until=trial.period_end, most=trial.n_questions
    )
    if not asked:
        raise NotEnoughDataError(have=0, need=1, unit=_("questions that were answered from articles"))
    prompts = {
        LIVE: live_prompt(ANSWER, version.prompt.language),
        DRAFT: LivePrompt(version.templates, version.instructions, version.pk, version.number),
    }
    rows: list[dict[str, Any]] = list(trial.partial.get("rows", []))
    for question in asked[len(rows) :]:
        told = {"n": len(rows), "total": len(asked)}
        job.report(len(rows) / len(asked), _("%(n)s of %(total)s questions") % told)
        rows.append(_row(question, version.prompt.language, prompts))
        PromptTrial.objects.filter(pk=trial.pk).update(partial={"rows": rows})
    report = {
        "rows": rows,
        "arms": {arm: summed([row[arm] for row in rows if row.get(arm)]) for arm in (LIVE, DRAFT)},
        "n_left_out": sum(not row.get(LIVE) for row in rows),
        "live_number": prompts[LIVE].number,
        "draft_number": version.number,
        "composer": chosen_composer().name,
    }
    PromptTrial.objects.filter(pk=trial.pk).update(report=report, partial={})
    return {"trial": trial.pk, "n_questions": len(rows)}


def past_questions(language: str, *, since: datetime, until: datetime, most: int) -> list[Message]:
    """Return the newest questions of customers that articles answered, each asked once."""
    answers = Message.objects.filter(
        sender=Message.Sender.BOT, answered_by="knowledge", created_at__gte=since, created_at__lt=until
    )
    newest = with_questions(answers).order_by("-created_at")[: most * LOOKED_THROUGH]
    keys = dict.fromkeys(newest.values_list("question_id", flat=True))
    questions = Message.objects.select_related("conversation").in_bulk([key for key in keys if key])
    found: dict[str, Message] = {}
    for question in map(questions.get, keys):
        if question is None or not question.text or question.content:
            continue
        if question.understanding.get("language", question.conversation.language) == language:
            found.setdefault(question.text.casefold(), question)
        if len(found) == most:
            break
    return list(found.values())


def _row(question: Message, language: str, prompts: dict[str, LivePrompt]) -> dict[str, Any]:
    """Answer one question by both; without either where no article answers it any more."""
    text = without_orders(mask_text(question.text))
    row: dict[str, Any] = {"message": question.pk}
    if not text or is_harmful(text):
        return row
    found = find_passages(text, language=language, storefront=question.conversation.storefront)
    if found.answer is None:
        return row
    asked = asked_of([found.answer.entry], text, language=language)
    return row | {arm: _answered(prompt, asked) for arm, prompt in prompts.items()}


def _answered(prompt: LivePrompt, asked: Asked) -> dict[str, Any]:
    try:
        draft, n_tokens = draft_by(prompt, asked)
    except ComposerAwayError as error:
        return {"said": "", "n_said": 0, "withheld": [], "n_tokens": 0, "cause": error.cause[:50]}
    return {
        "said": draft.text, "n_said": len(draft.said), "withheld": draft.withheld, "n_tokens": n_tokens,
        "cause": "",
    }  # fmt: skip


def summed(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return what became of an arm's answers: shares of all, and the mean length of those with any words."""
    n_said = sum(row["n_said"] for row in rows)
    n_withheld = sum(len(row["withheld"]) for row in rows)
    said = [row for row in rows if row["said"]]
    n = max(len(rows), 1)
    return {
        "n": len(rows),
        "supported": n_said / max(n_said + n_withheld, 1),
        "with_withheld": sum(bool(row["withheld"]) for row in rows) / n,
        "refused": sum(not row["said"] and not row["cause"] for row in rows) / n,
        "away": sum(bool(row["cause"]) for row in rows) / n,
        "length": sum(len(row["said"]) for row in said) / max(len(said), 1),
        "tokens": sum(row["n_tokens"] for row in rows) / n,
    }
