"""Who may call our endpoints."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ecomai.commerce.visitors import proven_customer_id


class MayAskAboutOwn(BasePermission):
    """A customer who is proven, or has the token of a decision; whether it is theirs is checked later."""

    def has_permission(self, request: Request, view: Any) -> bool:
        sent = request.query_params if request.method == "GET" else request.data
        has_token = hasattr(sent, "get") and bool(sent.get("token"))
        return has_token or bool(proven_customer_id(request))
