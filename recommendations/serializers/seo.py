"""What `recommendations/seo/` takes and answers."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

MOST_ITEMS = 100


class SeoQuery(serializers.Serializer):
    """Of which items, and in which language."""

    items = serializers.CharField(
        max_length=20_000, help_text=_("Ids of items, separated by commas; at most 100.")
    )
    language = serializers.CharField(
        required=False, max_length=16, help_text=_("Such as en or zh-hans; without it that of the request.")
    )
    storefront = serializers.CharField(required=False, max_length=64, allow_blank=True)

    def validate_items(self, value: str) -> list[str]:
        ids = list(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
        if not 1 <= len(ids) <= MOST_ITEMS:
            raise serializers.ValidationError(
                _("Name from 1 to %(most)s items.") % {"most": MOST_ITEMS}, code="n_items"
            )
        return ids


class SeoTextSerializer(serializers.Serializer):
    """An approved text."""

    item = serializers.CharField()
    language = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()


class SeoAnswerSerializer(serializers.Serializer):
    texts = SeoTextSerializer(many=True)
