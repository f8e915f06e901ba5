"""What is done at which probability, what mistakes cost, and what happens when everything fails."""

from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted

from .assessments import Decision, Kind

SHARE = [MinValueValidator(0.0), MaxValueValidator(1.0)]


class Policy(Storefronted):
    """One version of what a storefront does about a kind of risk. Rows are never changed: a new one follows.

    A new shop is in shadow: everything is assessed and kept, and the shop is told to approve.
    """

    class Fallback(models.TextChoices):
        APPROVE = Decision.APPROVE.value, Decision.APPROVE.label
        REVIEW = Decision.REVIEW.value, Decision.REVIEW.label

    kind = models.CharField(_("kind"), max_length=24, choices=Kind)
    number = models.PositiveIntegerField(_("version"), editable=False)
    is_current = models.BooleanField(_("current"), default=False, editable=False)
    is_live = models.BooleanField(
        _("live"), default=False, editable=False,
        help_text=_("In shadow everything is assessed and kept, and the shop is told to approve."),
    )  # fmt: skip
    step_up_from = models.FloatField(
        _("ask for a proof from"), null=True, blank=True, default=0.3, validators=SHARE,
        help_text=_("Probability of fraud, from 0 to 1. Empty: never."),
    )  # fmt: skip
    review_from = models.FloatField(
        _("review from"), null=True, blank=True, default=0.6, validators=SHARE,
        help_text=_("Probability of fraud, from 0 to 1. Empty: never."),
    )  # fmt: skip
    decline_from = models.FloatField(
        _("decline from"), null=True, blank=True, default=0.95, validators=SHARE,
        help_text=_("Probability of fraud, from 0 to 1. Empty: never."),
    )  # fmt: skip
    chargeback_cost = models.DecimalField(
        _("cost of a chargeback"), max_digits=12, decimal_places=2, default=Decimal(25),
        validators=[MinValueValidator(0)],
        help_text=_("What the bank charges besides the amount, in the reporting currency."),
    )  # fmt: skip
    margin = models.FloatField(
        _("margin"), default=0.25, validators=SHARE,
        help_text=_("Share of an amount that is lost with an honest order that is declined."),
    )  # fmt: skip
    review_cost = models.DecimalField(
        _("cost of a review"), max_digits=12, decimal_places=2, default=Decimal(3),
        validators=[MinValueValidator(0)],
    )  # fmt: skip
    review_capacity = models.PositiveIntegerField(
        _("reviews a day"), default=50, help_text=_("How many cases your people can look at in a day.")
    )
    review_hours = models.PositiveIntegerField(
        _("hours until a case is due"), default=24, validators=[MinValueValidator(1)],
        help_text=_("A case that is not decided by then is overdue."),
    )  # fmt: skip
    four_eyes_from = models.DecimalField(
        _("two people from"), max_digits=16, decimal_places=2, null=True, blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("From this amount in the reporting currency a second person confirms. Empty: never."),
    )  # fmt: skip
    default_decision = models.CharField(
        _("when everything fails"), max_length=8, choices=Fallback, default=Fallback.APPROVE
    )
    time_budget_ms = models.PositiveIntegerField(
        _("time budget"), default=50, validators=[MinValueValidator(1), MaxValueValidator(5000)],
        help_text=_("Milliseconds. What takes longer is decided by rules and the simple model."),
    )  # fmt: skip
    forbidden_features = models.JSONField(
        _("fields the model must not know"), default=list, blank=True,
        help_text=_("Names of features, or the beginnings of their names. A live model never sees them."),
    )  # fmt: skip
    note = models.CharField(_("note"), max_length=500, blank=True, default="")
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        default_permissions = ("add", "change", "view")
        permissions = [("put_policy_live", _("Can put a policy live, or back into shadow"))]
        constraints = [
            models.UniqueConstraint(fields=["storefront", "kind", "number"], name="ecomai_risk_policy_once"),
            models.UniqueConstraint(
                fields=["storefront", "kind"], condition=models.Q(is_current=True),
                name="ecomai_risk_policy_current",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number}"

    def clean(self) -> None:
        """Thresholds rise from the mildest decision to the strictest."""
        given = [
            each for each in (self.step_up_from, self.review_from, self.decline_from) if each is not None
        ]
        if given != sorted(given):
            raise ValidationError(
                _("Give the thresholds in rising order: a proof first, then a review, then a refusal.")
            )

    def decide(self, probability: float) -> Decision:
        """Return the strictest decision whose threshold a probability reaches."""
        thresholds = (
            (Decision.DECLINE, self.decline_from),
            (Decision.REVIEW, self.review_from),
            (Decision.STEP_UP, self.step_up_from),
        )
        for decision, threshold in thresholds:
            if threshold is not None and probability >= threshold:
                return decision
        return Decision.APPROVE
