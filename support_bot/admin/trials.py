"""Trials of the prompt of answers: start one, follow it, read both answers side by side."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.console.backtest_pages import BacktestPages
from ecomai.generation.models import PromptVersion

from ..models import PromptTrial
from ..pages import trials as pages
from ..prompts import ANSWER
from ..services.trying import MOST_DAYS, MOST_QUESTIONS, start_trial


class VersionField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        names = {"n": obj.number, "language": obj.prompt.get_language_display(), "note": obj.note}
        return (_("version %(n)s, %(language)s. %(note)s") % names).strip()


class TrialForm(forms.Form):
    """What a person says to start a trial; bounds are the service's."""

    version = VersionField(label=gettext_lazy("Version"), queryset=PromptVersion.objects.none())
    n_questions = forms.IntegerField(
        label=gettext_lazy("Questions"), min_value=1, max_value=MOST_QUESTIONS, initial=30
    )
    days = forms.IntegerField(
        label=gettext_lazy("Of the last days"), min_value=1, max_value=MOST_DAYS, initial=90
    )
    name = forms.CharField(label=gettext_lazy("Name"), max_length=100, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = PromptVersion.objects.filter(prompt__name=ANSWER).exclude(pk=F("prompt__live_version"))
        field: Any = self.fields["version"]
        field.queryset = others.select_related("prompt").order_by("-pk")


@admin.register(PromptTrial)
class PromptTrialAdmin(BacktestPages):
    list_template = "admin/ecomai_support_bot/trials.html"
    report_template = "admin/ecomai_support_bot/trial.html"

    def new_form(self, request: HttpRequest) -> TrialForm:
        if request.method == "POST":
            return TrialForm(request.POST)
        return TrialForm(initial={"version": request.GET.get("version", "")})

    def start(self, request: HttpRequest, form: TrialForm) -> PromptTrial:
        return start_trial(user=request.user, **form.cleaned_data)

    def described(self, backtests: Sequence[PromptTrial]) -> list[str]:
        return pages.described(backtests)

    def report_context(self, backtest: PromptTrial) -> dict[str, Any]:
        return pages.report_context(backtest)
