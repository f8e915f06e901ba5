"""How batches and their answers are described in the OpenAPI document; rows are read by `records`."""

from rest_framework import serializers


class RowResultSerializer(serializers.Serializer):
    row = serializers.IntegerField(help_text="The row's place in the request, from 0.")
    status = serializers.ChoiceField(choices=["accepted", "duplicate", "rejected"])
    code = serializers.CharField(required=False, help_text="Why, as a stable code.")
    reason = serializers.CharField(required=False, help_text="Why, as a sentence.")


class BatchResultSerializer(serializers.Serializer):
    accepted = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    rejected = serializers.IntegerField()
    results = RowResultSerializer(
        many=True, help_text="One per row; with `?results=errors` rejected ones only."
    )


class EventRowSerializer(serializers.Serializer):
    type = serializers.CharField(
        help_text="view, click, impression, cart, purchase, search, ... or a type of your own."
    )
    key = serializers.CharField(
        required=False, help_text="Your id of the event; the same key twice is one event."
    )
    customer_id = serializers.CharField(required=False, help_text="With a secret key only.")
    session_id = serializers.CharField(required=False)
    item_id = serializers.CharField(required=False)
    query = serializers.CharField(required=False)
    channel = serializers.CharField(required=False, default="web")
    order_id = serializers.CharField(required=False)
    quantity = serializers.IntegerField(required=False, default=1)
    value = serializers.DecimalField(max_digits=16, decimal_places=4, required=False)
    currency = serializers.CharField(required=False)
    properties = serializers.DictField(required=False)
    occurred_at = serializers.DateTimeField(required=False, help_text="Without it, the time of arrival.")


class EventBatchSerializer(serializers.Serializer):
    events = EventRowSerializer(many=True)
    customer_token = serializers.CharField(
        required=False, help_text="Made by the template tag; proves the customer."
    )
    session_id = serializers.CharField(required=False, help_text="For the events that name none.")


class ItemRowSerializer(serializers.Serializer):
    external_id = serializers.CharField()
    title = serializers.CharField(required=False)
    description = serializers.CharField(required=False)
    category_path = serializers.CharField(required=False, help_text="From wide to narrow, joined by “ > ”.")
    brand = serializers.CharField(required=False)
    attributes = serializers.DictField(required=False)
    price = serializers.DecimalField(max_digits=14, decimal_places=4, required=False, allow_null=True)
    cost = serializers.DecimalField(
        max_digits=14, decimal_places=4, required=False, allow_null=True, help_text="What the shop pays."
    )
    currency = serializers.CharField(required=False)
    stock = serializers.IntegerField(required=False, allow_null=True)
    url = serializers.CharField(required=False)
    image_urls = serializers.ListField(child=serializers.CharField(), required=False)
    is_active = serializers.BooleanField(required=False)
    listed_at = serializers.DateTimeField(required=False)


class ItemBatchSerializer(serializers.Serializer):
    items = ItemRowSerializer(many=True)


class CustomerRowSerializer(serializers.Serializer):
    external_id = serializers.CharField()
    language = serializers.CharField(required=False)
    country = serializers.CharField(required=False)
    traits = serializers.DictField(required=False)
    first_seen_at = serializers.DateTimeField(required=False)


class CustomerBatchSerializer(serializers.Serializer):
    customers = CustomerRowSerializer(many=True)


class OrderLineRowSerializer(serializers.Serializer):
    position = serializers.IntegerField()
    item_id = serializers.CharField(required=False, help_text="Empty for postage, fees and discounts.")
    description = serializers.CharField(required=False)
    quantity = serializers.IntegerField(required=False, default=1)
    returned_quantity = serializers.IntegerField(required=False, default=0)
    unit_price = serializers.DecimalField(max_digits=14, decimal_places=4)


class OrderRowSerializer(serializers.Serializer):
    external_id = serializers.CharField()
    currency = serializers.CharField()
    placed_at = serializers.DateTimeField()
    customer_id = serializers.CharField(required=False)
    session_id = serializers.CharField(required=False)
    channel = serializers.CharField(required=False, default="web")
    status = serializers.CharField(required=False, default="placed")
    changed_at = serializers.DateTimeField(required=False)
    lines = OrderLineRowSerializer(many=True)


class OrderBatchSerializer(serializers.Serializer):
    orders = OrderRowSerializer(many=True)
