"""What `recommendations/search/picture/` takes and answers."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from ..app_settings import app_settings
from .recommendations import PickSerializer


class PictureQuery(serializers.Serializer):
    """The query string of a search by picture."""

    n = serializers.IntegerField(required=False, min_value=1, help_text=_("How many items."))

    def validate_n(self, n: int) -> int:
        if n > app_settings.MAX_N:
            raise serializers.ValidationError(
                _("At most %(most)s items can be asked for.") % {"most": app_settings.MAX_N}, code="max_value"
            )
        return n


class PictureForm(serializers.Serializer):
    """The form that brings a picture."""

    picture = serializers.FileField(
        help_text=_("JPEG, PNG, WebP, GIF, BMP or AVIF, told by its content; it is not kept.")
    )


class PictureAnswerSerializer(serializers.Serializer):
    items = PickSerializer(source="picks", many=True, help_text="The likest first.")
    model_version = serializers.IntegerField(allow_null=True)
    code = serializers.CharField(allow_blank=True, help_text="“switched_off” where the scenario is off.")


def picture_body(answer: Any) -> dict[str, Any]:
    return dict(PictureAnswerSerializer(answer).data)
