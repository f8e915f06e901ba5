"""Forms of this scenario's back-tests and thresholds."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.registry.models import ModelVersion

from ..models import Kind, Policy, Rule

SHARE: dict[str, Any] = {"min_value": 0.0, "max_value": 1.0}


def version_choices() -> list[tuple[Any, str]]:
    rows = ModelVersion.objects.filter(model_name__in=[f"risk.{kind}" for kind in Kind.values])
    found = [(row.pk, str(row)) for row in rows.order_by("-created_at")[:50]]
    return [("", _("the probabilities of that time")), *found]


def policy_choices() -> list[tuple[Any, str]]:
    rows = Policy.objects.order_by("kind", "-number")[:100]
    return [("", _("the one that counts")), *((row.pk, str(row)) for row in rows)]


def day_input() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class PeriodForm(forms.Form):
    """A kind, a storefront and some past days."""

    kind = forms.ChoiceField(label=gettext_lazy("About"), choices=Kind.choices, initial=Kind.PAYMENT_FRAUD)
    storefront = forms.CharField(label=gettext_lazy("Storefront"), max_length=64, required=False)
    first_day = forms.DateField(label=gettext_lazy("First day"), widget=day_input())
    last_day = forms.DateField(label=gettext_lazy("Last day"), widget=day_input())
    review_catches = forms.FloatField(
        label=gettext_lazy("Share of frauds that reviewers recognise"), initial=0.9, required=False, **SHARE
    )
    proof_stops = forms.FloatField(
        label=gettext_lazy("Share of frauds that a proof keeps off"), initial=0.7, required=False, **SHARE
    )
    proof_loses = forms.FloatField(
        label=gettext_lazy("Share of honest customers that a proof loses"), initial=0.05, required=False,
        **SHARE,
    )  # fmt: skip

    @classmethod
    def usual_days(cls, days: int) -> dict[str, Any]:
        """Return the newest days whose outcome is mostly known."""
        today = timezone.localdate()
        return {"first_day": today - timedelta(days=days), "last_day": today}

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        first, last = values.get("first_day"), values.get("last_day")
        if first and last and first > last:
            self.add_error("last_day", _("The period must end after it begins."))
        return values

    def period(self) -> tuple[datetime, datetime]:
        """Return the beginning of the first day and the end of the last, in the shop's zone."""
        zone = timezone.get_default_timezone()
        first, last = self.cleaned_data["first_day"], self.cleaned_data["last_day"]
        return (
            datetime.combine(first, time.min, tzinfo=zone),
            datetime.combine(last + timedelta(days=1), time.min, tzinfo=zone),
        )

    def beliefs(self) -> dict[str, float]:
        names = ("review_catches", "proof_stops", "proof_loses")
        return {name: self.cleaned_data[name] for name in names if self.cleaned_data.get(name) is not None}


class BacktestForm(PeriodForm):
    """What a person says to start a back-test; what does not fit together is the service's to refuse."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100, required=False)
    rules = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Rules that are added, each in place of what is live of it"), required=False,
        queryset=Rule.objects.exclude(state=Rule.State.LIVE).order_by("name", "-number"),
    )  # fmt: skip
    without_rules = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Live rules that are left out"), required=False,
        queryset=Rule.objects.filter(state=Rule.State.LIVE).order_by("order", "name"),
    )  # fmt: skip
    policy = forms.TypedChoiceField(
        label=gettext_lazy("Policy"), choices=policy_choices, coerce=int, empty_value=None, required=False
    )
    model_version = forms.TypedChoiceField(
        label=gettext_lazy("Model"), choices=version_choices, coerce=int, empty_value=None, required=False
    )
    field_order = ("name", "kind", "storefront", "first_day", "last_day", "rules", "without_rules", "policy",
                   "model_version")  # fmt: skip

    def arguments(self) -> dict[str, Any]:
        """Return what `start_backtest` takes."""
        values = self.cleaned_data
        start, end = self.period()
        chosen = {
            "rules": [rule.pk for rule in values["rules"]],
            "without_rules": [rule.pk for rule in values["without_rules"]],
            "policy": values["policy"],
            "model_version": values["model_version"],
        }
        return {
            "kind": values["kind"], "storefront": values["storefront"], "name": values["name"],
            "period_start": start, "period_end": end,
            "configuration": {name: value for name, value in chosen.items() if value} | self.beliefs(),
        }  # fmt: skip
