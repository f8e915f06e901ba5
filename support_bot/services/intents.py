"""Phrases of intents, added from what is shipped and from messages that people labelled."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from ecomai.registry.models import LabellingTask
from ecomai.registry.services import add_labelling_tasks, remove_labelling_tasks

from ..masking import mask_text
from ..models import Intent, IntentExample, Message
from ..models.understanding import LONGEST_PHRASE
from ..names import INTENT
from ..selectors import active_intents, unsure_messages
from ..understanding.starter import STARTER, starter_examples
from .canned import customer_name

Source = IntentExample.Source
#: People label so many a day at most, and more than so many never wait.
MOST_A_DAY, MOST_WAITING = 50, 300


@transaction.atomic
def add_starter_intents() -> int:
    """Add the intents that are shipped, where the shop has none of the name; return how many were added."""
    n_added = 0
    for name in STARTER:
        title = name.replace("_", " ").capitalize()
        intent, is_new = Intent.objects.get_or_create(name=name, defaults={"title": title})
        if is_new:
            phrases = [text for language in STARTER[name] for text in starter_examples(name, language)]
            IntentExample.objects.bulk_create(
                IntentExample(intent=intent, text=text, source=Source.STARTER) for text in phrases
            )
            n_added += 1
    return n_added


def propose_labels() -> int:
    """Put the messages of a day that were least understood into the labelling queue; return how many are new.

    Where enough wait there already, nobody is given more.
    """
    waiting = LabellingTask.objects.filter(model_name=INTENT, state=LabellingTask.State.WAITING).count()
    choices = sorted(active_intents())
    if waiting >= MOST_WAITING or not choices:
        return 0
    unsure = sorted(unsure_messages(since=timezone.now() - timedelta(days=1)), key=_confidence)
    cases = {message.text.casefold(): message for message in reversed(unsure)}
    chosen = sorted(cases.values(), key=_confidence)[: min(MOST_A_DAY, MOST_WAITING - waiting)]
    return add_labelling_tasks(model_name=INTENT, cases=[_case(message, choices) for message in chosen])


def forget_proposed(message_ids: Iterable[int]) -> int:
    """Take messages out of the queue, such as those of a customer who is erased; return how many."""
    return remove_labelling_tasks(model_name=INTENT, subject_keys=[_subject_key(pk) for pk in message_ids])


def _case(message: Message, choices: list[str]) -> dict[str, Any]:
    return {
        "subject_key": _subject_key(message.pk),
        "text": mask_text(message.text, names=[customer_name(message.conversation)])[:LONGEST_PHRASE],
        "choices": choices,
        "predicted_label": message.understanding["intent"],
        "confidence": _confidence(message),
    }


def _subject_key(message_id: int) -> str:
    return f"message-{message_id}"


def _confidence(message: Message) -> float:
    """What is out of scope is the least certain of all."""
    return 0.0 if message.understanding["is_out_of_scope"] else float(message.understanding["confidence"])


def keep_labelled(task: LabellingTask) -> None:
    """Make a labelled message a phrase of its intent. Safe to do twice."""
    if task.model_name != INTENT:
        return
    intent = Intent.objects.filter(name=task.label).first()
    if intent is not None:
        # What a model learns from says nothing of the person who said it.
        IntentExample.objects.get_or_create(
            intent=intent, text=mask_text(task.text)[:LONGEST_PHRASE], defaults={"source": Source.LABELLED}
        )
