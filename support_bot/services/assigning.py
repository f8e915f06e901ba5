"""Who answers a customer who waits, and in which order: by skill, and by value, risk of leaving and mood."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, Count, Q, QuerySet, When
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.exceptions import NotFoundError
from ecomai.fusion.exceptions import PurposeNotAllowedError
from ecomai.fusion.selectors import read_fact
from ecomai.numbers import format_percent

from ..app_settings import app_settings
from ..models import AgentProfile, Conversation, Tag
from .office import Office

PURPOSE = "support"
#: Facts of other scenarios, where they are installed.
EXPECTED_VALUE, CHURN = "marketing.expected_value", "marketing.churn_probability"
#: Nothing known counts as so much of each part, so that a customer without facts is not last for ever.
FLOOR = 0.25
ANSWER = "ecomai_support_bot.answer_conversation"
State = Conversation.State


@dataclass(frozen=True)
class Priority:
    """From 0 to 1, and the parts that made it, each from 0 to 1."""

    score: float
    value: float
    churn: float
    anger: float

    @property
    def parts(self) -> dict[str, float]:
        return {name: round(getattr(self, name), 3) for name in ("value", "churn", "anger")}


def priority_of(conversation: Conversation) -> Priority:
    """Return how much it matters that somebody answers soon: value x risk of leaving x mood."""
    spent = max(0.0, float(_fact(conversation, EXPECTED_VALUE) or 0.0))
    value = spent / (spent + app_settings.GOOD_CUSTOMER_VALUE)
    churn = min(1.0, max(0.0, float(_fact(conversation, CHURN) or 0.0)))
    anger = min(1.0, max(0.0, -conversation.mood))
    score = 1.0
    for part in (value, churn, anger):
        score *= FLOOR + (1 - FLOOR) * part
    return Priority(score ** (1 / 3), value, churn, anger)


def explain_priority(conversation: Conversation) -> str:
    """Say why a customer comes where they come, for the person who looks at the list."""
    parts = conversation.priority_parts
    if not parts:
        return ""
    text = _(
        "Value %(value)s, may leave %(churn)s, angry %(anger)s: counts as %(minutes)s minutes of waiting."
    )
    minutes = round(conversation.priority * app_settings.PRIORITY_WORTH_MINUTES)
    shares = {name: format_percent(parts.get(name) or 0.0) for name in ("value", "churn", "anger")}
    return text % (shares | {"minutes": minutes})


def in_line(conversations: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """Those who wait for a person before the others, the longest first; priority counts as waiting."""
    since = Case(When(waiting_since=None, then=None), default=Coalesce("counted_since", "waiting_since"))
    return conversations.order_by(since.asc(nulls_last=True), "-last_message_at")


def line_up(conversation: Conversation) -> None:
    """Give who waits from now on a place, a due time and a person; sets fields, the caller saves them.

    Priority counts as minutes of waiting, so a good customer who is angry overtakes, and nobody is overtaken
    for ever.
    """
    now, office = conversation.waiting_since or timezone.now(), Office()
    priority = priority_of(conversation)
    conversation.priority, conversation.priority_parts = priority.score, priority.parts
    conversation.counted_since = now - timedelta(minutes=priority.score * app_settings.PRIORITY_WORTH_MINUTES)
    conversation.answer_due_at = office.due(now, minutes=_minutes_for(priority))
    conversation.handed_over_at = conversation.handed_over_at or now
    _tag_by_intent(conversation)
    conversation.assigned_to = person_for(conversation)


def person_for(conversation: Conversation, *, but: Any = None) -> Any:
    """Return who should answer: the most fitting, then the least busy, then whoever was longest without.

    None while nobody is there who speaks the language and has room.
    """
    skills = set(conversation.tags.values_list("pk", flat=True))
    found = []
    for profile in _people_there(but=but):
        n_busy = profile.n_with + profile.n_meant
        if n_busy >= profile.capacity or not profile.speaks(conversation.language):
            continue
        n_fitting = len(skills & {skill.pk for skill in profile.skills.all()})
        last = profile.last_assigned_at.timestamp() if profile.last_assigned_at else 0.0
        found.append((-n_fitting, n_busy / profile.capacity, last, profile.pk, profile))
    if not found:
        return None
    profile = min(found)[-1]
    AgentProfile.objects.filter(pk=profile.pk).update(last_assigned_at=timezone.now())
    return profile.user


def assign_waiting(*, most: int = 200) -> int:
    """Give those who wait to people who have room now, the first in the line first; return how many."""
    if not AgentProfile.objects.filter(is_away=False).exists():
        return 0
    waiting = Conversation.objects.filter(state=State.WAITING, assigned_to=None)
    n = 0
    for pk in waiting.order_by("counted_since").values_list("pk", flat=True)[:most]:
        with transaction.atomic():
            row = Conversation.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
            if row is None or row.state != State.WAITING or row.assigned_to_id:
                continue
            row.assigned_to = person_for(row)
            if row.assigned_to is not None:
                row.save(update_fields=["assigned_to"])
                n += 1
    return n


def set_away(user: Any, *, is_away: bool) -> int:
    """Note that a person goes or comes back; who waits for one who goes is given to others, if they can.

    Returns how many were given to somebody.
    """
    AgentProfile.objects.update_or_create(user=user, defaults={"is_away": is_away})
    if is_away:
        Conversation.objects.filter(state=State.WAITING, assigned_to=user).update(assigned_to=None)
    return assign_waiting()


def _people_there(*, but: Any = None) -> Sequence[Any]:
    """Profiles of people who are there, with how many chats they have and how many wait for them."""
    there = AgentProfile.objects.filter(is_away=False, user__is_active=True).exclude(user=but)
    profiles: list[Any] = list(there.select_related("user").prefetch_related("skills"))
    users = [profile.user_id for profile in profiles]
    busy = Conversation.objects.filter(
        Q(state=State.AGENT, agent__in=users) | Q(state=State.WAITING, assigned_to__in=users)
    ).values_list("state", "agent", "assigned_to").annotate(n=Count("pk")).order_by()  # fmt: skip
    counts: dict[tuple[str, Any], int] = {}
    for state, agent, meant_for, n in busy:
        key = (state, agent if state == State.AGENT else meant_for)
        counts[key] = counts.get(key, 0) + n
    for profile in profiles:
        profile.n_with = counts.get((State.AGENT, profile.user_id), 0)
        profile.n_meant = counts.get((State.WAITING, profile.user_id), 0)
    return [profile for profile in profiles if profile.user.has_perm(ANSWER)]


def _minutes_for(priority: Priority) -> int:
    is_urgent = priority.score >= app_settings.URGENT_FROM_PERCENT / 100
    return app_settings.URGENT_ANSWER_MINUTES if is_urgent else app_settings.FIRST_ANSWER_MINUTES


def _tag_by_intent(conversation: Conversation) -> None:
    if conversation.intent:
        tags = [tag for tag in Tag.objects.all() if conversation.intent in tag.intents]
        conversation.tags.add(*tags)


def _fact(conversation: Conversation, name: str) -> Any:
    """A fact of the customer, or None where its scenario is not installed or nobody is known."""
    if conversation.customer is None:
        return None
    try:
        scenarios.get_fact_spec(name)
        return read_fact(
            name=name, entity_id=conversation.customer.external_id, purpose=PURPOSE,
            storefront=conversation.storefront,
        )  # fmt: skip
    except (NotFoundError, PurposeNotAllowedError):
        return None
