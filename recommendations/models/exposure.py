"""How much of what is shown each item gets, and what it might deserve."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Item, Storefronted


class ItemExposure(models.Model):
    """How often an item was in the answers of a placement on one day, and what visitors made of it."""

    day = models.DateField(_("day"))
    placement = models.CharField(_("placement"), max_length=64, blank=True, default="")
    item = models.ForeignKey(Item, verbose_name=_("item"), on_delete=models.CASCADE, related_name="+")
    n_shown = models.PositiveIntegerField(_("places in answers"), default=0)
    n_seen = models.PositiveIntegerField(_("times seen"), default=0)
    n_clicked = models.PositiveIntegerField(_("times clicked"), default=0)

    class Meta:
        verbose_name = _("exposure of an item")
        verbose_name_plural = _("exposure of items")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["day", "placement", "item"], name="ecomai_rec_exposure_once"),
        ]

    def __str__(self) -> str:
        return f"{self.item} {self.day} {self.placement or '-'}"


class DailyExposure(Storefronted):
    """How evenly one day's places were spread over the items, at a placement or at all of them."""

    day = models.DateField(_("day"))
    is_total = models.BooleanField(_("all placements"), default=False)
    placement = models.CharField(_("placement"), max_length=64, blank=True, default="")
    n_items = models.PositiveIntegerField(_("items on offer"), default=0)
    n_items_shown = models.PositiveIntegerField(_("items shown"), default=0)
    n_shown = models.PositiveBigIntegerField(_("places"), default=0)
    n_tail_shown = models.PositiveBigIntegerField(_("places of rarely shown items"), default=0)
    n_seen = models.PositiveBigIntegerField(_("times seen"), default=0)
    n_tail_seen = models.PositiveBigIntegerField(_("times rarely shown items were seen"), default=0)
    n_clicked = models.PositiveBigIntegerField(_("clicks"), default=0)
    n_tail_clicked = models.PositiveBigIntegerField(_("clicks on rarely shown items"), default=0)
    gini = models.FloatField(_("Gini coefficient"), default=0.0)
    target_share = models.FloatField(_("wanted share"), null=True, blank=True)
    computed_at = models.DateTimeField(_("computed"), default=timezone.now)

    class Meta:
        verbose_name = _("exposure of a day")
        verbose_name_plural = _("long tail")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["day", "storefront", "is_total", "placement"], name="ecomai_rec_daily_exposure"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.placement or '-'}"


class TailItem(models.Model):
    """What an item got lately beside what it might deserve; the less shown half with some is the tail."""

    item = models.OneToOneField(
        Item, verbose_name=_("item"), primary_key=True, on_delete=models.CASCADE, related_name="tail"
    )
    is_tail = models.BooleanField(_("rarely shown"), default=False)
    tail_since = models.DateField(_("rarely shown since"), null=True, blank=True)
    exposure = models.FloatField(_("exposure"), default=0.0, help_text=_("1 where it had an equal share."))
    potential = models.FloatField(_("potential"), default=0.5, help_text=_("From 0 to 1; 0.5 is the middle."))
    margin = models.FloatField(_("margin"), null=True, blank=True, help_text=_("Share of the price."))
    rating = models.FloatField(_("rating"), null=True, blank=True)
    likeness = models.FloatField(_("likeness to what sells"), null=True, blank=True)
    n_shown = models.PositiveIntegerField(_("places lately"), default=0)
    n_shown_before = models.PositiveIntegerField(_("places before"), default=0)
    n_clicked = models.PositiveIntegerField(_("clicks lately"), default=0)
    n_clicked_before = models.PositiveIntegerField(_("clicks before"), default=0)
    computed_at = models.DateTimeField(_("computed"), default=timezone.now)

    class Meta:
        verbose_name = _("rarely shown item")
        verbose_name_plural = _("rarely shown items")
        default_permissions = ()
        indexes = [models.Index(fields=["is_tail", "-potential"], name="ecomai_rec_tail")]

    def __str__(self) -> str:
        return str(self.item)


class Exploration(Storefronted):
    """Trying rarely shown items out at a placement, until their clicks fall too far behind."""

    placement = models.CharField(_("placement"), max_length=64)
    share = models.FloatField(
        _("share of the answers"), default=0.1,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.5)],
        help_text=_("In so many of the answers the rarely shown items are those it is worth learning of."),
    )  # fmt: skip
    least_click_ratio = models.FloatField(
        _("least clicks"), default=0.5, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text=_("It stops where rarely shown items get less than this part of the others' clicks."),
    )  # fmt: skip
    is_on = models.BooleanField(_("on"), default=True)
    posterior = models.JSONField(_("what is known"), default=dict, blank=True, editable=False)
    n_seen = models.PositiveBigIntegerField(_("learned from"), default=0, editable=False)
    click_ratio = models.FloatField(_("clicks beside the others"), null=True, blank=True, editable=False)
    stopped_at = models.DateTimeField(_("stopped itself"), null=True, blank=True, editable=False)
    learned_at = models.DateTimeField(_("learned"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("exploration")
        verbose_name_plural = _("explorations")
        constraints = [
            models.UniqueConstraint(fields=["storefront", "placement"], name="ecomai_rec_exploration_once"),
            models.CheckConstraint(
                condition=models.Q(share__gte=0, share__lte=0.5), name="ecomai_rec_exploration_share"
            ),
        ]

    def __str__(self) -> str:
        return self.placement
