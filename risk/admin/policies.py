"""Policies: read as they were, changed by a version that follows."""

from django.contrib import admin

from ..models import Policy
from .base import ReadOnlyAdmin


@admin.register(Policy)
class PolicyAdmin(ReadOnlyAdmin):
    list_display = (
        "kind", "storefront", "number", "is_current", "is_live", "step_up_from", "review_from",
        "decline_from", "created_at", "created_by",
    )  # fmt: skip
    list_filter = ("kind", "is_current", "storefront")
    ordering = ("kind", "storefront", "-number")
    list_select_related = ("created_by",)
