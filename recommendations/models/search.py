"""What visitors searched for, and which words mean the same here."""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer, Storefronted

MOST_LETTERS = 500


class SearchLog(Storefronted):
    """One search and what came of it. Impressions and clicks of its page carry its `key`."""

    class Source(models.TextChoices):
        MODEL = "model", _("trained search")
        WORDS = "words", _("words alone")

    key = models.UUIDField(_("key"), unique=True, default=uuid.uuid4, editable=False)
    query = models.CharField(_("query"), max_length=MOST_LETTERS)
    normalised = models.CharField(
        _("normalised"), max_length=MOST_LETTERS, help_text=_("The same for spellings that mean the same.")
    )
    corrected = models.CharField(_("corrected to"), max_length=MOST_LETTERS, blank=True, default="")
    n_found = models.PositiveIntegerField(_("found"))
    is_filtered = models.BooleanField(_("filtered"), default=False)
    is_personal = models.BooleanField(_("personal"), default=False)
    source = models.CharField(_("answered by"), max_length=8, choices=Source)
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), null=True, blank=True, on_delete=models.CASCADE,
        related_name="searches",
    )  # fmt: skip
    session_id = models.CharField(_("session"), max_length=128, blank=True, default="")
    milliseconds = models.FloatField(_("milliseconds"), default=0.0)
    request_id = models.CharField(_("request id"), max_length=64, blank=True, default="")
    created_at = models.DateTimeField(_("searched"), default=timezone.now)

    class Meta:
        verbose_name = _("search")
        verbose_name_plural = _("searches")
        indexes = [
            models.Index(fields=["-created_at"], name="ecomai_rec_search_time"),
            models.Index(fields=["normalised", "-created_at"], name="ecomai_rec_search_query"),
            models.Index(
                fields=["session_id"], name="ecomai_rec_search_session", condition=~models.Q(session_id="")
            ),
        ]

    def __str__(self) -> str:
        return self.query


class Synonym(Storefronted):
    """Words that mean the same in this shop. Only active ones are searched with."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("proposed")
        ACTIVE = "active", _("active")
        REFUSED = "refused", _("refused")

    terms = models.CharField(
        _("who searches for"), max_length=200, help_text=_("A word or a few, as visitors type them.")
    )
    means = models.CharField(
        _("also finds"), max_length=500, help_text=_("One or several, separated by commas.")
    )
    is_two_way = models.BooleanField(
        _("in both directions"),
        default=True,
        help_text=_("Searching for the latter finds the former too."),
    )
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.ACTIVE)
    origin = models.CharField(_("learned from"), max_length=300, blank=True, default="", editable=False)
    n_people = models.PositiveIntegerField(_("visitors"), default=0, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("synonym")
        verbose_name_plural = _("synonyms")
        constraints = [
            models.UniqueConstraint(fields=["storefront", "terms", "means"], name="ecomai_rec_synonym_once")
        ]

    def __str__(self) -> str:
        return f"{self.terms} {'↔' if self.is_two_way else '→'} {self.means}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.updated_at = timezone.now()
        super().save(*args, **kwargs)
