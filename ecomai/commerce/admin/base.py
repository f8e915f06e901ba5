"""What the pages share: nobody types the shop's data in, and no page counts millions of rows."""

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Item

MOST_PAGES_COUNTED = 10_000
MOST_STOREFRONTS = 100
NAMELESS = "-"


class EstimatingPaginator(Paginator):
    """Counts at most 10,000 rows of a search; the whole table's number is the database's own estimate."""

    @cached_property
    def count(self) -> int:
        query: Any = self.object_list
        if not query.query.where and connection.vendor == "postgresql":
            estimate = estimated_rows(query.model._meta.db_table)
            if estimate > MOST_PAGES_COUNTED:
                return estimate
        return query.order_by()[:MOST_PAGES_COUNTED].count()


def estimated_rows(table: str) -> int:
    """Return how many rows PostgreSQL believes a table and its partitions have; 0 where it does not know."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint FROM pg_class WHERE relkind = 'r' "
            "AND (oid = %s::regclass OR oid IN (SELECT inhrelid FROM pg_inherits "
            "WHERE inhparent = %s::regclass))",
            [table, table],
        )
        return cursor.fetchone()[0]


class StorefrontFilter(admin.SimpleListFilter):
    """Rows of one storefront; not shown in a shop that has only one."""

    title = _("storefront")
    parameter_name = "storefront"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        known = Item.objects.order_by("storefront").values_list("storefront", flat=True).distinct()
        names = list(known[:MOST_STOREFRONTS])
        return [(name or NAMELESS, name or _("without a name")) for name in names] if len(names) > 1 else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(storefront="" if value == NAMELESS else value) if value else queryset


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that come from the shop are looked at here and changed there."""

    show_full_result_count = False
    list_per_page = 50
    actions: Any = ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
