"""What the REST endpoints of fusion take."""

from typing import Any

from rest_framework import serializers


class ConsentSerializer(serializers.Serializer[Any]):
    purpose = serializers.CharField(max_length=64)
    channel = serializers.CharField(max_length=32, allow_blank=True, default="")
    is_granted = serializers.BooleanField()
    proof = serializers.DictField(required=False, default=dict)


class CustomerRefSerializer(serializers.Serializer[Any]):
    """Names a customer in the body, so that ids stay out of addresses and access logs."""

    customer = serializers.CharField(max_length=128)


class ServerConsentSerializer(ConsentSerializer):
    customer = serializers.CharField(max_length=128, required=False, allow_blank=True, default="")
    session = serializers.CharField(max_length=128, required=False, allow_blank=True, default="")
    source = serializers.CharField(max_length=100, default="server")  # type: ignore[assignment]
    recorded_at = serializers.DateTimeField(required=False)


class SessionLinkSerializer(CustomerRefSerializer):
    session = serializers.CharField(max_length=128)


class ConfirmationSerializer(serializers.Serializer[Any]):
    confirm = serializers.BooleanField()

    def validate_confirm(self, value: bool) -> bool:
        if not value:
            raise serializers.ValidationError("Send true to confirm; an erasure cannot be undone.")
        return value
