"""Back-tests: start one, follow it, read what it found."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ecomai.console.backtest_pages import BacktestPages

from ..models import Replay
from ..pages import replay as replay_page
from .forms import ReplayForm


@admin.register(Replay)
class ReplayAdmin(BacktestPages):
    list_template = "admin/ecomai_recommendations/replays.html"
    report_template = "admin/ecomai_recommendations/replay.html"

    def new_form(self, request: HttpRequest) -> ReplayForm:
        return ReplayForm(request.POST if request.method == "POST" else None)

    def start(self, request: HttpRequest, form: ReplayForm) -> Replay:
        from ..replaying.jobs import start_replay

        return start_replay(user=request.user, **form.arguments())

    def described(self, backtests: Sequence[Replay]) -> list[str]:
        return [replay_page.described(replay.configuration) for replay in backtests]

    def report_context(self, backtest: Replay) -> dict[str, Any]:
        return replay_page.report_context(backtest)

    def list_context(self) -> dict[str, Any]:
        return {"shadows": replay_page.shadows()}
