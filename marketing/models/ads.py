"""Advertisements: groups with budgets, what they show, and what was shown, clicked, bought and spent."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer, Item, Order, Storefronted

from .segments import Segment

_NOT_NEGATIVE = [MinValueValidator(Decimal(0))]


class AdGroup(Storefronted):
    """Advertisements that share places, an audience, a price and a budget."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        ENDED = "ended", _("ended")

    class PricedBy(models.TextChoices):
        IMPRESSION = "impression", _("a thousand impressions")
        CLICK = "click", _("a click")

    name = models.CharField(_("name"), max_length=100, unique=True)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.DRAFT, editable=False)
    placements = models.JSONField(
        _("placements"), default=list, help_text=_("Where it may be shown: names such as “home”.")
    )
    segment = models.ForeignKey(
        Segment, verbose_name=_("segment"), null=True, blank=True, on_delete=models.PROTECT,
        related_name="ad_groups", help_text=_("Only its customers see it; empty for all visitors."),
    )  # fmt: skip
    starts_at = models.DateTimeField(_("from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    priced_by = models.CharField(_("priced by"), max_length=16, choices=PricedBy, default=PricedBy.CLICK)
    price = models.DecimalField(
        _("price"), max_digits=14, decimal_places=4, validators=_NOT_NEGATIVE,
        help_text=_("What a click, or a thousand impressions, takes from the budget."),
    )  # fmt: skip
    conversion_value = models.DecimalField(
        _("worth of an order"), max_digits=14, decimal_places=4, default=Decimal(0), validators=_NOT_NEGATIVE,
        help_text=_("What an order after a click is worth beside the price; 0: orders do not matter."),
    )  # fmt: skip
    daily_budget = models.DecimalField(
        _("budget a day"), max_digits=14, decimal_places=4, null=True, blank=True, validators=_NOT_NEGATIVE,
        help_text=_("Spent along the shop's day; empty for no bound."),
    )  # fmt: skip
    total_budget = models.DecimalField(
        _("whole budget"), max_digits=14, decimal_places=4, null=True, blank=True, validators=_NOT_NEGATIVE
    )
    frequency_cap = models.PositiveIntegerField(
        _("most a day"), default=5, validators=[MaxValueValidator(1000)],
        help_text=_("How often a customer sees each advertisement within 24 hours at most; 0 for no bound."),
    )  # fmt: skip
    spent = models.DecimalField(
        _("spent"), max_digits=16, decimal_places=6, default=Decimal(0), editable=False
    )
    pass_rate = models.FloatField(
        default=1.0, editable=False, help_text=_("The share of chances that are taken, as pacing says.")
    )
    paced_at = models.DateTimeField(null=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("created by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("ad group")
        verbose_name_plural = _("ad groups")
        default_permissions = ("add", "change", "view")
        permissions = [("run_adgroup", _("Can start, pause and end ad groups and approve advertisements"))]
        indexes = [
            models.Index(
                fields=["storefront"], name="ecomai_ad_group_running", condition=models.Q(state="running")
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def unit_price(self) -> Decimal:
        """What one impression or one click takes."""
        return self.price / 1000 if self.priced_by == self.PricedBy.IMPRESSION else self.price


class AdCreative(models.Model):
    """One advertisement: what it says, and where a click leads."""

    class State(models.TextChoices):
        DRAFT = "draft", _("to be approved")
        APPROVED = "approved", _("approved")
        REFUSED = "refused", _("refused")

    group = models.ForeignKey(
        AdGroup, verbose_name=_("ad group"), on_delete=models.CASCADE, related_name="creatives"
    )
    item = models.ForeignKey(
        Item, verbose_name=_("item"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    title = models.CharField(_("title"), max_length=100)
    text = models.CharField(_("text"), max_length=300, blank=True, default="")
    picture_url = models.CharField(_("picture"), max_length=1000, blank=True, default="")
    target_url = models.CharField(
        _("leads to"), max_length=1000,
        help_text=_("A page of the shop, such as /sale/, or an address on a host that the settings name."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.DRAFT, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("approved by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    approved_at = models.DateTimeField(_("approved"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("advertisement")
        verbose_name_plural = _("advertisements")
        default_permissions = ()

    def __str__(self) -> str:
        return self.title


class AdSpend(models.Model):
    """What became of an advertisement at a place within an hour: counters, no row for each impression."""

    creative = models.ForeignKey(
        AdCreative, verbose_name=_("advertisement"), on_delete=models.CASCADE, db_index=False,
        related_name="spend",
    )  # fmt: skip
    placement = models.CharField(_("placement"), max_length=64)
    hour = models.DateTimeField(_("hour"))
    n_impressions = models.PositiveIntegerField(_("impressions"), default=0)
    n_clicks = models.PositiveIntegerField(_("clicks"), default=0)
    n_conversions = models.PositiveIntegerField(_("orders"), default=0)
    spent = models.DecimalField(_("spent"), max_digits=16, decimal_places=6, default=Decimal(0))

    class Meta:
        verbose_name = _("figures of an advertisement")
        verbose_name_plural = _("figures of advertisements")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["creative", "hour", "placement"], name="ecomai_ad_spend_once"),
        ]

    def __str__(self) -> str:
        return f"{self.creative_id} {self.placement} {self.hour:%Y-%m-%d %H}"


class AdConversion(models.Model):
    """An order that came within the window after a click: the last click before it gets it."""

    order = models.OneToOneField(
        Order, verbose_name=_("order"), on_delete=models.CASCADE, related_name="+", primary_key=True
    )
    creative = models.ForeignKey(
        AdCreative, verbose_name=_("advertisement"), on_delete=models.CASCADE, related_name="conversions"
    )
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
    )
    placement = models.CharField(_("placement"), max_length=64)
    shown = models.UUIDField(db_index=True, help_text=_("The key of what was shown and clicked."))
    clicked_at = models.DateTimeField(_("clicked"))
    converted_at = models.DateTimeField(_("ordered"))
    value = models.DecimalField(
        _("value"), max_digits=16, decimal_places=4, null=True, blank=True,
        help_text=_("In the reporting currency; empty where the rate is missing."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("order after an advertisement")
        verbose_name_plural = _("orders after advertisements")
        default_permissions = ()
        indexes = [models.Index(fields=["converted_at"], name="ecomai_ad_conversion_time")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.creative_id}"


class AdTraffic(Storefronted):
    """How much of the shop's traffic comes in each hour of the day: the plan that spending follows."""

    hour = models.PositiveSmallIntegerField(_("hour"))
    share = models.FloatField(_("share"))

    class Meta:
        verbose_name = _("traffic of an hour")
        verbose_name_plural = _("traffic of hours")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["storefront", "hour"], name="ecomai_ad_traffic_once"),
        ]

    def __str__(self) -> str:
        return f"{self.hour}: {self.share:.3f}"
