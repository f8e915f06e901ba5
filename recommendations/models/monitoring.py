"""What answers came to, day by day, and how far what comes in has moved from what was learned."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted
from ecomai.registry.models import ModelVersion

from .answers import Source


class DailyFigures(Storefronted):
    """The answers of one day and what became of them; pages read these rows and never scan events.

    A row stands for all answers of a storefront, for a placement, or for what one version answered there:
    shares can be summed over days, but items and times cannot, so each scope is counted for itself.
    """

    class Scope(models.TextChoices):
        SHOP = "shop", _("all placements")
        PLACEMENT = "placement", _("placement")
        VERSION = "version", _("placement and version")

    day = models.DateField(_("day"))
    scope = models.CharField(_("counted for"), max_length=16, choices=Scope)
    placement = models.CharField(_("placement"), max_length=64, blank=True, default="")
    source = models.CharField(_("answered by"), max_length=16, choices=Source, blank=True, default="")
    model_name = models.CharField(_("model"), max_length=100, blank=True, default="")
    # Kept by number too: figures stay when a version is removed.
    version_number = models.PositiveIntegerField(_("version"), default=0)
    variant = models.CharField(
        _("pipeline"), max_length=100, blank=True, default="", help_text=_("Which pipeline answered.")
    )
    n_answers = models.PositiveIntegerField(_("answers"), default=0)
    n_fallbacks = models.PositiveIntegerField(_("answers by a fallback"), default=0)
    n_slots = models.PositiveBigIntegerField(_("items in answers"), default=0)
    n_seen = models.PositiveIntegerField(_("items seen"), default=0)
    n_clicked = models.PositiveIntegerField(_("items clicked"), default=0)
    n_bought = models.PositiveIntegerField(_("items bought after they were seen"), default=0)
    n_bought_after_click = models.PositiveIntegerField(_("items bought after a click"), default=0)
    n_distinct_items = models.PositiveIntegerField(_("different items"), default=0)
    n_offered_items = models.PositiveIntegerField(_("items on offer"), default=0)
    novelty_bits = models.FloatField(_("novelty"), null=True, help_text=_("Mean of -log2 of popularity."))
    n_head_slots = models.PositiveBigIntegerField(_("places of the most popular tenth"), default=0)
    latencies = models.JSONField(
        _("times"), default=dict, help_text=_("How many answers took how long, by steps of five percent.")
    )
    window_days = models.PositiveSmallIntegerField(_("days to buy"), default=7)
    is_final = models.BooleanField(_("complete"), default=False)
    computed_at = models.DateTimeField(_("computed"), default=timezone.now)

    class Meta:
        verbose_name = _("figures of a day")
        verbose_name_plural = _("monitoring")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "day", "storefront", "scope", "placement", "source", "model_name", "version_number",
                    "variant",
                ],
                name="ecomai_rec_figures_once",
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["scope", "day"], name="ecomai_rec_figures_scope")]

    def __str__(self) -> str:
        return f"{self.day} {self.placement or '-'} {self.model_name} {self.version_number or ''}".strip()


class DriftReport(models.Model):
    """How far what came in lately lies from what the live version learned from."""

    model_version = models.ForeignKey(
        ModelVersion, verbose_name=_("model version"), on_delete=models.CASCADE, related_name="+"
    )
    day = models.DateField(_("day"))
    window_start = models.DateTimeField(_("from"))
    window_end = models.DateTimeField(_("until"))
    n_events = models.PositiveBigIntegerField(_("events"), default=0)
    unknown_item_share = models.FloatField(_("share of items it does not know"), default=0.0)
    findings = models.JSONField(_("findings"), default=dict)
    computed_at = models.DateTimeField(_("computed"), default=timezone.now)

    class Meta:
        verbose_name = _("drift")
        verbose_name_plural = _("drift")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["model_version", "day"], name="ecomai_rec_drift_once"),
        ]

    def __str__(self) -> str:
        return f"{self.model_version} {self.day}"
