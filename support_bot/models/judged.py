"""How well conversations went, counted once a day, and how many there were in each hour."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted


class ContactVolume(Storefronted):
    """How much was asked within one hour."""

    hour = models.DateTimeField(_("hour"))
    n_conversations = models.PositiveIntegerField(_("conversations"), default=0)
    n_handed_over = models.PositiveIntegerField(_("handed over"), default=0)
    n_messages = models.PositiveIntegerField(_("messages of customers"), default=0)

    class Meta:
        verbose_name = _("contacts of an hour")
        verbose_name_plural = _("contacts by hour")
        ordering = ("hour",)
        constraints = (
            models.UniqueConstraint(fields=["storefront", "hour"], name="ecomai_contactvolume_once"),
        )

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}"


class DayFigures(Storefronted):
    """Sums over the conversations that began on a day, of one intent and language."""

    day = models.DateField(_("day"))
    intent = models.CharField(_("intent"), max_length=64, blank=True, default="")
    language = models.CharField(_("language"), max_length=16, blank=True, default="")
    n_conversations = models.PositiveIntegerField(_("conversations"), default=0)
    n_contained = models.PositiveIntegerField(_("without a person"), default=0)
    n_judged = models.PositiveIntegerField(_("judged"), default=0)
    n_resolved = models.PositiveIntegerField(_("solved"), default=0)
    n_resolved_by_bot = models.PositiveIntegerField(_("solved without a person"), default=0)
    n_model_judged = models.PositiveIntegerField(_("judged by a language model"), default=0)
    n_model_solved = models.PositiveIntegerField(_("solved, says a language model"), default=0)
    n_compared = models.PositiveIntegerField(default=0)
    n_agreed = models.PositiveIntegerField(default=0)
    n_answered = models.PositiveIntegerField(default=0)
    answer_seconds = models.FloatField(default=0.0)
    n_person_answered = models.PositiveIntegerField(default=0)
    person_answer_seconds = models.FloatField(default=0.0)
    n_overdue = models.PositiveIntegerField(_("answered too late"), default=0)
    n_rated = models.PositiveIntegerField(_("rated"), default=0)
    stars = models.PositiveIntegerField(default=0)
    n_satisfied = models.PositiveIntegerField(_("satisfied"), default=0)
    agent_seconds = models.PositiveBigIntegerField(default=0)
    n_tokens = models.PositiveBigIntegerField(_("tokens"), default=0)
    handoff_reasons = models.JSONField(_("why a person"), default=dict)

    class Meta:
        verbose_name = _("figures of a day")
        verbose_name_plural = _("figures by day")
        ordering = ("day",)
        constraints = (
            models.UniqueConstraint(
                fields=["storefront", "day", "intent", "language"], name="ecomai_dayfigures_once"
            ),
        )
        indexes = (models.Index(fields=["day"], name="ecomai_dayfigures_day"),)

    def __str__(self) -> str:
        return f"{self.day} {self.intent} {self.language}"
