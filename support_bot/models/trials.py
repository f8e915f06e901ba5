"""A version of the prompt of answers, tried on what customers asked before."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ecomai.generation.models import PromptVersion
from ecomai.registry.models import AbstractBacktest


class PromptTrial(AbstractBacktest):
    """Past questions answered by a version and by the live one; the report names messages, not words."""

    version = models.ForeignKey(
        PromptVersion, verbose_name=_("version"), on_delete=models.CASCADE, related_name="+"
    )
    n_questions = models.PositiveIntegerField(_("questions"), default=30)

    class Meta(AbstractBacktest.Meta):
        verbose_name = _("trial of a prompt")
        verbose_name_plural = _("trials of prompts")
        indexes = (models.Index(fields=["-created_at"], name="ecomai_prompttrial_time"),)
