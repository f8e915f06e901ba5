"""Back-tests: start one, follow it, read what it found."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path

from ecomai.console.backtest_pages import BacktestPages

from ..models import Backtest, Rule
from ..pages import backtests as backtest_page
from .forms import BacktestForm

USUAL_DAYS = 90


@admin.register(Backtest)
class BacktestAdmin(BacktestPages):
    list_template = "admin/ecomai_risk/backtests.html"
    report_template = "admin/ecomai_risk/backtest.html"

    def get_urls(self) -> list[URLPattern]:
        csv_view = self.admin_site.admin_view(self.csv_view)
        return [*super().get_urls(), path("<int:pk>/report.csv", csv_view, name=self.name_of("csv"))]

    def new_form(self, request: HttpRequest) -> BacktestForm:
        return (
            BacktestForm(request.POST)
            if request.method == "POST"
            else BacktestForm(initial=_initial(request))
        )

    def start(self, request: HttpRequest, form: BacktestForm) -> Backtest:
        from ..backtesting.jobs import start_backtest

        return start_backtest(user=request.user, **form.arguments())

    def described(self, backtests: Sequence[Backtest]) -> list[str]:
        return backtest_page.described(backtests)

    def report_context(self, backtest: Backtest) -> dict[str, Any]:
        return backtest_page.report_context(backtest)

    def csv_view(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        backtest = self.row(request, pk)
        if not backtest.report:
            raise Http404
        # Spreadsheets take a file for UTF-8 by its first character.
        lines = (line.encode() for line in ["\ufeff", *backtest_page.csv_lines(backtest)])
        headers = {"Content-Disposition": f'attachment; filename="backtest-{pk}.csv"'}
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _initial(request: HttpRequest) -> dict[str, object]:
    """Begin with the rule whose page one comes from."""
    initial: dict[str, object] = dict(BacktestForm.usual_days(USUAL_DAYS))
    key = request.GET.get("rule", "")
    rule = Rule.objects.filter(pk=key).first() if key.isdecimal() and len(key) < 19 else None
    if rule is not None:
        is_live = rule.state == Rule.State.LIVE
        initial |= {"name": str(rule), "kind": rule.kinds[0], "storefront": rule.storefront}
        initial["without_rules" if is_live else "rules"] = [rule.pk]
    return initial
