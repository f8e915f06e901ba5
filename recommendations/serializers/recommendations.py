"""What `recommendations/` takes and answers; also the source of the OpenAPI description."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import SkipField

from ..app_settings import app_settings
from ..models import Source
from ..pipeline.reasons import SENTENCES


class RecommendationQuery(serializers.Serializer):
    """The query string of a request."""

    customer = serializers.CharField(
        required=False,
        max_length=128,
        help_text=_("The shop's id of a customer; for servers with a secret key."),
    )
    session_id = serializers.CharField(required=False, max_length=128, help_text=_("The anonymous session."))
    item = serializers.CharField(
        required=False, max_length=128, help_text=_("Answer with items similar to this one.")
    )
    basket = serializers.CharField(
        required=False,
        max_length=4000,
        help_text=_("Item ids separated by commas: answer with what goes with them."),
    )
    n = serializers.IntegerField(required=False, min_value=1, help_text=_("How many items."))
    placement = serializers.SlugField(
        required=False,
        max_length=64,
        help_text=_("Where the items are shown, such as “home”; kept for reports."),
    )
    category = serializers.CharField(
        required=False, max_length=500, help_text=_("A category path, or its beginning.")
    )
    min_price = serializers.DecimalField(required=False, max_digits=14, decimal_places=4, min_value=0)
    max_price = serializers.DecimalField(required=False, max_digits=14, decimal_places=4, min_value=0)
    currency = serializers.CharField(
        required=False, max_length=3, help_text=_("Which prices the bounds mean.")
    )
    in_stock = serializers.BooleanField(required=False, default=False)

    def validate_n(self, n: int) -> int:
        if n > app_settings.MAX_N:
            raise serializers.ValidationError(
                _("At most %(most)s items can be asked for.") % {"most": app_settings.MAX_N}, code="max_value"
            )
        return n

    def validate_basket(self, basket: str) -> list[str]:
        return [external_id.strip() for external_id in basket.split(",") if external_id.strip()]

    def validate(self, query: dict[str, Any]) -> dict[str, Any]:
        low, high = query.get("min_price"), query.get("max_price")
        if low is not None and high is not None and low > high:
            raise serializers.ValidationError(_("The lowest price is above the highest."))
        return query


def read_query(sent: QueryDict) -> dict[str, Any]:
    """Check a query string by `RecommendationQuery`, asking only the fields that were sent.

    A serializer copies all its fields for each request, and of eleven mostly two are sent.
    """
    try:
        return _query.validate(dict(_checked(sent)))
    except ValidationError:
        query = RecommendationQuery(data=sent)
        query.is_valid(raise_exception=True)
        return dict(query.validated_data)


def _checked(sent: QueryDict) -> Iterator[tuple[str, Any]]:
    for name in sent:
        if (field := _query.fields.get(name)) is None:
            continue
        try:
            value = field.run_validation(field.get_value(sent))
        except SkipField:
            continue
        check = getattr(_query, f"validate_{name}", None)
        yield name, check(value) if check else value


_query = RecommendationQuery()


class ReasonSerializer(serializers.Serializer):
    code = serializers.CharField(
        help_text="bought, again, looked_at, goes_with, similar_to, popular, range or for_you. The named "
        "item is the one without which the shown item would rank lower."
    )
    text = serializers.CharField(help_text="A sentence in the request's language.")
    item = serializers.SerializerMethodField(help_text="The id of the named item, if one is named.")

    def get_item(self, reason: Any) -> str | None:
        return reason.item.external_id if reason.item else None


class PickSerializer(serializers.Serializer):
    item = serializers.CharField(source="item.external_id")
    title = serializers.CharField(source="item.title")
    url = serializers.CharField(source="item.url")
    image_url = serializers.SerializerMethodField()
    price = serializers.DecimalField(source="item.price", max_digits=14, decimal_places=4, allow_null=True)
    currency = serializers.CharField(source="item.currency")
    is_in_stock = serializers.BooleanField(source="item.is_in_stock")
    score = serializers.FloatField(help_text="Comparable within one answer only.")
    reason = ReasonSerializer()

    def get_image_url(self, pick: Any) -> str:
        return first_image(pick.item)


class AnswerSerializer(serializers.Serializer):
    items = PickSerializer(source="picks", many=True)
    source = serializers.ChoiceField(
        choices=Source.choices,
        allow_blank=True,
        help_text="Which part answered.",
    )
    is_fallback = serializers.BooleanField(help_text="Whether who was asked could not answer.")
    model = serializers.CharField(source="model_name")
    model_version = serializers.IntegerField(allow_null=True)
    answer = serializers.UUIDField(
        source="key", allow_null=True, help_text="Send it as property “answer” of impressions and clicks."
    )
    placement = serializers.CharField(allow_blank=True)
    unknown_ids = serializers.ListField(
        child=serializers.CharField(), help_text="Ids the shop never told us."
    )
    code = serializers.CharField(allow_blank=True, help_text="“switched_off” where the scenario is off.")


def answer_body(answer: Any) -> dict[str, Any]:
    """Return what `AnswerSerializer` describes, in a tenth of the time that it takes for it."""
    codes = {pick.reason.code for pick in answer.picks}
    sentences = {code: gettext(SENTENCES[code]) for code in codes}
    return {
        "items": [_pick_body(pick, sentences) for pick in answer.picks],
        "source": str(answer.source),
        "is_fallback": answer.is_fallback,
        "model": answer.model_name,
        "model_version": answer.model_version,
        "answer": str(answer.key) if answer.key else None,
        "placement": answer.placement,
        "unknown_ids": list(answer.unknown_ids),
        "code": answer.code,
    }


def _pick_body(pick: Any, sentences: Mapping[str, str]) -> dict[str, Any]:
    item, reason = pick.item, pick.reason
    return {
        "item": item.external_id,
        "title": item.title,
        "url": item.url,
        "image_url": first_image(item),
        "price": None if item.price is None else f"{item.price:.4f}",
        "currency": item.currency,
        "is_in_stock": item.is_in_stock,
        "score": float(pick.score),
        "reason": {
            "code": reason.code,
            "text": reason.text_of(sentences[reason.code]),
            "item": reason.item.external_id if reason.item else None,
        },
    }


def first_image(item: Any) -> str:
    return str(item.image_urls[0]) if item.image_urls else ""
