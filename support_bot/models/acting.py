"""What the bot did for customers, and what guests proved before."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Order

from .conversations import Conversation


class ToolCall(models.Model):
    """One thing that a tool would change or has changed at the shop; nothing happens before it is confirmed.

    `key` makes asking for it happen once, and the shop's own record of it makes the deed happen once.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a yes")
        WITHDRAWN = "withdrawn", _("not wanted")
        RUNNING = "running", _("under way")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused by the shop")
        UNCLEAR = "unclear", _("not known whether it was done")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(
        Conversation, verbose_name=_("conversation"), on_delete=models.CASCADE, related_name="tool_calls"
    )
    key = models.CharField(max_length=80, unique=True, editable=False)
    tool = models.CharField(_("tool"), max_length=32)
    arguments = models.JSONField(_("with"), default=dict)
    summary = models.TextField(_("what the customer was asked"), blank=True, default="")
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.PROPOSED)
    result = models.JSONField(_("result"), default=dict)
    problem = models.TextField(_("problem"), blank=True, default="")
    proposed_at = models.DateTimeField(_("asked"), default=timezone.now)
    started_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("action of the bot")
        verbose_name_plural = _("actions of the bot")
        ordering = ("-proposed_at",)
        indexes = (models.Index(fields=["state", "-proposed_at"], name="ecomai_toolcall_state"),)

    def __str__(self) -> str:
        return f"{self.tool} {self.proposed_at:%Y-%m-%d %H:%M}"


class OwnershipProof(models.Model):
    """A code that was mailed to the buyer of an order; whoever writes it may see to that order for a while.

    There is a row for a number that no order has, too, so that nothing tells the two apart. Of the code only
    a digest is kept.
    """

    conversation = models.ForeignKey(
        Conversation, verbose_name=_("conversation"), on_delete=models.CASCADE, related_name="proofs"
    )
    order = models.ForeignKey(
        Order, verbose_name=_("order"), null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    number_digest = models.CharField(max_length=64, editable=False)
    code_digest = models.CharField(max_length=64, blank=True, default="", editable=False)
    n_attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("asked"), default=timezone.now)
    proven_at = models.DateTimeField(_("proven"), null=True, blank=True)

    class Meta:
        verbose_name = _("proof of an order")
        verbose_name_plural = _("proofs of orders")
        indexes = (models.Index(fields=["number_digest", "-created_at"], name="ecomai_proof_number"),)

    def __str__(self) -> str:
        return f"{self.pk}"
