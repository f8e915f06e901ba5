"""What is popular lately."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import ItemPopularity
from .base import ReadOnlyAdmin


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
