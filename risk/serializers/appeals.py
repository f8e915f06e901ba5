"""What customers are told of a decision, and how they appeal."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..models import Appeal, Decision, Kind


class DecisionQuery(serializers.Serializer):
    """Which decision is meant."""

    kind = serializers.ChoiceField(choices=Kind.choices, default=Kind.PAYMENT_FRAUD)
    id = serializers.CharField(max_length=128, help_text=_("The shop's own id of the order."))
    token = serializers.CharField(
        required=False, allow_blank=True, max_length=1000,
        help_text=_("The signed token of the decision, for guests."),
    )  # fmt: skip


class AppealFormSerializer(DecisionQuery):
    """What a customer says against a decision."""

    text = serializers.CharField(max_length=2000)
    next = serializers.CharField(
        required=False, allow_blank=True, max_length=500,
        help_text=_("The page of the shop that a form goes back to."),
    )  # fmt: skip


class AppealSerializer(serializers.ModelSerializer):
    class Meta:
        model = Appeal
        fields = ("text", "state", "answer", "created_at", "answered_at")


class ExplanationSerializer(serializers.Serializer):
    """Why it was decided so, for the customer."""

    kind = serializers.CharField(source="assessment.kind")
    id = serializers.CharField(source="assessment.external_id")
    decision = serializers.ChoiceField(choices=Decision.choices)
    reasons = serializers.ListField(child=serializers.CharField(), source="sentences")
    may_appeal = serializers.BooleanField()
    appeal: Any = AppealSerializer(allow_null=True)
