"""What the chat without a socket takes."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from .models import Article, Attachment
from .models.knowledge import LONGEST_BODY, LONGEST_QUESTIONS


class SaySerializer(serializers.Serializer):
    key = serializers.CharField(min_length=8, max_length=64)
    text = serializers.CharField(allow_blank=True, trim_whitespace=False)
    value = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    attachments = serializers.ListField(
        child=serializers.CharField(max_length=36), required=False, default=list, max_length=3
    )
    conversation = serializers.CharField(max_length=36, required=False, default="", allow_blank=True)
    after = serializers.IntegerField(min_value=0, required=False, default=0)


class RatingSerializer(serializers.Serializer):
    conversation = serializers.CharField(max_length=36)
    stars = serializers.IntegerField(min_value=1, max_value=5)
    text = serializers.CharField(max_length=1000, required=False, default="", allow_blank=True)


class ConversationRefSerializer(serializers.Serializer):
    conversation = serializers.CharField(max_length=36)


class AttachmentForm(serializers.Serializer):
    """The form that brings a picture or a recording."""

    kind = serializers.CharField(max_length=8, help_text="`picture` or `voice`.")
    file = serializers.FileField(
        required=False, allow_null=True,
        help_text="JPEG, PNG, WebP, GIF, BMP or AVIF, told by its content.",
    )  # fmt: skip
    alt = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True, help_text="What the picture shows."
    )

    def validate_kind(self, kind: str) -> str:
        if kind not in Attachment.Kind.values:
            raise serializers.ValidationError(_("It is a picture or a recording."), code="invalid_choice")
        return kind


class AttachmentSerializer(serializers.ModelSerializer):
    id = serializers.UUIDField(source="public_id")
    # As texts: a schema names each set of choices, and other scenarios have kinds and states, too.
    kind = serializers.CharField()
    state = serializers.CharField()

    class Meta:
        model = Attachment
        fields = ("id", "kind", "state", "code", "text", "width", "height", "alt")
        read_only_fields = fields


class ArticleInSerializer(serializers.Serializer):
    title = serializers.CharField(max_length=200)
    body = serializers.CharField(max_length=LONGEST_BODY, trim_whitespace=False)
    language = serializers.CharField(max_length=16, required=False)
    category = serializers.CharField(max_length=200, required=False, allow_blank=True)
    tags = serializers.CharField(max_length=300, required=False, allow_blank=True)
    questions = serializers.CharField(max_length=LONGEST_QUESTIONS, required=False, allow_blank=True)
    url = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    is_published = serializers.BooleanField(required=False)
    is_internal = serializers.BooleanField(required=False)

    def fields_of_row(self) -> dict[str, Any]:
        values = dict(self.validated_data)
        if (is_published := values.pop("is_published", None)) is not None:
            values["state"] = Article.State.PUBLISHED if is_published else Article.State.DRAFT
        if (is_internal := values.pop("is_internal", None)) is not None:
            values["audience"] = Article.Audience.INTERNAL if is_internal else Article.Audience.PUBLIC
        return values


class ArticleSerializer(serializers.ModelSerializer):
    id = serializers.CharField(source="external_id")
    is_published = serializers.BooleanField()
    is_internal = serializers.BooleanField()

    class Meta:
        model = Article
        fields = (
            "id", "title", "body", "language", "category", "tags", "questions", "url", "is_published",
            "is_internal", "version", "updated_at",
        )  # fmt: skip
