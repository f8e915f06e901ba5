"""What was asked about, what was known then, and what was answered."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ecomai.commerce.models import Storefronted
from ecomai.registry.models import ModelVersion


class Kind(models.TextChoices):
    """What an assessment is about. Each kind has its own policy, model and rules."""

    PAYMENT_FRAUD = "payment_fraud", _("payment fraud")
    ACCOUNT_TAKEOVER = "account_takeover", _("account takeover")
    PROMOTION_ABUSE = "promotion_abuse", _("abuse of coupons and promotions")
    RETURN_ABUSE = "return_abuse", _("abuse of returns and refunds")
    FAKE_REVIEW = "fake_review", _("fake review")
    LISTING = "listing", _("listing, picture or text to moderate")


class Decision(models.TextChoices):
    """From the mildest to the strictest."""

    APPROVE = "approve", _("approve")
    STEP_UP = "step_up", _("ask for a proof")
    # A customer's review is another word in other languages.
    REVIEW = "review", pgettext_lazy("decision", "review")
    DECLINE = "decline", _("decline")


class AnsweredBy(models.TextChoices):
    MODEL = "model", _("model")
    SIMPLE_MODEL = "simple_model", _("simple model")
    RULES = "rules", _("rules")
    DEFAULT = "default", _("the policy's default")


class Assessment(Storefronted):
    """One question of the shop, and our answer. The shop's id makes it happen once.

    Card, device, addresses and e-mail are kept as keyed hashes (`customer` to `ip`: the ids of their
    `EntityState`), beside what may be shown of them. `features` is what was known the moment before:
    `received_at` orders that, and is later than that of any other assessment of the same entities.
    """

    kind = models.CharField(_("kind"), max_length=24, choices=Kind)
    external_id = models.CharField(
        _("id"), max_length=128, help_text=_("The shop's own id of the order, login, return or review.")
    )
    digest = models.CharField(max_length=64, editable=False, help_text=_("A hash of what was asked."))
    customer_external_id = models.CharField(_("customer id"), max_length=128, blank=True, default="")
    session_id = models.CharField(_("session"), max_length=128, blank=True, default="")
    occurred_at = models.DateTimeField(_("occurred"), help_text=_("By the shop's clock."))
    received_at = models.DateTimeField(_("received"), default=timezone.now, help_text=_("By ours."))

    amount = models.DecimalField(_("amount"), max_digits=16, decimal_places=4, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="")
    amount_reporting = models.DecimalField(
        _("amount in the reporting currency"), max_digits=16, decimal_places=4, null=True, blank=True,
        help_text=_("Empty where the currency has no rate."),
    )  # fmt: skip

    customer = models.UUIDField(_("customer hash"), null=True, blank=True, editable=False)
    card = models.UUIDField(_("card hash"), null=True, blank=True, editable=False)
    device = models.UUIDField(_("device hash"), null=True, blank=True, editable=False)
    address = models.UUIDField(_("address hash"), null=True, blank=True, editable=False)
    email = models.UUIDField(_("e-mail hash"), null=True, blank=True, editable=False)
    ip = models.UUIDField(_("IP hash"), null=True, blank=True, editable=False)
    shown = models.JSONField(
        _("what may be shown"), default=dict, blank=True,
        help_text=_("Last digits of the card, domain of the e-mail, network of the IP address, countries."),
    )  # fmt: skip
    payload = models.JSONField(
        _("what was asked"), default=dict, blank=True, encoder=DjangoJSONEncoder,
        help_text=_("Normalised, without what identifies a person."),
    )  # fmt: skip

    features = models.JSONField(_("features"), default=list, blank=True, editable=False)
    features_version = models.PositiveSmallIntegerField(_("version of the features"), default=0)

    probability = models.FloatField(_("probability"), null=True, blank=True)
    decision = models.CharField(
        _("decision"), max_length=8, choices=Decision, blank=True, default="",
        help_text=_("What the shop was told. Empty while it is being decided."),
    )  # fmt: skip
    wanted_decision = models.CharField(
        _("decision without shadow"), max_length=8, choices=Decision, blank=True, default="",
        help_text=_("What the shop would have been told, were the policy live."),
    )  # fmt: skip
    is_shadow = models.BooleanField(_("in shadow"), default=True)
    reasons = models.JSONField(
        _("reasons"), default=list, blank=True,
        help_text=_("Codes with the numbers of their sentences, the weightiest first."),
    )  # fmt: skip
    rules_fired = models.JSONField(_("rules that fired"), default=list, blank=True)
    model_version = models.ForeignKey(
        ModelVersion, verbose_name=_("model version"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    policy = models.ForeignKey(
        "ecomai_risk.Policy", verbose_name=_("policy"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    answered_by = models.CharField(
        _("answered by"), max_length=16, choices=AnsweredBy, blank=True, default=""
    )
    latency_ms = models.FloatField(_("milliseconds"), default=0.0)
    request_id = models.CharField(_("request id"), max_length=64, blank=True, default="")

    #: Contents of pictures while it is being assessed; they are not kept.
    pictures: tuple[bytes, ...] = ()

    is_fraud = models.BooleanField(
        _("fraud"), null=True, blank=True, help_text=_("What the newest label says; empty without one.")
    )

    class Meta:
        verbose_name = _("assessment")
        verbose_name_plural = _("assessments")
        default_permissions = ("view",)
        permissions = [("label_assessment", _("Can say whether an assessment was fraud"))]
        constraints = [
            models.UniqueConstraint(
                fields=["storefront", "kind", "external_id"], name="ecomai_risk_assessed_once"
            ),
        ]
        # Each index costs every assessment; those without the entity are in none.
        indexes = [
            models.Index(fields=["-received_at", "-id"], name="ecomai_risk_received"),
            models.Index(fields=["kind", "-received_at"], name="ecomai_risk_kind"),
            models.Index(
                fields=["customer", "-received_at"], name="ecomai_risk_customer",
                condition=models.Q(customer__isnull=False),
            ),
            models.Index(
                fields=["card", "-received_at"], name="ecomai_risk_card",
                condition=models.Q(card__isnull=False),
            ),
            models.Index(
                fields=["device", "-received_at"], name="ecomai_risk_device",
                condition=models.Q(device__isnull=False),
            ),
            models.Index(
                fields=["address", "-received_at"], name="ecomai_risk_address",
                condition=models.Q(address__isnull=False),
            ),
            models.Index(
                fields=["received_at"], name="ecomai_risk_rules_fired",
                condition=~models.Q(rules_fired=[]),
            ),
            models.Index(
                fields=["kind", "-received_at"], name="ecomai_risk_fraud",
                condition=models.Q(is_fraud=True),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.external_id}"
