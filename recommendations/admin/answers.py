"""Look at what a customer is shown and why; batch results and kept answers."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import Answer, BatchRecommendation
from ..pages import preview as previews
from .base import PREVIEW, ReadOnlyAdmin, count_items, preview_link


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
        return preview_link(answer.customer_id, answer.customer.external_id)

    @admin.display(description=_("items"))
    def n_items(self, answer: Answer) -> str:
        return count_items(answer.item_keys)

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
        return preview_link(row.customer_id, row.customer.external_id)

    @admin.display(description=_("items"))
    def n_items(self, row: BatchRecommendation) -> str:
        return count_items(row.item_keys)

    @admin.display(description=_("items, best first"))
    def shown(self, row: BatchRecommendation) -> SafeString:
        return previews.titles_as_list(row.item_keys)
