"""What turned out: honest or fraud, who says so, and since when it was known."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .assessments import Assessment


class Label(models.Model):
    """One word on an assessment. A later one supersedes it; what was said before stays.

    `known_at` is when the shop learned of it. `recorded_at` is when our features did, and is later than
    that of anything else that befell the same entities: no feature holds a label from before it.
    """

    class Source(models.TextChoices):
        CHARGEBACK = "chargeback", _("chargeback")
        REVIEW = "review", pgettext_lazy("decision", "review")
        IMPORT = "import", _("import")
        APPEAL = "appeal", _("appeal")

    assessment = models.ForeignKey(
        Assessment, verbose_name=_("assessment"), on_delete=models.CASCADE, related_name="labels"
    )
    is_fraud = models.BooleanField(_("fraud"))
    source = models.CharField(_("source"), max_length=16, choices=Source)
    known_at = models.DateTimeField(_("known"), default=timezone.now)
    recorded_at = models.DateTimeField(_("recorded"), default=timezone.now)
    superseded_at = models.DateTimeField(
        _("superseded"), null=True, blank=True, help_text=_("Empty for the one that counts.")
    )
    change = models.SmallIntegerField(
        _("change"), default=0, editable=False,
        help_text=_("What the features learned: 1, a fraud; -1, none after all; 0, nothing new."),
    )  # fmt: skip
    reference = models.CharField(
        _("reference"), max_length=128, blank=True, default="",
        help_text=_("The bank's id of a chargeback; the same one twice is one label."),
    )  # fmt: skip
    note = models.TextField(_("note"), blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("label")
        verbose_name_plural = _("labels")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["assessment"], condition=models.Q(superseded_at=None), name="ecomai_risk_label_counts"
            ),
            models.UniqueConstraint(
                fields=["assessment", "source", "reference"], condition=~models.Q(reference=""),
                name="ecomai_risk_label_once",
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["-recorded_at"], name="ecomai_risk_label_time")]

    def __str__(self) -> str:
        return f"{self.assessment} {self.get_source_display()}"
