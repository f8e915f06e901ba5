"""What our endpoints answer."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ecomai.commerce.models import Item

from .models import AdCreative, AdGroup, Campaign, ContentDraft, Feedback, MailProblem, Segment, Stage
from .services.onsite import ACTS, MOST_SHOWN, target_of, token_of

#: Of one question for texts.
MOST_ITEMS = 100


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
    smoothed_tastes = serializers.DictField()
    price_level = serializers.FloatField(allow_null=True)
    discount_share = serializers.FloatField(allow_null=True)
    last_seen_at = serializers.CharField(allow_null=True)
    usual_channel = serializers.CharField(allow_blank=True)
    usual_hour = serializers.IntegerField(allow_null=True)
    loyalty_tier = serializers.CharField(allow_blank=True)
    n_referrals = serializers.IntegerField()
    n_texts = serializers.IntegerField()
    negative_share = serializers.FloatField(allow_null=True)
    last_sentiment = serializers.CharField(allow_blank=True)
    last_written_at = serializers.CharField(allow_null=True)
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


class AdSerializer(serializers.Serializer):
    """An advertisement to show, with the label that it is one."""

    title = serializers.CharField(source="creative.title")
    text = serializers.CharField(source="creative.text", allow_blank=True)
    picture_url = serializers.CharField(source="creative.picture_url", allow_blank=True)
    item_id = serializers.SerializerMethodField(
        help_text=_("The shop's own id; empty where it is of no item.")
    )
    position = serializers.IntegerField()
    label = serializers.SerializerMethodField(help_text=_("To be shown beside it."))
    click_url = serializers.SerializerMethodField(help_text=_("Counts the click and leads on."))
    token = serializers.CharField(help_text=_("To be sent to `ads/seen/` once a visitor saw it."))

    def get_item_id(self, shown: Any) -> str:
        return shown.creative.item.external_id if shown.creative.item else ""

    def get_label(self, shown: Any) -> str:
        return gettext("Advertisement")

    def get_click_url(self, shown: Any) -> str:
        return reverse("ecomai:marketing-ad-click", args=[shown.token])


class AdAnswerSerializer(serializers.Serializer):
    """What a place is to show now; empty where there is nothing."""

    placement = serializers.CharField()
    source = serializers.CharField(
        allow_blank=True, help_text=_("“model”, or “counted” where rates were counted.")
    )
    ads = AdSerializer(many=True)


class AdsQuery(serializers.Serializer):
    """How many advertisements a page wants."""

    n = serializers.IntegerField(min_value=1, max_value=10, default=1)


class SeenSerializer(serializers.Serializer):
    """Tokens of advertisements that a visitor saw."""

    tokens = serializers.ListField(child=serializers.CharField(max_length=2000), max_length=50)


class SeenResultSerializer(serializers.Serializer):
    """How many of them were new."""

    n_counted = serializers.IntegerField()


class AdGroupSerializer(serializers.ModelSerializer):
    """A group with its budget and what it brought. Amounts are text, in the group's currency."""

    n_impressions = serializers.IntegerField()
    n_clicks = serializers.IntegerField()
    n_conversions = serializers.IntegerField()

    class Meta:
        model = AdGroup
        fields = (
            "id", "name", "state", "placements", "starts_at", "ends_at", "currency", "priced_by", "price",
            "daily_budget", "total_budget", "spent", "n_impressions", "n_clicks", "n_conversions",
        )  # fmt: skip


class AdCreativeInSerializer(serializers.ModelSerializer):
    """An advertisement; it waits for a person's approval."""

    item_id = serializers.SlugRelatedField(
        source="item", slug_field="external_id", queryset=Item.objects.none(), required=False,
        help_text=_("The shop's own id of the item."),
    )  # fmt: skip

    class Meta:
        model = AdCreative
        fields = ("title", "text", "picture_url", "target_url", "item_id")

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["item_id"].queryset = Item.objects.filter(storefront=self.context.get("storefront", ""))
        return fields


class AdGroupInSerializer(serializers.ModelSerializer):
    """A draft of a group with its advertisements. Amounts are text or numbers, in the group's currency."""

    placements = serializers.ListField(
        child=serializers.CharField(max_length=64), min_length=1, max_length=50
    )
    segment = serializers.SlugRelatedField(
        slug_field="slug", queryset=Segment.objects.filter(is_archived=False), required=False, allow_null=True
    )
    creatives = AdCreativeInSerializer(many=True, allow_empty=False, max_length=50)

    class Meta:
        model = AdGroup
        fields = (
            "name", "placements", "segment", "starts_at", "ends_at", "currency", "priced_by", "price",
            "conversion_value", "daily_budget", "total_budget", "frequency_cap", "creatives",
        )  # fmt: skip


class AdBudgetsSerializer(serializers.ModelSerializer):
    """What may be spent; null is no bound, and what is left out stays as it is."""

    class Meta:
        model = AdGroup
        fields = ("daily_budget", "total_budget")


class AdGroupStateSerializer(serializers.ModelSerializer):
    """A group after it was written or changed."""

    class Meta:
        model = AdGroup
        fields = ("id", "name", "state", "daily_budget", "total_budget")


class FeedbackRowSerializer(serializers.Serializer):
    """A text of a customer; rows are read by `services.voice`."""

    external_id = serializers.CharField(help_text=_("The shop's own id of the text; once a source."))
    text = serializers.CharField()
    source = serializers.ChoiceField(
        choices=Feedback.Source.choices, required=False, default=Feedback.Source.REVIEW
    )
    title = serializers.CharField(required=False)
    item_id = serializers.CharField(required=False)
    customer_id = serializers.CharField(required=False)
    rating = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=5, help_text=_("Stars.")
    )
    language = serializers.CharField(required=False)
    url = serializers.CharField(required=False)
    written_at = serializers.DateTimeField(required=False, help_text=_("Without it, the time of arrival."))


class FeedbackBatchSerializer(serializers.Serializer):
    feedback = FeedbackRowSerializer(many=True)


class TextsQuery(serializers.Serializer):
    """Of which items, of which kind, in which language."""

    items = serializers.CharField(
        max_length=20_000, help_text=_("Ids of items, separated by commas; at most 100.")
    )
    kind = serializers.ChoiceField(choices=ContentDraft.Kind.choices, required=False)
    language = serializers.CharField(required=False, max_length=16, help_text=_("Such as en or zh-hans."))

    def validate_items(self, value: str) -> list[str]:
        ids = list(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
        if not 1 <= len(ids) <= MOST_ITEMS:
            raise serializers.ValidationError(
                gettext("Name from 1 to %(most)s items.") % {"most": MOST_ITEMS}, code="n_items"
            )
        return ids


class TextSerializer(serializers.Serializer):
    """An approved text."""

    id = serializers.IntegerField()
    item = serializers.CharField(help_text=_("The shop's own id."))
    kind = serializers.ChoiceField(choices=ContentDraft.Kind.choices)
    language = serializers.CharField()
    variant = serializers.IntegerField()
    text = serializers.CharField(help_text=_("Plain; a page has to escape it."))


class TextsSerializer(serializers.Serializer):
    texts = TextSerializer(many=True)


class MailProblemSerializer(serializers.Serializer):
    """What became of a mail; rows are read by `services.bounces`."""

    key = serializers.CharField(help_text=_("Of the mail server; the same key again is the same problem."))
    kind = serializers.ChoiceField(choices=MailProblem.Kind.choices)
    message_id = serializers.CharField(required=False, help_text=_("The mail's own header."))
    recipient = serializers.CharField(
        required=False, help_text=_("The address that the bounce came to, as of BOUNCE_ADDRESS.")
    )
    address = serializers.CharField(required=False, help_text=_("Whose mail it was; a hash of it is kept."))
    reason = serializers.CharField(required=False)
    occurred_at = serializers.DateTimeField(required=False)


class MailProblemBatchSerializer(serializers.Serializer):
    bounces = MailProblemSerializer(many=True)


class OnsiteMessageSerializer(serializers.Serializer):
    """A message that waits on the site. Texts are plain; a page has to escape them."""

    title = serializers.CharField(source="subject")
    text = serializers.CharField(source="body")
    url = serializers.SerializerMethodField(help_text=_("Where it leads; empty where nowhere."))
    token = serializers.SerializerMethodField(help_text=_("To be sent to `onsite/act/`."))
    expires_at = serializers.DateTimeField()

    def get_url(self, message: Any) -> str:
        return target_of(message)

    def get_token(self, message: Any) -> str:
        return token_of(message)


class OnsiteAnswerSerializer(serializers.Serializer):
    slot = serializers.CharField()
    messages = OnsiteMessageSerializer(many=True)


class OnsiteQuery(serializers.Serializer):
    n = serializers.IntegerField(min_value=1, max_value=MOST_SHOWN, default=1)


class OnsiteActSerializer(serializers.Serializer):
    """What the customer did with a message."""

    token = serializers.CharField(max_length=500)
    act = serializers.ChoiceField(choices=tuple(ACTS))


class OnsiteActResultSerializer(serializers.Serializer):
    url = serializers.CharField(allow_blank=True, help_text=_("Where the message leads."))


class CampaignSerializer(serializers.ModelSerializer):
    """A campaign and how far it is."""

    class Meta:
        model = Campaign
        fields = (
            "id", "name", "state", "channel", "holdout_share", "send_at", "started_at", "finished_at",
            "halted_reason",
        )  # fmt: skip


class IntervalSerializer(serializers.Serializer):
    """A figure with an interval that holds however often it is looked at."""

    value = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class GroupSerializer(serializers.Serializer):
    n = serializers.IntegerField()
    n_buyers = serializers.IntegerField()
    revenue = serializers.FloatField()


class ReportSerializer(serializers.Serializer):
    """What a campaign or journey brought, in the reporting currency; lifts are relative.

    Where no lift can be told, `refusal` says why, and what rests on it is null.
    """

    currency = serializers.CharField()
    is_over = serializers.BooleanField()
    refusal = serializers.CharField(allow_blank=True)
    treated = GroupSerializer()
    held_out = GroupSerializer()
    lift_of_buyers = IntervalSerializer(allow_null=True)
    lift_of_revenue = IntervalSerializer(allow_null=True)
    incremental_revenue = IntervalSerializer(allow_null=True)
    n_sent = serializers.IntegerField()
    cost = serializers.FloatField()
    net_gain = IntervalSerializer(allow_null=True)
    returned = IntervalSerializer(allow_null=True, help_text=_("Net gain for each unit of cost."))
    n_bounced = serializers.IntegerField()
    n_complained = serializers.IntegerField()
    n_unsubscribed = serializers.IntegerField()
