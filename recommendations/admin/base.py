"""What the admin pages of this scenario share."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

PREVIEW = "ecomai_recommendations_preview"


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that people read and nobody edits."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def count_items(keys: list[int]) -> str:
    return ngettext("%(n)s item", "%(n)s items", len(keys)) % {"n": len(keys)}


def preview_link(customer_key: int | None, label: str) -> SafeString | str:
    if customer_key is None:
        return label
    return format_html('<a href="{}?customer={}">{}</a>', reverse(f"admin:{PREVIEW}"), customer_key, label)
