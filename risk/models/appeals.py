"""What customers say against a decision, and what they were answered."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted

from .assessments import Assessment


class Appeal(Storefronted):
    """A customer asks for another look. One at a time for each assessment."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for an answer")
        GRANTED = "granted", _("granted")
        REFUSED = "refused", _("refused")

    assessment = models.ForeignKey(
        Assessment, verbose_name=_("assessment"), on_delete=models.CASCADE, related_name="appeals"
    )
    text = models.TextField(_("what the customer says"))
    language = models.CharField(_("language"), max_length=16, blank=True, default="")
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING)
    answer = models.TextField(_("answer"), blank=True, default="")
    created_at = models.DateTimeField(_("received"), default=timezone.now)
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("answered by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["assessment"], condition=models.Q(state="waiting"), name="ecomai_risk_one_appeal"
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["-created_at"], name="ecomai_risk_appeals")]

    def __str__(self) -> str:
        return f"{self.assessment} {self.get_state_display()}"
