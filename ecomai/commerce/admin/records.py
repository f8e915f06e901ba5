"""Items, customers, orders, rates and imports."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import (
    CrawlerCount,
    Customer,
    ExchangeRate,
    ImportCheckpoint,
    Item,
    Order,
    OrderLine,
)
from ecomai.commerce.money import format_money

from .base import EstimatingPaginator, ReadOnlyAdmin, StorefrontFilter


class StockFilter(admin.SimpleListFilter):
    title = _("stock")
    parameter_name = "in_stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("in stock")), ("no", _("out of stock")), ("unknown", _("the shop does not say"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        conditions: dict[str | None, dict[str, Any]] = {
            "yes": {"stock__gt": 0},
            "no": {"stock__lte": 0},
            "unknown": {"stock": None},
        }
        return queryset.filter(**conditions.get(self.value(), {}))


@admin.register(Item)
class ItemAdmin(ReadOnlyAdmin):
    list_display = (
        "title",
        "external_id",
        "category_path",
        "shown_price",
        "stock",
        "is_active",
        "updated_at",
    )
    list_filter = ("is_active", StockFilter, StorefrontFilter, "updated_at")
    search_fields = ("external_id__exact", "title")
    search_help_text = _("The shop's id of the item, or a part of its title.")
    ordering = ("-updated_at",)
    paginator = EstimatingPaginator
    fields = (
        "title", "external_id", "storefront", "description", "category_path", "brand", "attributes",
        "shown_price", "cost", "stock", "url", "image_urls", "is_active", "listed_at", "updated_at",
    )  # fmt: skip

    @admin.display(description=_("price"), ordering="price")
    def shown_price(self, item: Item) -> str:
        return format_money(item.price, item.currency)


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    list_display = ("external_id", "storefront", "country", "language", "first_seen_at")
    list_filter = (StorefrontFilter, "first_seen_at")
    search_fields = ("external_id__exact",)
    search_help_text = _("The shop's id of the customer. Names and addresses are not kept here.")
    ordering = ("-first_seen_at",)
    paginator = EstimatingPaginator
    fields = ("external_id", "storefront", "country", "language", "traits", "first_seen_at", "updated_at")


class OrderLineInline(admin.TabularInline):
    model = OrderLine
    fields = ("position", "item", "description", "quantity", "returned_quantity", "unit_price")
    ordering = ("position",)
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderLine]:
        return super().get_queryset(request).select_related("item")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ("external_id", "customer", "status", "shown_total", "n_lines", "channel", "placed_at")
    list_filter = ("status", StorefrontFilter, "placed_at")
    list_select_related = ("customer",)
    search_fields = ("external_id__exact",)
    search_help_text = _("The shop's id of the order or of the customer.")
    ordering = ("-placed_at",)
    paginator = EstimatingPaginator
    inlines = (OrderLineInline,)
    fields = (
        "external_id", "storefront", "customer", "session_id", "channel", "status", "shown_total",
        "placed_at", "updated_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Order]:
        """Count the lines of the rows on the page alone, not those of all orders."""
        lines = OrderLine.objects.filter(order=OuterRef("pk")).order_by().values("order")
        counted = lines.annotate(count=Count("pk")).values("count")
        return super().get_queryset(request).annotate(n_lines=Coalesce(Subquery(counted), 0))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Look the customer up first, so that the orders are found by an index."""
        if not search_term:
            return queryset, False
        customers = list(Customer.objects.filter(external_id=search_term).values_list("pk", flat=True)[:10])
        return queryset.filter(Q(external_id=search_term) | Q(customer__in=customers)), False

    @admin.display(description=_("lines"))
    def n_lines(self, order: Any) -> int:
        return order.n_lines

    @admin.display(description=_("total"), ordering="total")
    def shown_total(self, order: Order) -> str:
        return format_money(order.total, order.currency)


@admin.register(ExchangeRate)
class ExchangeRateAdmin(admin.ModelAdmin):
    """The one table that a person may keep by hand."""

    list_display = ("currency", "valid_from", "rate")
    list_filter = ("currency",)
    ordering = ("currency", "-valid_from")


@admin.register(ImportCheckpoint)
class ImportCheckpointAdmin(ReadOnlyAdmin):
    list_display = ("source", "rows_done", "updated_at", "finished_at")
    list_filter = ("finished_at",)
    search_fields = ("source",)
    ordering = ("-updated_at",)
    fields = ("source", "rows_done", "updated_at", "finished_at", "shown_summary")

    @admin.display(description=_("summary"))
    def shown_summary(self, checkpoint: ImportCheckpoint) -> str:
        rows = [
            (key.replace("_", " "), _as_text(value))
            for key, value in checkpoint.summary.items()
            if value not in ({}, [], "")
        ]
        return format_html("<table>{}</table>", format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", rows))


@admin.register(CrawlerCount)
class CrawlerCountAdmin(ReadOnlyAdmin):
    list_display = ("day", "storefront", "n_events")
    list_filter = (StorefrontFilter,)
    ordering = ("-day",)


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key.replace('_', ' ')}: {localize(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(localize(value))
