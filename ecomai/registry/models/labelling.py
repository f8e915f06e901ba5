"""Cases that a classifier is unsure about, for people to label."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class LabellingTask(models.Model):
    """A case a classifier is unsure about, waiting for a person's label; least certain first."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        LABELLED = "labelled", _("labelled")
        SKIPPED = "skipped", _("skipped")

    model_name = models.CharField(_("model"), max_length=100)
    subject_key = models.CharField(_("case"), max_length=200)
    text = models.TextField(_("text"))
    context = models.JSONField(_("context"), default=dict, blank=True)
    choices = models.JSONField(_("possible labels"), default=list)
    predicted_label = models.CharField(_("predicted"), max_length=100, blank=True, default="")
    confidence = models.FloatField(_("confidence"), default=0.0, help_text=_("The model's own, from 0 to 1."))
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.WAITING)
    label = models.CharField(_("label"), max_length=100, blank=True, default="")
    labelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("labelled by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    labelled_at = models.DateTimeField(_("labelled"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("case to label")
        verbose_name_plural = _("labelling queue")
        permissions = [("label_labellingtask", _("Can label cases"))]
        constraints = [
            models.UniqueConstraint(fields=["model_name", "subject_key"], name="ecomai_labelling_once"),
        ]
        indexes = [models.Index(fields=["state", "confidence"], name="ecomai_labelling_queue")]

    def __str__(self) -> str:
        return self.text[:80]
