"""What beat is given once."""

from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections

from ecomai.registry.services.beat import add_beat_entries

#: Entry of beat -> task, minute, hour.
BEAT_ENTRIES = {
    "ecomai: reply to messages that were left, close idle conversations": ("look_after", "*", "*"),
    "ecomai: judge conversations, count contacts": ("count", "5", "*"),
    "ecomai: ask a language model whether conversations were solved": ("judge_by_model", "15", "3"),
    "ecomai: remove old conversations": ("remove_old", "50", "4"),
    "ecomai: ask people what unclear messages wanted": ("propose_labels", "40", "3"),
}


def create_beat_entries(sender: AppConfig, using: str, **kwargs: Any) -> None:
    add_beat_entries("support_bot", BEAT_ENTRIES, using=using)


def create_first_flows(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """A shop begins with the flows that are shipped; what it removes later stays away."""
    from .models import Flow
    from .services.flows import add_shipped_flows

    tables = connections[using].introspection.table_names()
    if using == DEFAULT_DB_ALIAS and Flow._meta.db_table in tables and not Flow.objects.exists():
        add_shipped_flows()


def read_flows_anew(**kwargs: Any) -> None:
    """A flow was saved or removed: the process that did it follows what holds now."""
    from .dialogue.flows import forget_flows

    forget_flows()


def keep_labelled_message(task: Any, **kwargs: Any) -> None:
    """A message that a person labelled is a phrase of its intent from now on."""
    from .services.intents import keep_labelled

    keep_labelled(task)
