"""What `risk/labels/` takes and answers."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..models import Kind, Label


class SentLabelSerializer(serializers.Serializer):
    """What a question turned out to be, by the shop's own id of it."""

    kind = serializers.ChoiceField(choices=Kind.choices, default=Kind.PAYMENT_FRAUD)
    external_id = serializers.CharField(max_length=128)
    is_fraud = serializers.BooleanField(default=True)
    source = serializers.ChoiceField(choices=Label.Source.choices, default=Label.Source.CHARGEBACK)
    known_at = serializers.DateTimeField(required=False, help_text=_("When the shop learned of it."))
    reference = serializers.CharField(
        max_length=128, required=False, default="", allow_blank=True,
        help_text=_("The bank's id: the same one again changes nothing."),
    )  # fmt: skip
    note = serializers.CharField(max_length=5000, required=False, default="", allow_blank=True)

    def validate_known_at(self, value: Any) -> Any:
        """What is known tomorrow is not known: it would take over from all that is said until then."""
        return min(value, timezone.now())


class LabelSerializer(serializers.Serializer):
    is_fraud = serializers.BooleanField()
    source = serializers.ChoiceField(choices=Label.Source.choices)
    known_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    counts = serializers.SerializerMethodField()
    reference = serializers.CharField()

    def get_counts(self, label: Label) -> bool:
        """Whether it is the one that counts now."""
        return label.superseded_at is None
