"""What `risk/assessments/` takes and answers; questions are read by `parsers`, and described here."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..models import AnsweredBy, Assessment, Decision, Kind
from ..reasons import sentences


class LineSerializer(serializers.Serializer):
    item_id = serializers.CharField(required=False)
    category = serializers.CharField(required=False)
    quantity = serializers.IntegerField(required=False, default=1)
    unit_price = serializers.DecimalField(required=False, max_digits=15, decimal_places=4)


class QuestionSerializer(serializers.Serializer):
    """What the shop asks about, and what it knows of it. Unknown names are refused."""

    kind = serializers.ChoiceField(choices=Kind.choices)
    external_id = serializers.CharField(
        max_length=128, help_text=_("The shop's own id: the same one again gets the same answer.")
    )
    storefront = serializers.CharField(required=False, max_length=64)
    customer_id = serializers.CharField(required=False, max_length=128)
    session_id = serializers.CharField(required=False, max_length=128)
    occurred_at = serializers.DateTimeField(required=False, help_text=_("With a zone, by the shop's clock."))
    amount = serializers.DecimalField(required=False, max_digits=15, decimal_places=4)
    currency = serializers.CharField(required=False, max_length=3)
    lines = LineSerializer(many=True, required=False)
    discount_amount = serializers.DecimalField(required=False, max_digits=15, decimal_places=4)
    coupons = serializers.ListField(child=serializers.CharField(), required=False)
    card_fingerprint = serializers.CharField(
        required=False, help_text=_("What the payment provider calls the card; never its number.")
    )
    card_last_digits = serializers.CharField(required=False, help_text=_("Kept, to be shown to reviewers."))
    card_country = serializers.CharField(required=False)
    device_id = serializers.CharField(required=False)
    ip_address = serializers.CharField(required=False, help_text=_("IPv4 or IPv6."))
    ip_country = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    customer_name = serializers.CharField(required=False, help_text=_("Compared with the e-mail, not kept."))
    billing_address = serializers.CharField(required=False)
    billing_country = serializers.CharField(required=False)
    shipping_address = serializers.CharField(required=False)
    shipping_country = serializers.CharField(required=False)
    customer_since = serializers.DateTimeField(required=False)
    failed_payments = serializers.IntegerField(required=False)
    action = serializers.CharField(required=False, help_text=_("login, address_change, ..."))
    failed_logins = serializers.IntegerField(required=False)
    is_new_credential = serializers.BooleanField(required=False)
    ordered_at = serializers.DateTimeField(required=False, help_text=_("Of what is returned."))
    returned_share = serializers.FloatField(required=False)
    item_id = serializers.CharField(required=False, help_text=_("Of what is reviewed or listed."))
    title = serializers.CharField(required=False)
    text = serializers.CharField(required=False)
    rating = serializers.FloatField(required=False)
    is_verified_purchase = serializers.BooleanField(required=False)
    pictures = serializers.ListField(
        child=serializers.CharField(), required=False,
        help_text=_("Of a listing or review, in base64; they are read and not kept."),
    )  # fmt: skip
    properties = serializers.DictField(required=False, help_text=_("The shop's own, for its rules."))


class RiskReasonSerializer(serializers.Serializer):
    code = serializers.CharField()
    sentence = serializers.CharField(help_text=_("In the caller's language."))


class RiskAnswerSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(choices=Kind.choices)
    external_id = serializers.CharField()
    decision = serializers.ChoiceField(choices=Decision.choices, help_text=_("What to do."))
    wanted_decision = serializers.ChoiceField(
        choices=Decision.choices, help_text=_("What it would be, were the policy live.")
    )
    is_shadow = serializers.BooleanField()
    probability = serializers.FloatField(allow_null=True)
    reasons = RiskReasonSerializer(many=True)
    rules = serializers.ListField(child=serializers.CharField(), help_text=_("Names of rules that fired."))
    answered_by = serializers.ChoiceField(choices=AnsweredBy.choices)
    model_version = serializers.IntegerField(allow_null=True)
    policy_version = serializers.IntegerField(allow_null=True)
    latency_ms = serializers.FloatField()
    is_fraud = serializers.BooleanField(allow_null=True, help_text=_("What the newest label says."))


def answer_body(row: Assessment) -> dict[str, Any]:
    """Return an assessment as plain values."""
    said = [reason for reason in row.reasons if reason.get("code")]
    return {
        "kind": row.kind,
        "external_id": row.external_id,
        "decision": row.decision,
        "wanted_decision": row.wanted_decision,
        "is_shadow": row.is_shadow,
        "probability": row.probability,
        "reasons": [
            {"code": reason["code"], "sentence": sentence}
            for reason, sentence in zip(said, sentences(said), strict=True)
        ],
        "rules": [str(rule.get("name", "")) for rule in row.rules_fired if rule.get("is_live", True)],
        "answered_by": row.answered_by,
        "model_version": row.model_version.number if row.model_version else None,
        "policy_version": row.policy.number if row.policy and row.policy.pk else None,
        "latency_ms": row.latency_ms,
        "is_fraud": row.is_fraud,
    }
