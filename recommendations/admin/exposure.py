"""How places are spread over the items, and where rarely shown ones are tried out."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.console.admin import PageAdmin
from ecomai.numbers import format_percent

from ..models import DailyExposure, Exploration
from ..pages import long_tail as long_tail_page


@admin.register(DailyExposure)
class LongTailAdmin(PageAdmin):
    def get_urls(self) -> list[URLPattern]:
        return [path("", self.viewed(self.long_tail_view), name=self.name_of("changelist"))]

    def long_tail_view(self, request: HttpRequest) -> HttpResponse:
        template = "admin/ecomai_recommendations/long_tail.html"
        return self.page(request, template, _("Long tail"), long_tail_page.context(request.GET))


@admin.register(Exploration)
class ExplorationAdmin(admin.ModelAdmin):
    list_display = ("placement", "storefront", "share", "is_on", "stopped_at", "n_seen", "clicks_beside")
    list_filter = ("is_on", "storefront")
    fields = (
        "storefront", "placement", "share", "least_click_ratio", "is_on",
        "n_seen", "clicks_beside", "learned_at", "stopped_at",
    )  # fmt: skip
    readonly_fields = ("n_seen", "clicks_beside", "learned_at", "stopped_at")
    actions = ("begin_again",)

    @admin.display(description=gettext_lazy("clicks beside the others"), ordering="click_ratio")
    def clicks_beside(self, row: Exploration) -> str:
        return format_percent(row.click_ratio, 0)

    @admin.action(description=gettext_lazy("Begin again after it stopped itself"), permissions=["change"])
    def begin_again(self, request: HttpRequest, queryset: QuerySet[Exploration]) -> None:
        n: Any = queryset.exclude(stopped_at=None).update(stopped_at=None)
        self.message_user(request, _("%(n)s explorations run again.") % {"n": n})
