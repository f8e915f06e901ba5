"""Who each customer is: one row of figures that segments select by, and when they last did what."""

from datetime import datetime

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer

from .voice import Sentiment


class Stage(models.TextChoices):
    """Where a customer is in the life cycle, by the time since the last order and their own rhythm."""

    PROSPECT = "prospect", _("prospect")
    NEW = "new", _("new")
    ACTIVE = "active", _("active")
    AT_RISK = "at_risk", _("at risk")
    LAPSED = "lapsed", _("lapsed")


class CustomerProfile(models.Model):
    """What orders, visits and models say of a customer. Amounts are in the reporting currency.

    Nothing here grows stale with time alone: stages are moments at which the customer passes into the next
    one, so `stage` is right whenever it is asked. `computed` says of each part when, and from what.
    """

    customer = models.OneToOneField(
        Customer, verbose_name=_("customer"), primary_key=True, on_delete=models.CASCADE,
        related_name="marketing_profile",
    )  # fmt: skip
    has_consent = models.BooleanField(
        _("may be addressed"), default=False,
        help_text=_("Whether the customer, or the shop's default, allows marketing."),
    )  # fmt: skip

    n_orders = models.PositiveIntegerField(_("orders"), default=0)
    spent = models.DecimalField(
        _("spent"), max_digits=16, decimal_places=2, null=True, blank=True,
        help_text=_("Empty where the rate of a currency is not known."),
    )  # fmt: skip
    average_order = models.DecimalField(
        _("average order"), max_digits=14, decimal_places=2, null=True, blank=True
    )
    returned_share = models.FloatField(
        _("returned share"), null=True, blank=True, help_text=_("Pieces returned, of all that were bought.")
    )
    first_order_at = models.DateTimeField(_("first order"), null=True, blank=True)
    last_order_at = models.DateTimeField(_("last order"), null=True, blank=True)
    own_gap_days = models.FloatField(
        _("days between orders"), null=True, blank=True,
        help_text=_("The median of the customer's own; empty while there are too few orders."),
    )  # fmt: skip
    next_order_at = models.DateTimeField(_("next order expected"), null=True, blank=True)
    at_risk_at = models.DateTimeField(_("at risk from"), null=True, blank=True)
    lapsed_at = models.DateTimeField(_("lapsed from"), null=True, blank=True)

    recency_score = models.PositiveSmallIntegerField(_("recency, 1 to 5"), null=True, blank=True)
    frequency_score = models.PositiveSmallIntegerField(_("frequency, 1 to 5"), null=True, blank=True)
    monetary_score = models.PositiveSmallIntegerField(_("monetary value, 1 to 5"), null=True, blank=True)

    favourite_category = models.CharField(_("favourite category"), max_length=500, blank=True, default="")
    favourite_brand = models.CharField(_("favourite brand"), max_length=200, blank=True, default="")
    tastes = models.JSONField(
        _("tastes"), default=dict, blank=True, help_text=_("Categories and brands, with shares.")
    )
    smoothed_tastes = models.JSONField(
        _("tastes by likeness"), default=dict, blank=True, editable=False,
        help_text=_("Categories and brands, with shares: what was bought, and what is like it."),
    )  # fmt: skip
    price_level = models.FloatField(
        _("price level"), null=True, blank=True,
        help_text=_("What is paid for a piece, of the median of its category: 1 is usual."),
    )  # fmt: skip
    discount_share = models.FloatField(
        _("bought below the list price"), null=True, blank=True, help_text=_("Share of the pieces.")
    )

    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True)
    usual_channel = models.CharField(_("usual channel"), max_length=32, blank=True, default="")
    usual_hour = models.PositiveSmallIntegerField(
        _("usual hour"), null=True, blank=True, validators=[MaxValueValidator(23)],
        help_text=_("Of visits and orders, in the shop's time zone."),
    )  # fmt: skip
    loyalty_tier = models.CharField(_("loyalty tier"), max_length=64, blank=True, default="")
    n_referrals = models.PositiveIntegerField(_("referrals"), default=0)

    n_texts = models.PositiveIntegerField(
        _("texts written"), default=0, help_text=_("Reviews, chats and others.")
    )
    negative_share = models.FloatField(
        _("texts that are negative"), null=True, blank=True,
        help_text=_("Share of those of which it is known."),
    )  # fmt: skip
    last_sentiment = models.CharField(
        _("sentiment of the last text"), max_length=16, choices=Sentiment, blank=True, default=""
    )
    last_written_at = models.DateTimeField(_("last text"), null=True, blank=True)

    # Written by batch scoring alone; `scored` says by which version, when, and how far it looks.
    expected_orders = models.FloatField(
        _("orders expected"), null=True, blank=True, help_text=_("Within the model's horizon.")
    )
    expected_value = models.FloatField(
        _("value expected"), null=True, blank=True, help_text=_("Within the model's horizon.")
    )
    expected_value_low = models.FloatField(_("value, at least"), null=True, blank=True)
    expected_value_high = models.FloatField(_("value, at most"), null=True, blank=True)
    alive_probability = models.FloatField(
        _("still a customer"), null=True, blank=True, help_text=_("Probability.")
    )
    repurchase_probability = models.FloatField(
        _("buys again"), null=True, blank=True, help_text=_("Probability, within the model's horizon.")
    )
    scored = models.JSONField(_("scored"), default=dict, blank=True)

    computed = models.JSONField(_("computed"), default=dict, blank=True)
    updated_at = models.DateTimeField(_("updated"), default=timezone.now)

    class Meta:
        verbose_name = _("customer profile")
        verbose_name_plural = _("customer profiles")
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["last_order_at"], name="ecomai_profile_last_order"),
            models.Index(fields=["next_order_at"], name="ecomai_profile_next_order"),
            models.Index(fields=["at_risk_at"], name="ecomai_profile_at_risk"),
            models.Index(fields=["lapsed_at"], name="ecomai_profile_lapsed"),
            models.Index(
                fields=["last_written_at"], name="ecomai_profile_written",
                condition=models.Q(last_written_at__isnull=False),
            ),
            models.Index(fields=["-spent"], name="ecomai_profile_spent"),
            models.Index(fields=["-expected_value"], name="ecomai_profile_value"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return str(self.customer_id)

    def stage_at(self, moment: datetime) -> Stage:
        """Return where the customer is in the life cycle at a moment."""
        if not self.n_orders:
            return Stage.PROSPECT
        if self.lapsed_at and self.lapsed_at <= moment:
            return Stage.LAPSED
        if self.at_risk_at and self.at_risk_at <= moment:
            return Stage.AT_RISK
        return Stage.NEW if self.n_orders == 1 else Stage.ACTIVE

    @property
    def stage(self) -> Stage:
        return self.stage_at(timezone.now())

    @property
    def rfm(self) -> str:
        """The three scores as the field writes them, such as 5-4-3; '' before the first order."""
        scores = (self.recency_score, self.frequency_score, self.monetary_score)
        return "-".join(str(score) for score in scores) if all(scores) else ""


class CustomerActivity(models.Model):
    """How often, first and last a customer did a thing. Segments ask it before they ask the events.

    “Has looked at something within 30 days” is `last_at` alone, however long the history.
    """

    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    type = models.CharField(_("type"), max_length=32)
    n = models.PositiveIntegerField(_("how often"))
    first_at = models.DateTimeField(_("first"))
    last_at = models.DateTimeField(_("last"))

    class Meta:
        verbose_name = _("customer's activity")
        verbose_name_plural = _("customers' activities")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["customer", "type"], name="ecomai_activity_once"),
        ]
        indexes = [models.Index(fields=["type", "last_at"], name="ecomai_activity_last")]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.type} {self.n}"


class ProfileRequest(models.Model):
    """A customer whose profile is to be computed again; the row is gone once it was."""

    customer = models.OneToOneField(
        Customer, primary_key=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("customer")
    )
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)

    class Meta:
        verbose_name = _("profile to compute")
        verbose_name_plural = _("profiles to compute")
        default_permissions = ()
        indexes = [models.Index(fields=["requested_at"], name="ecomai_profile_requested")]

    def __str__(self) -> str:
        return str(self.customer_id)


class ProfileReference(models.Model):
    """What single customers are compared with: fifths of all buyers, the usual gap, prices of categories.

    The newest row counts.
    """

    computed_at = models.DateTimeField(_("computed"), default=timezone.now)
    n_buyers = models.PositiveIntegerField(_("buyers"))
    #: Each with four bounds, from low to high; moments are seconds since 1970.
    recency_bounds = models.JSONField(_("bounds of the last order"), default=list)
    frequency_bounds = models.JSONField(_("bounds of the number of orders"), default=list)
    monetary_bounds = models.JSONField(_("bounds of what was spent"), default=list)
    usual_gap_days = models.FloatField(_("days between orders"), null=True)
    category_prices = models.JSONField(_("median price by currency and category"), default=dict)

    class Meta:
        verbose_name = _("reference of profiles")
        verbose_name_plural = _("references of profiles")
        default_permissions = ()
        get_latest_by = "computed_at"

    def __str__(self) -> str:
        return f"{self.computed_at:%Y-%m-%d %H:%M}"
