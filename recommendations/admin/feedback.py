"""What visitors said about items."""

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import Feedback
from .base import ReadOnlyAdmin, preview_link


@admin.register(Feedback)
class FeedbackAdmin(ReadOnlyAdmin):
    list_display = ("said_at", "kind", "item", "who")
    list_filter = ("kind", "said_at", "storefront")
    search_fields = ("customer__external_id", "session_id", "item__external_id", "item__title")
    list_select_related = ("customer", "item")
    date_hierarchy = "said_at"
    ordering = ("-said_at",)
    show_full_result_count = False

    @admin.display(description=_("customer"))
    def who(self, feedback: Feedback) -> SafeString | str:
        if feedback.customer is None:
            return feedback.session_id
        return preview_link(feedback.customer_id, feedback.customer.external_id)
