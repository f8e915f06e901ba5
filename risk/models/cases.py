"""Cases that people look at: who has one, until when it is due, what was decided and by whom."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted

from .assessments import Assessment, Kind


class Origin(models.TextChoices):
    """Why people were asked."""

    REVIEW = "review", _("the assessment asks for a review")
    CHARGEBACK = "chargeback", _("a chargeback came")
    APPEAL = "appeal", _("the customer appealed")
    LEARNING = "learning", _("the model learns most from it")


class Verdict(models.TextChoices):
    """What a person can decide."""

    APPROVE = "approve", _("approve")
    STEP_UP = "step_up", _("ask for a proof")
    DECLINE = "decline", _("decline")


class ReasonCode(models.TextChoices):
    """Why a person decided so. What customers are told of it is in `risk.customer_reasons`."""

    KNOWN_CUSTOMER = "known_customer", _("the customer is known and trusted")
    CONFIRMED = "confirmed", _("the customer confirmed it")
    HARMLESS = "harmless", _("what looked odd has a harmless reason")
    UNSURE = "unsure", _("a proof would settle it")
    STOLEN_PAYMENT = "stolen_payment", _("the payment is not the customer's own")
    LINKED = "linked", _("it belongs to a group of abusers")
    TAKEN_OVER = "taken_over", _("somebody else uses the account")
    ABUSE = "abuse", _("coupons, returns or reviews are abused")
    UNFIT_CONTENT = "unfit_content", _("the text or picture does not belong in the shop")
    CHARGEBACK = "chargeback", _("the bank took the money back")
    OTHER = "other", _("another reason, in the text")


class Case(Storefronted):
    """An assessment that people decide about. A chargeback or an appeal opens it again."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        SECOND = "second", _("waits for a second person")
        DECIDED = "decided", _("decided")

    class OrderAct(models.TextChoices):
        """Names of `ecomai.commerce.adapters.Action`."""

        HOLD = "hold_order", _("hold the order")
        RELEASE = "release_order", _("release the order")
        CANCEL = "cancel_order", _("cancel the order")

    assessment = models.OneToOneField(
        Assessment, verbose_name=_("assessment"), on_delete=models.CASCADE, related_name="case"
    )
    kind = models.CharField(_("kind"), max_length=24, choices=Kind)
    origin = models.CharField(_("why"), max_length=16, choices=Origin, default=Origin.REVIEW)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    expected_loss = models.DecimalField(
        _("expected loss"), max_digits=16, decimal_places=2, default=Decimal(0),
        help_text=_("Probability of fraud times the amount and the cost of a chargeback."),
    )  # fmt: skip
    amount_reporting = models.DecimalField(
        _("amount in the reporting currency"), max_digits=16, decimal_places=4, null=True, blank=True
    )
    needs_second = models.BooleanField(
        _("two people"), default=False, help_text=_("Two different people have to decide the same.")
    )
    opened_at = models.DateTimeField(_("opened"), default=timezone.now)
    due_at = models.DateTimeField(_("due"))
    locked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("looked at by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    locked_until = models.DateTimeField(_("looked at until"), null=True, blank=True)
    verdict = models.CharField(
        _("decision"), max_length=8, choices=Verdict, blank=True, default="",
        help_text=_("Of the first person, while a second one is waited for."),
    )  # fmt: skip
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("decided by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    order_act = models.CharField(
        _("to be done with the order"), max_length=16, choices=OrderAct, blank=True, default=""
    )
    order_state = models.CharField(
        _("done with the order"), max_length=16, choices=OrderAct, blank=True, default=""
    )
    order_problem = models.CharField(
        _("why it was not done"), max_length=500, blank=True, default="",
        help_text=_("It is tried again for a day."),
    )  # fmt: skip
    order_act_at = models.DateTimeField(_("to be done since"), null=True, blank=True, editable=False)
    n_order_acts = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("review queue")
        default_permissions = ("view",)
        permissions = [
            ("review_case", _("Can look at cases and decide them")),
            ("decide_cases", _("Can decide several cases at once")),
        ]
        indexes = [
            models.Index(
                fields=["-expected_loss", "id"], name="ecomai_risk_queue",
                condition=~models.Q(state="decided"),
            ),
            models.Index(fields=["state", "kind", "-decided_at"], name="ecomai_risk_decided"),
            models.Index(
                fields=["order_act"], name="ecomai_risk_order_act", condition=~models.Q(order_act="")
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.assessment.external_id}"

    @property
    def is_overdue(self) -> bool:
        return self.state != Case.State.DECIDED and self.due_at < timezone.now()

    @property
    def is_locked(self) -> bool:
        """Whether somebody looks at it just now; a lease that has run out holds nobody off."""
        return self.locked_by_id is not None and bool(
            self.locked_until and self.locked_until > timezone.now()
        )


class CaseDecision(models.Model):
    """What one person decided about a case. It counts (`is_final`) once enough people said the same."""

    case = models.ForeignKey(Case, verbose_name=_("case"), on_delete=models.CASCADE, related_name="decisions")
    verdict = models.CharField(_("decision"), max_length=8, choices=Verdict)
    reason_code = models.CharField(_("reason"), max_length=24, choices=ReasonCode)
    text = models.TextField(_("text"), blank=True, default="")
    answer = models.TextField(
        _("answer to the customer"), blank=True, default="", help_text=_("Where the customer appealed.")
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    is_final = models.BooleanField(_("counts"), default=True)
    decided_at = models.DateTimeField(_("decided"), default=timezone.now)

    class Meta:
        verbose_name = _("decision on a case")
        verbose_name_plural = _("decisions on cases")
        default_permissions = ()
        ordering = ("decided_at", "pk")

    def __str__(self) -> str:
        return f"{self.get_verdict_display()}: {self.get_reason_code_display()}"


class CaseNote(models.Model):
    """What a reviewer wrote down for the next one. Customers never see it."""

    case = models.ForeignKey(Case, verbose_name=_("case"), on_delete=models.CASCADE, related_name="notes")
    text = models.TextField(_("note"))
    created_at = models.DateTimeField(_("written"), default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("note on a case")
        verbose_name_plural = _("notes on cases")
        default_permissions = ()
        ordering = ("created_at", "pk")

    def __str__(self) -> str:
        return self.text[:50]
