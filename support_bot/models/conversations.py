"""Conversations and their messages: the truth of a chat; sockets only carry it."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer, Storefronted


class Tag(models.Model):
    """A word that a shop sorts its conversations by; also what its people know about."""

    name = models.CharField(_("name"), max_length=50, unique=True)
    intents = models.JSONField(
        _("intents"), default=list, blank=True,
        help_text=_("Conversations about one of these get the tag by themselves."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Conversation(Storefronted):
    """What a customer and the shop say to each other until it is closed.

    It belongs to `customer`, or, while nobody has logged in, to the browser whose secret has the digest
    `visitor_digest`.
    """

    class State(models.TextChoices):
        BOT = "bot", _("with the bot")
        WAITING = "waiting", _("waiting for a person")
        AGENT = "agent", _("with a person")
        CLOSED = "closed", _("closed")

    class HandoffReason(models.TextChoices):
        ASKED = "asked", _("the customer asked for a person")
        NOT_UNDERSTOOD = "not_understood", _("the bot did not understand")
        UNHAPPY = "unhappy", _("the customer is unhappy")
        POLICY = "policy", _("a rule of the shop says so")
        RISK = "risk", _("a case for careful eyes")
        LOOP = "loop", _("the bot repeated itself")
        TAKEN = "taken", _("a person took over")

    class Resolution(models.TextChoices):
        UNKNOWN = "", _("not known yet")
        SAID = "said", _("solved, said the customer")
        QUIET = "quiet", _("solved, nobody came back")
        RETURNED = "returned", _("not solved, the customer came back")
        DENIED = "denied", _("not solved, said the customer")
        ABANDONED = "abandoned", _("not solved, nobody answered")

    public_id = models.UUIDField(_("id"), default=uuid.uuid4, unique=True, editable=False)
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), null=True, blank=True, on_delete=models.CASCADE,
        db_index=False, related_name="+",
    )  # fmt: skip
    visitor_digest = models.CharField(max_length=64, editable=False)
    session_id = models.CharField(_("session"), max_length=128, blank=True, default="")
    language = models.CharField(_("language"), max_length=16, blank=True, default="")
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.BOT)
    handoff_reason = models.CharField(
        _("why a person"), max_length=16, choices=HandoffReason, blank=True, default=""
    )
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("person"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    last_sequence = models.PositiveIntegerField(_("messages"), default=0)
    acknowledged = models.PositiveIntegerField(
        _("seen up to"), default=0, help_text=_("The newest message that reached the customer.")
    )
    n_failed_answers = models.PositiveSmallIntegerField(_("answers that did not help"), default=0)
    memory = models.JSONField(
        default=dict,
        editable=False,
        help_text=_("What the bot is in the middle of: flow, slots, what was shown."),
    )
    intent = models.CharField(_("about"), max_length=64, blank=True, default="")
    tags = models.ManyToManyField(Tag, verbose_name=_("tags"), blank=True, related_name="+")
    mood = models.FloatField(_("mood"), default=0.0, help_text=_("From -1, angry, to 1, pleased."))
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("meant for"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    priority = models.FloatField(_("priority"), default=0.0, help_text=_("From 0 to 1; why is beside it."))
    priority_parts = models.JSONField(default=dict, editable=False)
    counted_since = models.DateTimeField(
        null=True, blank=True, editable=False,
        help_text=_("Since when a customer counts as waiting: earlier than they do, by their priority."),
    )  # fmt: skip
    handed_over_at = models.DateTimeField(_("handed over"), null=True, blank=True)
    answer_due_at = models.DateTimeField(_("answer due"), null=True, blank=True)
    person_answered_at = models.DateTimeField(_("first answer of a person"), null=True, blank=True)
    taken_at = models.DateTimeField(_("taken over"), null=True, blank=True)
    given_back_at = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("After which message a person gave it back to the bot.")
    )
    agent_seconds = models.PositiveIntegerField(_("time with a person"), default=0)
    n_tokens = models.PositiveIntegerField(_("tokens"), default=0)
    has_helped = models.BooleanField(_("said to have helped"), null=True, blank=True)
    resolution = models.CharField(
        _("solved"), max_length=16, choices=Resolution, blank=True, default=Resolution.UNKNOWN
    )
    judged_at = models.DateTimeField(_("judged"), null=True, blank=True)
    model_says_solved = models.BooleanField(_("solved, says a language model"), null=True, blank=True)
    model_asked_at = models.DateTimeField(_("language model asked"), null=True, blank=True)
    rating = models.PositiveSmallIntegerField(_("rating"), null=True, blank=True)
    rating_text = models.TextField(_("what the customer said of it"), blank=True, default="")
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    last_message_at = models.DateTimeField(_("last message"), default=timezone.now)
    waiting_since = models.DateTimeField(_("waiting since"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        permissions = [
            ("answer_conversation", _("Can talk with customers")),
            ("export_conversation", _("Can save transcripts")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(rating=None) | models.Q(rating__range=(1, 5)), name="ecomai_chat_rating"
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-last_message_at"], name="ecomai_chat_customer"),
            models.Index(fields=["visitor_digest", "-last_message_at"], name="ecomai_chat_visitor"),
            models.Index(fields=["state", "-last_message_at"], name="ecomai_chat_state"),
            models.Index(fields=["started_at"], name="ecomai_chat_started"),
            models.Index(
                fields=["closed_at"],
                name="ecomai_chat_unjudged",
                condition=models.Q(judged_at=None, state="closed"),
            ),
            models.Index(
                fields=["session_id"], name="ecomai_chat_session", condition=~models.Q(session_id="")
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    @property
    def is_open(self) -> bool:
        return self.state != self.State.CLOSED


#: Who replies where nobody knows.
UNANSWERED = ("fallback", "asking_back", "handoff")


class Message(models.Model):
    """One thing said. `sequence` counts from 1 within a conversation, without gaps, in the order of commits.

    `content` holds what is shown besides the text: citations, cards, choices; see docs/chat-protocol.md.
    `understanding` is what was made of a customer's words.
    """

    class Sender(models.TextChoices):
        CUSTOMER = "customer", _("customer")
        BOT = "bot", _("bot")
        AGENT = "agent", _("person")
        SYSTEM = "system", _("notice")

    class ReplyState(models.TextChoices):
        NONE = "", _("none needed")
        WAITING = "waiting", _("waiting")
        DONE = "done", _("answered")

    conversation = models.ForeignKey(
        Conversation, verbose_name=_("conversation"), on_delete=models.CASCADE, db_index=False,
        related_name="messages",
    )  # fmt: skip
    sequence = models.PositiveIntegerField(_("number"))
    sender = models.CharField(_("from"), max_length=16, choices=Sender)
    text = models.TextField(_("text"), blank=True, default="")
    content = models.JSONField(_("content"), default=dict, blank=True)
    key = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text=_("Given by the sender; the same key is one message."),
    )
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("person"), null=True, blank=True, db_index=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    understanding = models.JSONField(_("understood"), default=dict, blank=True)
    answered_by = models.CharField(_("answered by"), max_length=32, blank=True, default="")
    reply_state = models.CharField(_("reply"), max_length=8, choices=ReplyState, blank=True, default="")
    n_reply_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    reply_leased_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("said"), default=timezone.now)

    #: Whether this process leased it when it was taken, and replies next.
    is_leased_here = False

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["conversation", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "sequence"], name="ecomai_message_sequence"),
            models.UniqueConstraint(
                fields=["conversation", "key"], name="ecomai_message_key", condition=~models.Q(key="")
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                name="ecomai_message_waiting",
                condition=models.Q(reply_state="waiting"),
            ),
            models.Index(
                fields=["created_at"],
                name="ecomai_message_unanswered",
                condition=models.Q(answered_by__in=UNANSWERED),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sender} {self.sequence}"

    @property
    def is_leased(self) -> bool:
        """Whether somebody is still trusted to reply."""
        return self.reply_leased_until is not None and self.reply_leased_until > timezone.now()
