"""What visitors said about items."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer, Item, Storefronted


class Feedback(Storefronted):
    """What a visitor said about an item, until it is taken back; the newest word about an item counts."""

    class Kind(models.TextChoices):
        NOT_INTERESTED = "not_interested", _("not interested")
        OWNED = "owned", _("already has it")
        LESS_LIKE_THIS = "less_like_this", _("less like this")

    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), null=True, blank=True, on_delete=models.CASCADE,
        related_name="recommendation_feedback",
    )  # fmt: skip
    session_id = models.CharField(
        _("session"), max_length=128, blank=True, default="", help_text=_("Where no customer is known.")
    )
    item = models.ForeignKey(Item, verbose_name=_("item"), on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(_("what was said"), max_length=16, choices=Kind)
    said_at = models.DateTimeField(_("said"), default=timezone.now)

    class Meta:
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "item"], name="ecomai_rec_feedback_customer",
                condition=models.Q(customer__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["session_id", "storefront", "item"], name="ecomai_rec_feedback_session",
                condition=models.Q(customer__isnull=True),
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["-said_at"], name="ecomai_rec_feedback_time")]

    def __str__(self) -> str:
        return f"{self.item}: {self.get_kind_display()}"
