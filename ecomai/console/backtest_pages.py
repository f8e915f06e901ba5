"""The admin's pages of back-tests: start one, follow it, stop it, read what it found."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from ecomai.registry.admin.base import act
from ecomai.registry.models import AbstractBacktest
from ecomai.registry.services import cancel_job

from .admin import PageAdmin

PER_PAGE = 25


class BacktestPages(PageAdmin):
    """The pages of a table that is an `AbstractBacktest`.

    A scenario says what is asked for and what starts the job, and gives its two templates, which extend
    `ecomai/console/backtests.html` and `ecomai/console/backtest.html`.
    """

    list_template: str
    report_template: str

    @abstractmethod
    def new_form(self, request: HttpRequest) -> Form:
        """Return the form by which one is started, bound if the request is a POST."""

    @abstractmethod
    def start(self, request: HttpRequest, form: Any) -> AbstractBacktest:
        """Queue a back-test by a form that is valid."""

    @abstractmethod
    def described(self, backtests: Sequence[Any]) -> list[str]:
        """Say what each one tries out, for people."""

    @abstractmethod
    def report_context(self, backtest: Any) -> dict[str, Any]:
        """Return what the page of one shows: `what` it tries out, and `report` once there is one."""

    def list_context(self) -> dict[str, Any]:
        """Return what the list shows besides."""
        return {}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(f"{self.opts.app_label}.add_{self.opts.model_name}"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", self.viewed(self.list_view), name=self.name_of("changelist")),
            path("add/", self.viewed(self.list_view), name=self.name_of("add")),
            path("<int:pk>/", view(self.report_view), name=self.name_of("change")),
            path("<int:pk>/progress/", view(self.progress_view), name=self.name_of("progress")),
            path("<int:pk>/cancel/", view(self.cancel_view), name=self.name_of("cancel")),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponse:
        may_add = self.has_add_permission(request)
        if request.method == "POST" and not may_add:
            raise PermissionDenied
        form = self.new_form(request) if may_add else None
        if form is not None and form.is_bound and form.is_valid():
            done = _("The back-test waits for a worker. Its page shows how far it is.")
            back = self.address_of("changelist")
            return act(request, lambda: self.start(request, form), done=done, back=back)
        rows = self.model.objects.select_related("job", "created_by").order_by("-created_at")
        found = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
        context = {
            "form": form,
            "found": found,
            "rows": list(zip(found, self.described(list(found)), strict=True)),
            **self.list_context(),
        }
        return self.page(request, self.list_template, _("Back-tests"), context)

    def row(self, request: HttpRequest, pk: int) -> Any:
        """The row of a page that this person may see."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(self.model.objects.select_related("job"), pk=pk)

    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        backtest = self.row(request, pk)
        context = {"backtest": backtest, "job": backtest.job_under_way, **self.report_context(backtest)}
        return self.page(request, self.report_template, _("Back-test %(name)s") % {"name": backtest}, context)

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the page that is asked for again until the job has ended."""
        backtest = self.row(request, pk)
        context = {"backtest": backtest, "job": backtest.job_under_way, "opts": self.opts}
        response = self.part(request, "ecomai/console/parts/backtest_progress.html", context)
        if context["job"] is None:
            response["HX-Refresh"] = "true"
        return response

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        job, back = self.row(request, pk).job, self.address_of("change", pk)
        if request.method != "POST" or job is None:
            return HttpResponseRedirect(back)
        done = _("The back-test is stopped at its next step.")
        return act(request, lambda: cancel_job(job=job, user=request.user), done=done, back=back)
