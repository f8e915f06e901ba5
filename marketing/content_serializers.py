"""What `marketing/texts/` takes and answers."""

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from .models import ContentDraft

MOST_ITEMS = 100


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
