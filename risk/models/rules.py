"""Rules that the shop's staff write: a condition, and what is done where it holds."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted
from ecomai.conditions import MOST_CHARACTERS, ConditionError

from .assessments import Decision, Kind


class Rule(Storefronted):
    """One version of a rule. A draft may be changed; what was in shadow or live stays as it was for ever.

    Versions of a rule share its name. Of each rule at most one version is live, and one in shadow beside it.
    `shadow_since`, `live_since` and `retired_at` say what was at work when: no version comes back, going
    back to one makes a copy of it.
    """

    class Action(models.TextChoices):
        NOTE = "note", _("note only")
        APPROVE = Decision.APPROVE.value, Decision.APPROVE.label
        STEP_UP = Decision.STEP_UP.value, Decision.STEP_UP.label
        REVIEW = Decision.REVIEW.value, Decision.REVIEW.label
        DECLINE = Decision.DECLINE.value, Decision.DECLINE.label

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SHADOW = "shadow", _("in shadow")
        LIVE = "live", _("live")
        RETIRED = "retired", _("retired")

    name = models.CharField(_("name"), max_length=100)
    number = models.PositiveIntegerField(_("version"), default=1, editable=False)
    kinds = models.JSONField(
        _("about"), default=list, help_text=_("The kinds of assessments that the rule is asked about.")
    )
    condition = models.CharField(
        _("condition"), max_length=MOST_CHARACTERS,
        help_text=_("Such as: amount > 500 and card_payments_1h >= 3"),
    )  # fmt: skip
    action = models.CharField(_("what is done"), max_length=8, choices=Action, default=Action.NOTE)
    order = models.PositiveSmallIntegerField(
        _("place"), default=100, validators=[MaxValueValidator(9999)],
        help_text=_("Rules are asked from the lowest place on; the first that holds decides."),
    )  # fmt: skip
    reason_code = models.CharField(
        _("reason code"), max_length=40, default="rule",
        validators=[
            RegexValidator(r"^[a-z][a-z0-9_]*$", _("Small letters, digits and _, such as many_cards."))
        ],
        help_text=_("For programs: it comes with the answer."),
    )  # fmt: skip
    reason = models.CharField(
        _("reason"), max_length=200, help_text=_("A sentence for reviewers, such as: Many cards in one hour.")
    )
    starts_at = models.DateTimeField(_("holds from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("holds until"), null=True, blank=True)

    state = models.CharField(_("state"), max_length=8, choices=State, default=State.DRAFT, editable=False)
    shadow_since = models.DateTimeField(_("in shadow since"), null=True, blank=True, editable=False)
    live_since = models.DateTimeField(_("live since"), null=True, blank=True, editable=False)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True, editable=False)
    put_live_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("put live by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    copied_from = models.ForeignKey(
        "self", verbose_name=_("copied from"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    problem = models.TextField(_("latest failure"), blank=True, default="", editable=False)
    problem_at = models.DateTimeField(_("failed"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    updated_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        default_permissions = ("add", "change", "delete", "view")
        permissions = [("put_rule_live", _("Can put a rule live or into shadow, and retire it"))]
        ordering = ["order", "name", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["storefront", "name", "number"], name="ecomai_risk_rule_once"),
            models.UniqueConstraint(
                fields=["storefront", "name"], condition=Q(state="live"), name="ecomai_risk_rule_live"
            ),
            models.UniqueConstraint(
                fields=["storefront", "name"], condition=Q(state="shadow"), name="ecomai_risk_rule_shadow"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.name} {self.number}"

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT

    @property
    def is_at_work(self) -> bool:
        """Whether it is asked at assessments: live, or in shadow."""
        return self.state in (self.State.LIVE, self.State.SHADOW)

    def clean(self) -> None:
        """Say what is wrong with a condition before anybody is judged by it."""
        from ..facts import LANGUAGE

        self.condition = self.condition.strip()
        problems: dict[str, Any] = {}
        if not self.kinds or not set(self.kinds) <= set(Kind.values):
            problems["kinds"] = _("Choose at least one of the kinds that there are.")
        try:
            LANGUAGE.compile(self.condition)
        except ConditionError as error:
            problems["condition"] = str(error)
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            problems["ends_at"] = _("It must end after it begins.")
        if problems:
            raise ValidationError(problems)


class RuleDay(models.Model):
    """How often a version of a rule fired on a day, and how often that decided; counted from assessments."""

    rule = models.ForeignKey(Rule, verbose_name=_("rule"), on_delete=models.CASCADE, related_name="days")
    day = models.DateField(_("day"), help_text=_("In UTC."))
    n_fired = models.PositiveIntegerField(_("fired"), default=0)
    n_decided = models.PositiveIntegerField(_("decided"), default=0)

    class Meta:
        verbose_name = _("day of a rule")
        verbose_name_plural = _("days of rules")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["rule", "day"], name="ecomai_risk_rule_day")]
        indexes = [models.Index(fields=["day"], name="ecomai_risk_rule_days")]

    def __str__(self) -> str:
        return f"{self.rule} {self.day}"
