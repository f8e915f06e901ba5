"""Back-tests: start one, follow it, read what it found."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from ecomai.console.admin import PageAdmin
from ecomai.registry.admin.base import act
from ecomai.registry.models import Job
from ecomai.registry.services import cancel_job

from ..models import Backtest, Rule
from ..pages import backtests as backtest_page
from .forms import BacktestForm

FOLDER = "admin/ecomai_risk"
PER_PAGE, USUAL_DAYS = 25, 90


@admin.register(Backtest)
class BacktestAdmin(PageAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("ecomai_risk.add_backtest"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("", self.viewed(self.list_view), name=self.name_of("changelist")),
            path("add/", self.viewed(self.list_view), name=self.name_of("add")),
            path("<int:pk>/", view(self.report_view), name=self.name_of("change")),
            path("<int:pk>/progress/", view(self.progress_view), name=self.name_of("progress")),
            path("<int:pk>/cancel/", view(self.cancel_view), name=self.name_of("cancel")),
            path("<int:pk>/report.csv", view(self.csv_view), name=self.name_of("csv")),
        ]

    def list_view(self, request: HttpRequest) -> HttpResponse:
        may_add = self.has_add_permission(request)
        is_sent = request.method == "POST"
        if is_sent and not may_add:
            raise PermissionDenied
        form = BacktestForm(request.POST) if is_sent else BacktestForm(initial=self._initial(request))
        if is_sent and form.is_valid():
            return self._start(request, form)
        rows = Backtest.objects.select_related("job", "created_by").order_by("-created_at")
        found = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
        context = {
            "form": form if may_add else None,
            "found": found,
            "rows": list(zip(found, backtest_page.described(list(found)), strict=True)),
        }
        return self.page(request, f"{FOLDER}/backtests.html", _("Back-tests"), context)

    def _initial(self, request: HttpRequest) -> dict[str, object]:
        """Begin with the rule whose page one comes from."""
        initial: dict[str, object] = dict(BacktestForm.usual_days(USUAL_DAYS))
        key = request.GET.get("rule", "")
        rule = Rule.objects.filter(pk=key).first() if key.isdecimal() and len(key) < 19 else None
        if rule is not None:
            is_live = rule.state == Rule.State.LIVE
            initial |= {"name": str(rule), "kind": rule.kinds[0], "storefront": rule.storefront}
            initial["without_rules" if is_live else "rules"] = [rule.pk]
        return initial

    def _start(self, request: HttpRequest, form: BacktestForm) -> HttpResponse:
        from ..backtesting.jobs import start_backtest

        return act(
            request, lambda: start_backtest(user=request.user, **form.arguments()),
            done=_("The back-test waits for a worker. Its page shows how far it is."),
            back=self.address_of("changelist"),
        )  # fmt: skip

    def _row(self, request: HttpRequest, pk: int) -> Backtest:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(Backtest.objects.select_related("job"), pk=pk)

    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        backtest = self._row(request, pk)
        context = {**backtest_page.report_context(backtest), "job": _under_way(backtest)}
        return self.page(
            request, f"{FOLDER}/backtest.html", _("Back-test %(name)s") % {"name": backtest}, context
        )

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        backtest = self._row(request, pk)
        job = _under_way(backtest)
        response = self.part(request, f"{FOLDER}/backtest_progress.html", {"backtest": backtest, "job": job})
        if job is None:
            response["HX-Refresh"] = "true"
        return response

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        backtest = self._row(request, pk)
        back = reverse(f"admin:{self.name_of('change')}", args=[pk], current_app=self.admin_site.name)
        job = backtest.job
        if request.method != "POST" or job is None:
            return HttpResponseRedirect(back)
        done = _("The back-test is stopped at its next step.")
        return act(request, lambda: cancel_job(job=job, user=request.user), done=done, back=back)

    def csv_view(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        backtest = self._row(request, pk)
        if not backtest.report:
            raise Http404
        # Spreadsheets take a file for UTF-8 by its first character.
        lines = (line.encode() for line in ["\ufeff", *backtest_page.csv_lines(backtest)])
        headers = {"Content-Disposition": f'attachment; filename="backtest-{pk}.csv"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _under_way(backtest: Backtest) -> Job | None:
    job = backtest.job
    return job if job is not None and job.state not in Job.FINISHED_STATES else None
