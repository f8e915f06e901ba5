"""The console and the data quality report as pages of whichever AdminSite the host uses."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ecomai.exceptions import EcomaiError
from ecomai.registry.selectors import ALL_SCENARIOS
from ecomai.registry.services import go_live, request_training, switch_scenario

from . import front, quality_page, services
from .models import Console, QualityReport

View = Callable[..., HttpResponse]


class PageAdmin(admin.ModelAdmin):
    """A page in place of a list of rows: nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def name_of(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

    def address_of(self, page: str) -> str:
        return reverse(f"admin:{self.name_of(page)}", current_app=self.admin_site.name)

    def page(self, request: HttpRequest, template: str, title: Any, context: dict[str, Any]) -> HttpResponse:
        request.current_app = self.admin_site.name
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return TemplateResponse(request, template, {**shared, **context})

    def part(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        """Answer a piece of a page, for htmx."""
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, context)

    def viewed(self, view: View) -> View:
        """Let only those in who may see the page."""

        @wraps(view)
        def checked(request: HttpRequest) -> HttpResponse:
            if not self.has_view_permission(request):
                raise PermissionDenied
            return view(request)

        return self.admin_site.admin_view(checked)

    def act(self, request: HttpRequest, do: Callable[[], Any], done: str) -> HttpResponse:
        """Do something a person pressed a button for, say how it went, and show the page again."""
        try:
            do()
        except EcomaiError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, done)
        return HttpResponseRedirect(self.address_of("changelist"))


@admin.register(Console)
class ConsoleAdmin(PageAdmin):
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("ecomai_console.view_console")

    def get_urls(self) -> list[URLPattern]:
        return [
            path("", self.viewed(self.front_view), name=self.name_of("changelist")),
            path("live/", self.viewed(self.live_view), name=self.name_of("live")),
            path("switch/", self.viewed(require_POST(self.switch_view)), name=self.name_of("switch")),
            path("train/", self.viewed(require_POST(self.train_view)), name=self.name_of("train")),
            path("go-live/", self.viewed(require_POST(self.go_live_view)), name=self.name_of("go_live")),
        ]

    def front_view(self, request: HttpRequest) -> HttpResponse:
        context = front.front_page(request)
        return self.page(request, "ecomai/console/front.html", _("Console"), context)

    def live_view(self, request: HttpRequest) -> HttpResponse:
        parts = front.live_parts()
        response = self.part(request, "ecomai/console/parts/live.html", parts)
        if "busy" in request.GET and not parts["jobs"]:
            response["HX-Refresh"] = "true"  # what ended changed the cards below: a version, a report
        return response

    def switch_view(self, request: HttpRequest) -> HttpResponse:
        name, is_on = request.POST.get("scenario", ALL_SCENARIOS), request.POST.get("is_on") == "1"
        done = _("It is switched on.") if is_on else _("It is switched off. Nothing of it answers any more.")
        return self.act(request, lambda: switch_scenario(name=name, is_on=is_on, user=request.user), done)

    def train_view(self, request: HttpRequest) -> HttpResponse:
        name = request.POST.get("model", "")
        done = _("The training is queued. Its progress is shown below.")
        return self.act(request, lambda: request_training(model_name=name, user=request.user), done)

    def go_live_view(self, request: HttpRequest) -> HttpResponse:
        name = request.POST.get("model", "")
        done = _("The model is live. Customers see its answers from now on.")
        return self.act(request, lambda: go_live(model_name=name, user=request.user), done)


@admin.register(QualityReport)
class QualityReportAdmin(PageAdmin):
    def get_urls(self) -> list[URLPattern]:
        return [
            path("", self.viewed(self.report_view), name=self.name_of("changelist")),
            path("progress/", self.viewed(self.progress_view), name=self.name_of("progress")),
            path("compute/", self.viewed(require_POST(self.compute_view)), name=self.name_of("compute")),
        ]

    def report_view(self, request: HttpRequest) -> HttpResponse:
        return self.page(request, "ecomai/console/quality.html", _("Data quality"), quality_page.context())

    def progress_view(self, request: HttpRequest) -> HttpResponse:
        job = services.quality_job_under_way()
        response = self.part(request, "ecomai/console/parts/quality_progress.html", {"job": job})
        if job is None:
            response["HX-Refresh"] = "true"
        return response

    def compute_view(self, request: HttpRequest) -> HttpResponse:
        done = _("The report is being computed. This page shows it when it is ready.")
        return self.act(request, lambda: services.request_quality_report(user=request.user), done)
