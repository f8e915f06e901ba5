"""Prompts with versions that stay as they are, the shop's voice, and what a remote composer used."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .exceptions import ImmutableVersionError

LANGUAGE_CHOICES = (("en", _("English")), ("zh-hans", _("Simplified Chinese")))


class Prompt(models.Model):
    """What one kind of text is composed by, in one language; one of its versions is live."""

    name = models.CharField(_("name"), max_length=100)
    language = models.CharField(_("language"), max_length=16, choices=LANGUAGE_CHOICES)
    live_version = models.ForeignKey(
        "PromptVersion", verbose_name=_("live version"), null=True, blank=True, editable=False,
        on_delete=models.PROTECT, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("prompt")
        verbose_name_plural = _("prompts")
        default_permissions = ("view", "change")
        constraints = [
            models.UniqueConstraint(fields=["name", "language"], name="ecomai_generation_prompt_once")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"


class PromptVersion(models.Model):
    """Templates for the grounded composer, instructions for language models. It stays as it is."""

    prompt = models.ForeignKey(
        Prompt, verbose_name=_("prompt"), on_delete=models.CASCADE, related_name="versions"
    )
    number = models.PositiveIntegerField(_("version"))
    templates = models.TextField(
        _("templates"), max_length=10_000, blank=True,
        help_text=_(
            "For the grounded composer. Blank lines part texts; of a text each line is said whose facts are "
            "known: {title}, {brand}, {category}, {attributes}, {sentences}, or an attribute by its name."
        ),
    )  # fmt: skip
    instructions = models.TextField(
        _("instructions"), max_length=10_000, blank=True, help_text=_("For language models.")
    )
    note = models.CharField(_("what changed"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("created by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("version of a prompt")
        verbose_name_plural = _("versions of prompts")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["prompt", "number"], name="ecomai_generation_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.prompt} {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise ImmutableVersionError
        super().save(*args, **kwargs)


class BrandVoice(models.Model):
    """What texts in a language must not say, and what they may."""

    language = models.CharField(_("language"), max_length=16, choices=LANGUAGE_CHOICES, unique=True)
    banned_claims = models.TextField(
        _("banned claims"), max_length=20_000, blank=True,
        help_text=_("One a line. A sentence with one of them is withheld, whatever the facts say."),
    )  # fmt: skip
    avoided_words = models.TextField(
        _("avoided words"), max_length=20_000, blank=True, help_text=_("One a line: not how the shop speaks.")
    )
    allowed_words = models.TextField(
        _("words of the house"), max_length=20_000, blank=True,
        help_text=_("One a line: names and sayings that need no fact, such as the shop's own name."),
    )  # fmt: skip
    may_exclaim = models.BooleanField(_("may exclaim"), default=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("brand voice")
        verbose_name_plural = _("brand voices")
        default_permissions = ("add", "view", "change")

    def __str__(self) -> str:
        return self.get_language_display()


class DailyUse(models.Model):
    """What a composer that costs was asked for on one day."""

    day = models.DateField(_("day"))
    composer = models.CharField(_("composer"), max_length=100)
    n_requests = models.PositiveIntegerField(_("requests"), default=0)
    n_tokens = models.BigIntegerField(_("tokens"), default=0)

    class Meta:
        verbose_name = _("use of a composer")
        verbose_name_plural = _("uses of composers")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["day", "composer"], name="ecomai_generation_use_once")]

    def __str__(self) -> str:
        return f"{self.composer} {self.day}"
