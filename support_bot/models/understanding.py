"""Intents of a shop, and phrases that show what customers say for each."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LONGEST_PHRASE = 500


class Intent(models.Model):
    """Something that customers want; flows and policies go by its name."""

    name = models.SlugField(
        _("name"), unique=True, help_text=_("Flows and policies use it; in small letters.")
    )
    title = models.CharField(_("title"), max_length=100)
    description = models.TextField(_("description"), blank=True, default="")
    is_active = models.BooleanField(
        _("in use"), default=True, help_text=_("Others are not learned at the next training.")
    )

    class Meta:
        verbose_name = _("intent")
        verbose_name_plural = _("intents")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.title


class IntentExample(models.Model):
    """A phrase of an intent, written by the shop or taken from a labelled message."""

    class Source(models.TextChoices):
        STARTER = "starter", _("shipped")
        SHOP = "shop", _("written by the shop")
        LABELLED = "labelled", _("labelled message")

    intent = models.ForeignKey(
        Intent, verbose_name=_("intent"), on_delete=models.CASCADE, related_name="examples", db_index=False
    )
    text = models.CharField(_("phrase"), max_length=LONGEST_PHRASE)
    source = models.CharField(_("source"), max_length=16, choices=Source, default=Source.SHOP, editable=False)
    added_at = models.DateTimeField(_("added"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("phrase")
        verbose_name_plural = _("phrases")
        constraints = (models.UniqueConstraint(fields=["intent", "text"], name="ecomai_intentexample_once"),)

    def __str__(self) -> str:
        return self.text
