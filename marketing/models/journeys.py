"""Journeys: the way of a customer over several steps, and who is where on it."""

import secrets

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer, EventType, Storefronted

from .segments import Segment


class Journey(Storefronted):
    """Steps that begin when a customer joins a segment or does something, with a holdout that takes none.

    `steps` is read by `journeys.graph`. Each of its messages is a campaign of its own once it has begun.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        STOPPED = "stopped", _("stopped")

    name = models.CharField(_("name"), max_length=80, unique=True)
    segment = models.ForeignKey(
        Segment, verbose_name=_("segment"), null=True, blank=True, on_delete=models.PROTECT,
        related_name="journeys", help_text=_("Who joins it begins; or else who does the event."),
    )  # fmt: skip
    event = models.CharField(_("event"), max_length=32, blank=True, default="")
    takes_members = models.BooleanField(
        _("also who is in the segment already"), default=False,
        help_text=_("Otherwise only who joins it after the start."),
    )  # fmt: skip
    steps = models.JSONField(_("steps"), default=list, blank=True)
    goal = models.CharField(
        _("goal"), max_length=32, blank=True, default=EventType.PURCHASE,
        help_text=_("Who does this leaves the journey at once; empty: nobody does."),
    )  # fmt: skip
    reentry_days = models.PositiveIntegerField(
        _("again after"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text=_("Days after which a customer may begin once more; empty: once only."),
    )  # fmt: skip
    holdout_share = models.FloatField(
        _("holdout"), default=0.1, validators=[MinValueValidator(0.0), MaxValueValidator(0.9)],
        help_text=_("The share of those who begin that gets nothing. Without one, no effect can be told."),
    )  # fmt: skip
    effect_days = models.PositiveIntegerField(
        _("effect within"), default=14, validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text=_("Days after a customer began in which orders count."),
    )  # fmt: skip
    cost_per_message = models.DecimalField(
        _("cost of a message"), max_digits=10, decimal_places=4, default=0, validators=[MinValueValidator(0)],
        help_text=_("In the reporting currency, with whatever is given away in it."),
    )  # fmt: skip
    fixed_cost = models.DecimalField(
        _("fixed cost"), max_digits=12, decimal_places=2, default=0, validators=[MinValueValidator(0)],
        help_text=_("Of the journey as a whole, in the reporting currency."),
    )  # fmt: skip
    margin_share = models.FloatField(
        _("margin"), default=0.3, validators=[MinValueValidator(0.01), MaxValueValidator(1.0)],
        help_text=_("The share of what customers spend that is left to the shop, from 0 to 1."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.DRAFT, editable=False)
    salt = models.CharField(max_length=64, default=secrets.token_hex, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("created by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, blank=True, editable=False)
    stopped_at = models.DateTimeField(_("stopped"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("journey")
        verbose_name_plural = _("journeys")
        default_permissions = ("add", "change", "view")
        permissions = [("run_journey", _("Can start, pause and stop a journey"))]

    def __str__(self) -> str:
        return self.name


class JourneyRun(models.Model):
    """One customer on one journey: at which step, and when that is to be looked at again.

    `arrived_at` is empty until the step has begun. `has_happened` says that the event a wait is for came.
    """

    class State(models.TextChoices):
        HELD_OUT = "held_out", _("held out")
        ON_THE_WAY = "on_the_way", _("on the way")
        FINISHED = "finished", _("reached the end")
        GOAL = "goal", _("reached the goal")
        LEFT = "left", _("refused marketing")
        CUT_SHORT = "cut_short", _("journey was stopped")

    journey = models.ForeignKey(
        Journey, verbose_name=_("journey"), on_delete=models.CASCADE, db_index=False, related_name="runs"
    )
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    entry = models.PositiveSmallIntegerField(_("entry"), default=1)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.ON_THE_WAY)
    step = models.CharField(_("step"), max_length=40, blank=True, default="")
    awaited = models.CharField(_("event waited for"), max_length=32, blank=True, default="")
    has_happened = models.BooleanField(_("has happened"), default=False)
    entered_at = models.DateTimeField(_("began"), default=timezone.now)
    arrived_at = models.DateTimeField(_("at this step since"), null=True, blank=True)
    due_at = models.DateTimeField(_("goes on"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("customer on a journey")
        verbose_name_plural = _("customers on journeys")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["journey", "customer", "entry"], name="ecomai_journey_run_once"),
        ]
        indexes = [
            models.Index(
                fields=["journey", "due_at"], name="ecomai_journey_run_due",
                condition=models.Q(state="on_the_way"),
            ),
            models.Index(fields=["journey", "state", "step"], name="ecomai_journey_run_place"),
            models.Index(fields=["customer"], name="ecomai_journey_run_customer"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.journey_id} {self.customer_id} {self.state} {self.step}"
