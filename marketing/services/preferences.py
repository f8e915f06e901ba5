"""What a customer wants to hear of, and by which way: read from the consent ledger, and noted there."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import get_language

from ecomai.commerce.models import Customer
from ecomai.fusion.selectors import default_consent, granted_consents, last_answer
from ecomai.fusion.services import record_consent

from ..app_settings import app_settings
from ..models import Channel, Topic


@dataclass(frozen=True)
class Preferences:
    """Which channels and topics a customer allows; neither counts where nothing `is_allowed` at all."""

    is_allowed: bool
    channels: frozenset[str]
    topics: frozenset[str]


def topic_purpose(topic: Topic) -> str:
    """Return under which purpose of the ledger answers about a topic stand."""
    return f"{app_settings.PURPOSE[:23]}.{topic.slug}"


def who_refused_topic(*, customer_pks: Collection[int], topic: Topic) -> set[int]:
    """Return who refused a topic; who has not answered allows it where marketing is allowed."""
    granted = granted_consents(customer_pks=customer_pks, purpose=topic_purpose(topic), default=True)
    return set(customer_pks) - granted


def preferences_of(customer: Customer) -> Preferences:
    purpose = app_settings.PURPOSE
    return Preferences(
        is_allowed=_is_granted(customer, purpose),
        channels=frozenset(each for each in Channel.values if _is_granted(customer, purpose, each)),
        topics=frozenset(
            topic.slug
            for topic in Topic.objects.filter(is_active=True)
            if _is_granted(customer, topic_purpose(topic), default=True)
        ),
    )


def save_preferences(
    customer: Customer, *, channels: Collection[str], topics: Collection[str], source: str
) -> bool:
    """Note what has changed; no channel at all is a refusal of everything. Returns whether it is one."""
    if not set(channels) & set(Channel.values):
        refuse_all(customer, source=source)
        return True
    with transaction.atomic():
        if not preferences_of(customer).is_allowed:
            _note(customer, app_settings.PURPOSE, is_granted=True, source=source)
        known = preferences_of(customer)
        for channel in Channel.values:
            if (channel in channels) != (channel in known.channels):
                _note(
                    customer, app_settings.PURPOSE, channel=channel, is_granted=channel in channels,
                    source=source,
                )  # fmt: skip
        for topic in Topic.objects.filter(is_active=True):
            if (topic.slug in topics) != (topic.slug in known.topics):
                _note(customer, topic_purpose(topic), is_granted=topic.slug in topics, source=source)
    return False


def refuse_all(customer: Customer, *, source: str) -> None:
    """Refuse everything; a later answer for one channel alone does not bring the others back."""
    if preferences_of(customer).is_allowed:
        _note(customer, app_settings.PURPOSE, is_granted=False, source=source)


def _note(customer: Customer, purpose: str, **answer: Any) -> None:
    record_consent(customer=customer, purpose=purpose, proof={"language": get_language()}, **answer)


def _is_granted(customer: Customer, purpose: str, channel: str = "", *, default: bool | None = None) -> bool:
    answer = last_answer(purpose=purpose, channel=channel, customer=customer)
    if answer is not None:
        return answer.is_granted
    return default_consent(purpose) if default is None else default
