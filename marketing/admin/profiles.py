"""Customers as marketing sees them: a list by stage, and a page with a summary for each."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.commerce.money import format_money
from ecomai.numbers import format_percent
from ecomai.registry.admin.pages import OwnPages

from ..models import CustomerProfile, Stage
from ..pages import early_warning, profile
from ..selectors import stage_condition


def _day(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "SHORT_DATE_FORMAT") if moment else "–"


class StageFilter(admin.SimpleListFilter):
    title = _("stage")
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterator[tuple[str, Any]]:
        yield from Stage.choices

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[CustomerProfile]
    ) -> QuerySet[CustomerProfile] | None:
        chosen = self.value()
        if chosen not in Stage.values:
            return None
        return queryset.filter(stage_condition(Stage(str(chosen)), now=timezone.now()))


@admin.register(CustomerProfile)
class CustomerProfileAdmin(OwnPages):
    address_prefix = "ecomai_marketing_profile"
    list_display = [
        "customer", "stage_name", "n_orders", "money", "rfm", "last_order", "next_order", "value", "alive",
    ]  # fmt: skip
    list_filter = [StageFilter, "has_consent", "recency_score", "frequency_score", "monetary_score"]
    list_select_related = ["customer"]
    list_per_page = 50
    search_fields = ["customer__external_id"]
    search_help_text = _("Search by the shop's own id of the customer.")
    show_full_result_count = False
    ordering = ["-spent", "-pk"]
    change_list_template = "admin/ecomai_marketing/profiles.html"

    def own_urls(self) -> list[URLPattern]:
        return [self.address("early-warning/", self.early_warning_view, "early_warning")]

    def early_warning_view(self, request: HttpRequest) -> HttpResponse:
        self.check_view(request)
        context = early_warning.context(request.GET)
        return self.page(
            request, "admin/ecomai_marketing/early_warning.html", gettext("Early warning"), **context
        )

    @admin.display(description=_("stage"))
    def stage_name(self, row: CustomerProfile) -> Any:
        return row.stage.label

    @admin.display(description=_("spent"), ordering="spent")
    def money(self, row: CustomerProfile) -> str:
        return format_money(row.spent, commerce_settings.REPORTING_CURRENCY) or "–"

    @admin.display(description=_("last order"), ordering="last_order_at")
    def last_order(self, row: CustomerProfile) -> str:
        return _day(row.last_order_at)

    @admin.display(description=_("next order expected"), ordering="next_order_at")
    def next_order(self, row: CustomerProfile) -> str:
        return _day(row.next_order_at)

    @admin.display(description=_("value expected"), ordering="expected_value")
    def value(self, row: CustomerProfile) -> str:
        return format_money(row.expected_value, commerce_settings.REPORTING_CURRENCY) or "–"

    @admin.display(description=_("still a customer"), ordering="alive_probability")
    def alive(self, row: CustomerProfile) -> str:
        return format_percent(row.alive_probability)

    @admin.display(description=_("recency, frequency, value"))
    def rfm(self, row: CustomerProfile) -> str:
        return row.rfm or "–"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.row(request, object_id)
        context = profile.context(
            row,
            may_see_all=request.user.has_perm("ecomai_fusion.view_customerpicture"),
            may_hear=request.user.has_perm("ecomai_marketing.view_feedback"),
        )
        return self.page(request, "admin/ecomai_marketing/profile.html", str(row.customer), **context)
