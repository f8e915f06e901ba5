"""How this shop words its answers: adapters of the local language model, learned from solved conversations.

What is learned is what was said and a passage supports, without personal data; what a passage does not
support is left out of it, so that the model is not taught to say such things.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.exceptions import InvalidInputError, NotEnoughDataError
from ecomai.fusion.selectors import granted_consents
from ecomai.generation.app_settings import app_settings as generation_settings
from ecomai.generation.composers.base import messages_of
from ecomai.generation.composers.local import BASE_MODEL
from ecomai.generation.models import LANGUAGE_CHOICES
from ecomai.generation.selectors import live_prompt
from ecomai.generation.texts import sentences_of
from ecomai.learning.callbacks import ReportTo
from ecomai.learning.generation import LanguageModel
from ecomai.learning.generation.adapters import AnswerAdapter, perplexity
from ecomai.registry.runs import Candidate, Run

from ..app_settings import app_settings
from ..dialogue.answering import Asked, Draft, asked_of
from ..knowledge.finding import find_passages
from ..knowledge.guarding import is_harmful, without_orders
from ..masking import mask_text
from ..models import Conversation, Message
from ..prompts import ANSWER
from ..readiness import LEAST_ANSWERS

KIND = "language_model_adapter"
TEST_SHARE = 0.2
MOST_CONVERSATIONS = 5_000
#: So many held-out questions are answered anew; the rest is judged by perplexity alone.
MOST_WRITTEN = 30


@dataclass(frozen=True)
class Example:
    """A question with what may be said to it, and what of that a person or the bot did say."""

    asked: Asked
    said: str
    closed_at: datetime


def train_answers(run: Run) -> Candidate:
    """Learn from the older conversations, judge on the newest fifth: adapters, none, and those that serve."""
    if not generation_settings.LOCAL_MODEL:
        raise InvalidInputError(
            reason=_("there is no language model to adapt. Name one in GENERATION.LOCAL_MODEL.")
        )
    run.report(0.02, _("Reading solved conversations"))
    examples = read_examples(as_of=run.cutoff or timezone.now())
    learned, held = split(examples)
    run.report(0.1, _("Loading the language model"))
    model = load()
    baseline = judge(model, held, run, start=0.12, end=0.3)
    questions, answers = as_texts(model, learned)
    adapter = AnswerAdapter(random_state=run.random_state, **run.hyperparameters)
    adapter.fit(
        model, questions, answers, device=generation_settings.LOCAL_DEVICE,
        callbacks=[ReportTo(run, start=0.3, end=0.75, message=_("Learning how answers are worded"))],
    )  # fmt: skip
    metrics = judge(model, held, run, start=0.75, end=0.9)
    folder = adapter.save(run.folder / "artifact")
    live, serving = run.live_artifact(), run.compared_with
    is_alike = serving is not None and serving.card.get(BASE_MODEL) == generation_settings.LOCAL_MODEL
    return Candidate(
        folder=folder,
        kind=KIND,
        metrics=metrics,
        baseline_metrics=baseline,
        live_metrics=judge(load(str(live)), held, run, start=0.9, end=1.0) if live and is_alike else {},
        window_start=examples[0].closed_at,
        window_end=examples[-1].closed_at,
        data_fingerprint=fingerprint(examples),
        hyperparameters=run.hyperparameters,
        card={
            "intended_use": _("Wording answers from articles the way this shop does."),
            BASE_MODEL: generation_settings.LOCAL_MODEL, "n_learned": len(learned), "n_asked": len(held),
            "n_weights": adapter.n_weights_,
        },
    )  # fmt: skip


def load(adapter: str = "") -> LanguageModel:
    return LanguageModel.load(
        generation_settings.LOCAL_MODEL, device=generation_settings.LOCAL_DEVICE, adapter=adapter
    )


def read_examples(*, as_of: datetime) -> list[Example]:
    """Return what was answered in solved conversations, the oldest first.

    A conversation of a known customer is in it where the customer allows the purpose `TRAINING_PURPOSE`.
    """
    solved = Conversation.objects.filter(
        state=Conversation.State.CLOSED, closed_at__lt=as_of,
        resolution__in=(Conversation.Resolution.SAID, Conversation.Resolution.QUIET),
    )  # fmt: skip
    rows = list(solved.order_by("-closed_at")[:MOST_CONVERSATIONS])
    known = {row.customer_id for row in rows if row.customer_id}
    granted = granted_consents(customer_pks=known, purpose=app_settings.TRAINING_PURPOSE)
    allowed = [row for row in rows if row.customer_id is None or row.customer_id in granted]
    told = Message.objects.exclude(sender=Message.Sender.SYSTEM).order_by("sequence")
    prefetch_related_objects(allowed, Prefetch("messages", queryset=told, to_attr="talk"))
    return [example for row in reversed(allowed) for example in _examples(row)]


def _examples(conversation: Any) -> Iterator[Example]:
    """Yield questions with what was said next by a person, or by the bot where it is said to have helped."""
    has_helped = conversation.resolution == Conversation.Resolution.SAID
    asked: Message | None = None
    for message in conversation.talk:
        is_from_bot = message.sender == Message.Sender.BOT
        if message.sender == Message.Sender.CUSTOMER:
            asked = message
        elif asked is not None and (not is_from_bot or (has_helped and message.answered_by == "knowledge")):
            if example := _example(conversation, asked.text, message.text):
                yield example
            asked = None


def _example(conversation: Conversation, question: str, answer: str) -> Example | None:
    text = without_orders(mask_text(question))
    if not text or is_harmful(text):
        return None
    language = conversation.language if conversation.language in dict(LANGUAGE_CHOICES) else "en"
    found = find_passages(text, language=language, storefront=conversation.storefront)
    if found.answer is None:
        return None
    draft = Draft(asked_of([found.answer.entry], text, language=language))
    for sentence in sentences_of(mask_text(answer)):
        draft.add(sentence)
    closed_at = conversation.closed_at or conversation.last_message_at
    return Example(draft.asked, draft.text, closed_at) if draft.said else None


def split(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Return the older examples, and the newest fifth. Raises NotEnoughDataError."""
    if len(examples) < LEAST_ANSWERS:
        unit = _("answers in solved conversations that an article supports")
        raise NotEnoughDataError(have=len(examples), need=LEAST_ANSWERS, unit=unit)
    cut = len(examples) - max(1, round(TEST_SHARE * len(examples)))
    return list(examples[:cut]), list(examples[cut:])


def as_texts(model: LanguageModel, examples: Sequence[Example]) -> tuple[list[str], list[str]]:
    """Return prompts as the model is given them in the chat, and answers."""
    return [prompt_of(model, each.asked) for each in examples], [each.said for each in examples]


def prompt_of(model: LanguageModel, asked: Asked) -> str:
    return model.prompt_of(messages(asked))


def messages(asked: Asked) -> list[dict[str, str]]:
    prompt = live_prompt(ANSWER, asked.request.language)
    return messages_of(replace(asked.request, instructions=prompt.instructions), is_streamed=True)


def judge(
    model: LanguageModel, held: Sequence[Example], run: Run, *, start: float, end: float
) -> dict[str, float]:
    """Return how much the answers that were given surprise the model, and what share of its own holds."""
    run.report(start, _("Judging"))
    measured = perplexity(model, *as_texts(model, held))
    n_said = n_withheld = 0
    written = list(held[-MOST_WRITTEN:])
    for n_done, example in enumerate(written):
        run.report(start + (end - start) * n_done / len(written), _("Judging"))
        said = model.generate(
            messages(example.asked), max_new_tokens=generation_settings.MAX_NEW_TOKENS, temperature=0.0
        )
        draft = Draft(example.asked)
        for sentence in sentences_of(said):
            draft.add(sentence)
        n_said, n_withheld = n_said + len(draft.said), n_withheld + len(draft.withheld)
    return {"perplexity": measured, "supported": n_said / max(n_said + n_withheld, 1)}


def fingerprint(examples: Sequence[Example]) -> str:
    texts: list[Any] = [part for each in examples for part in (each.asked.request.question, each.said)]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
