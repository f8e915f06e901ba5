"""The stream of events, newest first; filters and search use its indexes alone."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer, Event, EventType, Item

from .base import EstimatingPaginator, ReadOnlyAdmin

PERIODS = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=31),
}


class PeriodFilter(admin.SimpleListFilter):
    """In place of a date hierarchy, whose list of months would read the whole table."""

    title = _("when")
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("hour", _("last hour")),
            ("day", _("last 24 hours")),
            ("week", _("last 7 days")),
            ("month", _("last 31 days")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        period = PERIODS.get(self.value() or "")
        return queryset.filter(occurred_at__gte=timezone.now() - period) if period else queryset


class TypeFilter(admin.SimpleListFilter):
    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(EventType.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("occurred_at", "shown_type", "item", "customer", "session_id", "channel", "query")
    list_filter = (PeriodFilter, TypeFilter)
    list_select_related = ("item", "customer")
    ordering = ("-occurred_at", "id")
    search_fields = ("session_id",)
    search_help_text = _("The exact id of a customer, an item or a session.")
    paginator = EstimatingPaginator
    sortable_by = ()
    fields = (
        "occurred_at", "received_at", "type", "channel", "storefront", "customer", "session_id", "item",
        "order_external_id", "quantity", "value", "currency", "query", "properties",
    )  # fmt: skip

    @admin.display(description=_("type"))
    def shown_type(self, event: Event) -> str:
        return str(dict(EventType.choices).get(event.type, event.type))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """Look the id up first, so that the events are found by an index."""
        if not search_term:
            return queryset, False
        customers = list(Customer.objects.filter(external_id=search_term).values_list("pk", flat=True)[:10])
        items = list(Item.objects.filter(external_id=search_term).values_list("pk", flat=True)[:10])
        found = Q(session_id=search_term) | Q(customer__in=customers) | Q(item__in=items)
        return queryset.filter(found), False
