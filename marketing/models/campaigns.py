"""Campaigns: whom a mail goes to, who is kept without one to compare with, and what became of each."""

import secrets
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer, Storefronted

from .channels import Messaging
from .journeys import Journey, JourneyRun
from .segments import Segment


class Campaign(Messaging, Storefronted):
    """One message to a segment, with a holdout that gets none, so that its effect can be told.

    A message of a journey is one, too: it has no segment, and its customers come as they reach the step.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SCHEDULED = "scheduled", _("scheduled")
        SENDING = "sending", _("sending")
        PAUSED = "paused", _("paused")
        STOPPED = "stopped", _("stopped")
        FINISHED = "finished", _("finished")

    name = models.CharField(_("name"), max_length=150)
    segment = models.ForeignKey(
        Segment, verbose_name=_("segment"), null=True, on_delete=models.PROTECT, related_name="campaigns"
    )
    journey = models.ForeignKey(
        Journey, verbose_name=_("journey"), null=True, blank=True, editable=False, on_delete=models.CASCADE,
        related_name="campaigns",
    )  # fmt: skip
    step = models.CharField(_("step"), max_length=40, blank=True, default="", editable=False)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.DRAFT, editable=False)
    holdout_share = models.FloatField(
        _("holdout"), default=0.1, validators=[MinValueValidator(0.0), MaxValueValidator(0.9)],
        help_text=_("The share of the segment that gets nothing. Without one, no effect can be reported."),
    )  # fmt: skip
    effect_days = models.PositiveIntegerField(
        _("effect within"), default=14, validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text=_("Days after the start in which orders count."),
    )  # fmt: skip
    is_targeted = models.BooleanField(
        _("only where it pays"), default=False,
        help_text=_("Send only where it is expected to bring more than it costs."),
    )  # fmt: skip
    cost_per_message = models.DecimalField(
        _("cost of a message"), max_digits=10, decimal_places=4, default=0, validators=[MinValueValidator(0)],
        help_text=_("In the reporting currency, with whatever is given away in it."),
    )  # fmt: skip
    fixed_cost = models.DecimalField(
        _("fixed cost"), max_digits=12, decimal_places=2, default=0, validators=[MinValueValidator(0)],
        help_text=_("Of the campaign as a whole, in the reporting currency."),
    )  # fmt: skip
    margin_share = models.FloatField(
        _("margin"), default=0.3, validators=[MinValueValidator(0.01), MaxValueValidator(1.0)],
        help_text=_("The share of what customers spend that is left to the shop, from 0 to 1."),
    )  # fmt: skip
    explored_share = models.FloatField(
        _("sent all the same"), default=0.05, validators=[MinValueValidator(0.0), MaxValueValidator(0.5)],
        help_text=_("Of those who would be left out, so many get it, so that the next model can learn."),
    )  # fmt: skip
    send_at = models.DateTimeField(
        _("send at"), null=True, blank=True,
        help_text=_("By the shop's clock; the campaign then starts by itself. Empty: started by hand."),
    )  # fmt: skip
    stops_at_harm = models.BooleanField(
        _("stops at harm"), default=True,
        help_text=_("Pause it once it is proven that customers buy less because of it."),
    )  # fmt: skip
    halted_at = models.DateTimeField(_("halted"), null=True, blank=True, editable=False)
    halted_reason = models.TextField(_("why it was halted"), blank=True, default="", editable=False)
    #: The version whose forecast says who gets it: one for the whole campaign, whatever serves later.
    uplift_version = models.BigIntegerField(null=True, blank=True, editable=False)
    salt = models.CharField(max_length=64, default=secrets.token_hex, editable=False)
    is_assigned = models.BooleanField(default=False, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("created by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        default_permissions = ("add", "change", "view")
        permissions = [("send_campaign", _("Can start, pause and stop a campaign"))]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(journey=None), name="ecomai_campaign_name_once"
            ),
            models.UniqueConstraint(fields=["journey", "step"], name="ecomai_campaign_step_once"),
        ]

    def __str__(self) -> str:
        return self.name


class CampaignVariant(models.Model):
    """What is written; of several, each customer gets one by weight, or the one that moves them most."""

    class Kind(models.TextChoices):
        """What is told apart where it is learned whom a message moves."""

        PLAIN = "plain", _("without an offer")
        OFFERED = "offered", _("with an offer")

    campaign = models.ForeignKey(
        Campaign, verbose_name=_("campaign"), on_delete=models.CASCADE, related_name="variants"
    )
    name = models.CharField(_("name"), max_length=50)
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("text"), max_length=20_000)
    weight = models.PositiveIntegerField(_("weight"), default=1, validators=[MinValueValidator(1)])
    target_url = models.CharField(
        _("leads to"), max_length=500, blank=True, default="",
        help_text=_("On the site and for webhooks: a page of the shop, such as /sale/."),
    )  # fmt: skip
    offer_percent = models.DecimalField(
        _("discount in percent"), max_digits=5, decimal_places=2, null=True, blank=True,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(100)],
        help_text=_("Each customer gets a voucher that nobody else can use. Empty: no offer."),
    )  # fmt: skip
    offer_days = models.PositiveIntegerField(
        _("voucher valid for days"), default=14, validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text=_("From the day on which its message goes out."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("variant of a campaign")
        verbose_name_plural = _("variants of campaigns")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["campaign", "name"], name="ecomai_campaign_variant_once"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_offer(self) -> bool:
        return self.offer_percent is not None

    @property
    def kind(self) -> "CampaignVariant.Kind":
        return self.Kind.OFFERED if self.has_offer else self.Kind.PLAIN


class Delivery(models.Model):
    """One customer of a campaign: a message and how far it is, or, without a variant, the holdout.

    A row is claimed, in a transaction of its own, before its message is handed over, and marked sent after.
    One that stays claimed because its worker died is handed over again only where its channel takes the same
    message once, or can say that it has not got it; else it is `unsure`, and a person decides.
    """

    class Group(models.TextChoices):
        """What a message is expected to change; none where a campaign goes to everybody."""

        PERSUADABLE = "persuadable", _("persuadables")
        SURE_THING = "sure_thing", _("sure things")
        LOST_CAUSE = "lost_cause", _("lost causes")
        SLEEPING_DOG = "sleeping_dog", _("sleeping dogs")

    class State(models.TextChoices):
        HELD_OUT = "held_out", _("held out")
        WAITING = "waiting", _("waiting")
        CLAIMED = "claimed", _("being handed over")
        SENT = "sent", _("sent")
        SKIPPED = "skipped", _("left out")
        NOT_WORTH = "not_worth", _("would bring too little")
        FAILED = "failed", _("refused")
        UNSURE = "unsure", _("not sure")

    campaign = models.ForeignKey(
        Campaign, verbose_name=_("campaign"), on_delete=models.CASCADE, db_index=False,
        related_name="deliveries",
    )  # fmt: skip
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    variant = models.ForeignKey(
        CampaignVariant, verbose_name=_("variant"), null=True, blank=True, on_delete=models.PROTECT,
        db_index=False, related_name="+",
    )  # fmt: skip
    run = models.ForeignKey(
        JourneyRun, verbose_name=_("on a journey"), null=True, blank=True, on_delete=models.CASCADE,
        related_name="deliveries",
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=16, choices=State)
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    not_before = models.DateTimeField(_("not before"), null=True, blank=True)
    claimed_by = models.BigIntegerField(null=True, blank=True, editable=False, help_text=_("A job."))
    claimed_at = models.DateTimeField(_("claimed"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    n_attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    bounced_at = models.DateTimeField(_("bounced"), null=True, blank=True)
    complained_at = models.DateTimeField(_("complained"), null=True, blank=True)
    unsubscribed_at = models.DateTimeField(_("unsubscribed"), null=True, blank=True)
    voucher_code = models.CharField(_("voucher"), max_length=64, blank=True, default="")
    voucher_until = models.DateTimeField(_("voucher valid until"), null=True, blank=True)
    group = models.CharField(_("group"), max_length=16, choices=Group, blank=True, default="")
    expected_gain = models.FloatField(
        _("gain expected"), null=True, blank=True,
        help_text=_("What a message brings less what it costs, in the reporting currency."),
    )  # fmt: skip
    treat_probability = models.FloatField(
        null=True, blank=True, help_text=_("With which it was to get a message; empty: all but the holdout.")
    )
    offer_probability = models.FloatField(
        null=True,
        blank=True,
        help_text=_("With which it was to get one with an offer; empty: by the weights."),
    )

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "customer"], condition=models.Q(run=None), name="ecomai_delivery_once"
            ),
            models.UniqueConstraint(
                fields=["campaign", "run"], condition=models.Q(run__isnull=False),
                name="ecomai_delivery_run_once",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(
                fields=["campaign", "id"], name="ecomai_delivery_waiting",
                condition=models.Q(state__in=("waiting", "claimed")),
            ),
            models.Index(
                fields=["customer"], name="ecomai_delivery_claimed", condition=models.Q(state="claimed")
            ),
            models.Index(
                fields=["customer", "sent_at"], name="ecomai_delivery_customer",
                condition=models.Q(sent_at__isnull=False),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.campaign_id} {self.customer_id} {self.state}"

    def message_id(self, *, salt: str, domain: str) -> str:
        """The id under which a mail server knows it: always the same, so that it can be asked for it."""
        return f"<{salt}.{self.pk}@{domain}>"
