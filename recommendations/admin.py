"""Admin: look at what a customer is shown and why, batch results, kept answers."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from . import previews
from .models import Answer, BatchRecommendation, Feedback, ItemPopularity

PREVIEW = "ecomai_recommendations_preview"


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that people read and nobody edits."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _count(keys: list[int]) -> str:
    return ngettext("%(n)s item", "%(n)s items", len(keys)) % {"n": len(keys)}


def _preview_link(customer_key: int | None, label: str) -> SafeString | str:
    if customer_key is None:
        return label
    return format_html('<a href="{}?customer={}">{}</a>', reverse(f"admin:{PREVIEW}"), customer_key, label)


@admin.register(Answer)
class AnswerAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "placement", "who", "n_items", "source", "version", "shadow", "took")
    list_filter = ("source", "placement", "model_name", "created_at", "storefront")
    search_fields = ("customer__external_id", "session_id", "key", "request_id")
    list_select_related = ("customer", "model_version", "shadow_version")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    show_full_result_count = False
    change_list_template = "admin/ecomai_recommendations/answer/change_list.html"
    readonly_fields = ("shown", "shown_by_shadow")
    exclude = ("item_keys", "shadow_item_keys", "seed_keys")

    @admin.display(description=_("customer"))
    def who(self, answer: Answer) -> SafeString | str:
        if answer.customer is None:
            return answer.session_id or "-"
        return _preview_link(answer.customer_id, answer.customer.external_id)

    @admin.display(description=_("items"))
    def n_items(self, answer: Answer) -> str:
        return _count(answer.item_keys)

    @admin.display(description=_("version"))
    def version(self, answer: Answer) -> str:
        return str(answer.model_version or "-")

    @admin.display(description=_("shadow"))
    def shadow(self, answer: Answer) -> str:
        return str(answer.shadow_version or "-")

    @admin.display(description=_("milliseconds"), ordering="milliseconds")
    def took(self, answer: Answer) -> str:
        return f"{answer.milliseconds:.0f}"

    @admin.display(description=_("shown items"))
    def shown(self, answer: Answer) -> SafeString:
        return previews.titles_as_list(answer.item_keys)

    @admin.display(description=_("items of the shadow"))
    def shown_by_shadow(self, answer: Answer) -> SafeString:
        return previews.titles_as_list(answer.shadow_item_keys)

    def get_urls(self) -> list[URLPattern]:
        preview = path("preview/", self.admin_site.admin_view(self.preview), name=PREVIEW)
        return [preview, *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """Show a customer's history beside what the customer would be shown now."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": _("Look at recommendations"),
            "opts": self.model._meta,
            **previews.preview_context(request.GET),
        }
        return TemplateResponse(request, "admin/ecomai_recommendations/preview.html", context)


@admin.register(BatchRecommendation)
class BatchRecommendationAdmin(ReadOnlyAdmin):
    list_display = ("who", "n_items", "model_version", "scored_at")
    list_filter = ("scored_at", "customer__storefront")
    search_fields = ("customer__external_id",)
    list_select_related = ("customer", "model_version")
    ordering = ("-scored_at",)
    show_full_result_count = False
    readonly_fields = ("shown",)
    exclude = ("item_keys", "scores")

    @admin.display(description=_("customer"), ordering="customer__external_id")
    def who(self, row: BatchRecommendation) -> SafeString | str:
        return _preview_link(row.customer_id, row.customer.external_id)

    @admin.display(description=_("items"))
    def n_items(self, row: BatchRecommendation) -> str:
        return _count(row.item_keys)

    @admin.display(description=_("items, best first"))
    def shown(self, row: BatchRecommendation) -> SafeString:
        return previews.titles_as_list(row.item_keys)


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
        return _preview_link(feedback.customer_id, feedback.customer.external_id)


@admin.register(ItemPopularity)
class ItemPopularityAdmin(ReadOnlyAdmin):
    list_display = ("title", "category", "rounded", "n_events", "counted_at")
    list_filter = ("item__storefront", "item__is_active")
    search_fields = ("item__title", "item__external_id")
    ordering = ("-score",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ItemPopularity]:
        return super().get_queryset(request).select_related("item")

    @admin.display(description=_("item"), ordering="item__title")
    def title(self, row: ItemPopularity) -> str:
        return row.item.title

    @admin.display(description=_("category"), ordering="item__category_path")
    def category(self, row: ItemPopularity) -> str:
        return row.item.category_path

    @admin.display(description=_("score"), ordering="score")
    def rounded(self, row: ItemPopularity) -> str:
        return f"{row.score:.1f}"
