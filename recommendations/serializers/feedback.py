"""What `recommendations/feedback/` takes and answers."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..models import Feedback


class FeedbackSerializer(serializers.Serializer):
    """What a visitor says about an item."""

    item = serializers.CharField(source="item.external_id", max_length=128, help_text=_("The item's id."))
    title = serializers.CharField(source="item.title", read_only=True)
    kind = serializers.ChoiceField(
        choices=Feedback.Kind.choices,
        help_text=_("not_interested and owned hide the item; less_like_this also puts what is like it last."),
    )
    said_at = serializers.DateTimeField(read_only=True)
    session_id = serializers.CharField(
        required=False, write_only=True, max_length=128, help_text=_("The anonymous session.")
    )
    customer_token = serializers.CharField(
        required=False, write_only=True, allow_blank=True, max_length=1000,
        help_text=_("The signed token of the customer who is logged in."),
    )  # fmt: skip


class FeedbackTarget(serializers.Serializer):
    """About which item something is taken back."""

    item = serializers.CharField(max_length=128, help_text=_("The item's id."))


class GivenFeedbackSerializer(serializers.Serializer):
    feedback = FeedbackSerializer(many=True)
