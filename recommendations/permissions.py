"""Who may call our endpoints."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ecomai.commerce.authentication import HasScope
from ecomai.commerce.models import ApiKey


class MayAskForRecommendations(BasePermission):
    """A key with the scope `recommendations:read`, or a customer who is logged in at the shop."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, ApiKey):
            return HasScope("recommendations:read").has_permission(request, view)
        return bool(request.user and request.user.is_authenticated)


class MayGiveFeedback(BasePermission):
    """A key with the scope `events:write`, or a customer who is logged in at the shop."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if isinstance(request.auth, ApiKey):
            return HasScope("events:write").has_permission(request, view)
        return bool(request.user and request.user.is_authenticated)
