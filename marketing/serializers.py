"""What our endpoints answer."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from .models import Segment, Stage


class ProfileSerializer(serializers.Serializer):
    """A customer's profile. Amounts are in the reporting currency, as text; what is not known is null."""

    customer_id = serializers.CharField(help_text=_("The shop's own id."))
    stage = serializers.ChoiceField(choices=Stage.choices)
    summary = serializers.ListField(child=serializers.CharField(), help_text=_("In the language asked for."))
    has_consent = serializers.BooleanField(help_text=_("Whether the customer may be addressed."))
    n_orders = serializers.IntegerField()
    spent = serializers.CharField(allow_null=True)
    average_order = serializers.CharField(allow_null=True)
    returned_share = serializers.FloatField(allow_null=True)
    first_order_at = serializers.CharField(allow_null=True)
    last_order_at = serializers.CharField(allow_null=True)
    own_gap_days = serializers.FloatField(allow_null=True)
    next_order_at = serializers.CharField(allow_null=True)
    at_risk_at = serializers.CharField(allow_null=True)
    lapsed_at = serializers.CharField(allow_null=True)
    recency_score = serializers.IntegerField(allow_null=True)
    frequency_score = serializers.IntegerField(allow_null=True)
    monetary_score = serializers.IntegerField(allow_null=True)
    favourite_category = serializers.CharField(allow_blank=True)
    favourite_brand = serializers.CharField(allow_blank=True)
    tastes = serializers.DictField()
    price_level = serializers.FloatField(allow_null=True)
    discount_share = serializers.FloatField(allow_null=True)
    last_seen_at = serializers.CharField(allow_null=True)
    usual_channel = serializers.CharField(allow_blank=True)
    usual_hour = serializers.IntegerField(allow_null=True)
    loyalty_tier = serializers.CharField(allow_blank=True)
    n_referrals = serializers.IntegerField()
    expected_orders = serializers.FloatField(allow_null=True)
    expected_value = serializers.FloatField(allow_null=True)
    expected_value_low = serializers.FloatField(allow_null=True)
    expected_value_high = serializers.FloatField(allow_null=True)
    alive_probability = serializers.FloatField(allow_null=True)
    repurchase_probability = serializers.FloatField(allow_null=True)
    scored = serializers.DictField(help_text=_("By which version, when, and for how many days."))
    computed = serializers.DictField(help_text=_("When and from what each part was computed."))


class SegmentSerializer(serializers.Serializer):
    """A segment in use; `slug` is its name in addresses."""

    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(choices=Segment.Kind.choices)
    n_members = serializers.IntegerField(help_text=_("Of all storefronts."))
    condition = serializers.JSONField(help_text=_("Empty for a list that was imported."))
    evaluated_at = serializers.DateTimeField(
        allow_null=True, help_text=_("When all customers were last asked; null while they are.")
    )


class MemberSerializer(serializers.Serializer):
    """A customer in a segment."""

    customer_id = serializers.CharField(source="customer.external_id", help_text=_("The shop's own id."))
    since = serializers.DateTimeField(source="joined_at")


class MembershipSerializer(serializers.Serializer):
    """Whether a customer is in a segment."""

    segment = serializers.CharField()
    customer_id = serializers.CharField()
    is_member = serializers.BooleanField()
