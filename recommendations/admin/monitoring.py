"""How recommendations do over time: a page of charts and tables, and the same as a file."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.console.admin import PageAdmin

from ..models import DailyFigures
from ..pages import monitoring as monitoring_page


@admin.register(DailyFigures)
class MonitoringAdmin(PageAdmin):
    def get_urls(self) -> list[URLPattern]:
        return [
            path("", self.viewed(self.monitoring_view), name=self.name_of("changelist")),
            path("figures.csv", self.viewed(self.csv_view), name=self.name_of("csv")),
        ]

    def monitoring_view(self, request: HttpRequest) -> HttpResponse:
        template = "admin/ecomai_recommendations/monitoring.html"
        context = monitoring_page.context(request.GET)
        return self.page(request, template, _("Monitoring of recommendations"), context)

    def csv_view(self, request: HttpRequest) -> HttpResponse:
        lines = monitoring_page.csv_lines(request.GET)
        name = f"recommendations-{timezone.localdate():%Y-%m-%d}.csv"
        # Spreadsheets take a file for UTF-8 by its first character.
        return StreamingHttpResponse(  # type: ignore[return-value]
            (line.encode() for line in ["\ufeff", *lines]),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
