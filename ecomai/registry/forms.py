"""Forms of the admin's pages for models."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import EcomaiError
from ecomai.scenarios import Gate, ModelSpec
from ecomai.training_options import Option

from .overviews import ModelOverview
from .services.schedules import parse_crontab
from .services.trainings import MAX_SEARCH_MINUTES

CUSTOM = "custom"
PRESETS = [
    ("", _("Never by itself")),
    ("0 3 * * *", _("Every night at 3")),
    ("0 3 * * 1", _("Every Monday at 3 in the morning")),
    ("0 3 1 * *", _("On the first of every month at 3 in the morning")),
    (CUSTOM, _("At other times")),
]


class SearchForm(forms.Form):
    """A training that first searches for better hyperparameters."""

    search_minutes = forms.IntegerField(
        label=_("Minutes of search"),
        min_value=1,
        max_value=MAX_SEARCH_MINUTES,
        help_text=_("The training itself comes on top; it takes as long as it does without a search."),
    )


def option_fields(spec: ModelSpec, chosen: Mapping[str, Any]) -> dict[str, forms.Field]:
    """Fields of a model's options, set to what was chosen, else to what the model does by itself."""
    values = {**spec.default_hyperparameters, **chosen}
    return {name: _option_field(option, values[name]) for name, option in spec.options.items()}


def _option_field(option: Option, initial: Any) -> forms.Field:
    texts = {"label": option.verbose_name, "help_text": option.help_text, "initial": initial}
    if not option.choices:
        return forms.BooleanField(required=False, **texts)
    return forms.TypedChoiceField(
        choices=list(option.choices.items()), coerce=type(option.values[0]), **texts
    )


def chosen_options(spec: ModelSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that differ from what the model does by itself."""
    return {name: values[name] for name in spec.options if values[name] != spec.default_hyperparameters[name]}


class OptionsForm(forms.Form):
    """A training with other settings than the model's own."""

    @classmethod
    def of(cls, spec: ModelSpec, data: Any = None) -> "OptionsForm":
        # The schedule's form on the same page has fields of the same names.
        form = cls(data, auto_id="training_%s")
        form.fields.update(option_fields(spec, {}))
        return form


class ScheduleForm(forms.Form):
    """When a model retrains; presets for most people, a crontab line for the others."""

    preset = forms.ChoiceField(label=_("Retrain"), choices=PRESETS, required=False)
    crontab = forms.CharField(
        label=_("Other times"),
        required=False,
        max_length=200,
        help_text=_("Minute, hour, day, month, weekday in the shop's time zone, such as 30 4 * * 1-5."),
    )

    search_minutes = forms.IntegerField(
        label=_("Search each time (minutes)"),
        required=False,
        min_value=1,
        max_value=MAX_SEARCH_MINUTES,
        help_text=_("For better hyperparameters, before the training; empty trains without a search."),
    )

    @classmethod
    def of(cls, overview: ModelOverview, data: Any = None) -> "ScheduleForm":
        """The form of a model as it retrains now; bound where there is `data`."""
        crontab = overview.crontab
        is_preset = crontab in dict(PRESETS)
        form = cls(
            data,
            initial={
                "preset": crontab if is_preset else CUSTOM,
                "crontab": "" if is_preset else crontab,
                "search_minutes": overview.search_minutes,
            },
        )
        if not overview.spec.search_space:
            del form.fields["search_minutes"]
        form.fields.update(option_fields(overview.spec, overview.scheduled_hyperparameters))
        return form

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        preset = values.get("preset", "")
        # Who wrote other times means them, whatever the list above still says.
        if values.get("crontab") and "crontab" in self.changed_data and "preset" not in self.changed_data:
            preset = CUSTOM
        values["line"] = values.get("crontab", "") if preset == CUSTOM else preset
        if preset == CUSTOM:
            try:
                parse_crontab(values["line"])
            except EcomaiError as error:
                self.add_error("crontab", str(error))
        return values


class PolicyForm(forms.Form):
    """When a candidate serves without anyone pressing a button. Gains are percentages here."""

    is_automatic = forms.BooleanField(
        label=_("Promote by itself"),
        required=False,
        help_text=_("A new version serves as soon as it passes what is set below; otherwise you decide."),
    )
    min_gain_over_live = forms.FloatField(
        label=_("Better than the live version by at least (%)"), min_value=-100, max_value=1000
    )
    min_gain_over_baseline = forms.FloatField(
        label=_("Better than the baseline by at least (%)"), min_value=-100, max_value=1000
    )
    max_group_gap = forms.FloatField(
        label=_("Largest gap between groups"),
        required=False,
        min_value=0,
        help_text=_(
            "How far the worst served group of customers may lie behind the best; empty sets no bound."
        ),
    )

    @classmethod
    def of(cls, gate: Gate, is_automatic: bool) -> "PolicyForm":
        return cls(
            initial={
                "is_automatic": is_automatic,
                "min_gain_over_live": round(gate.min_gain_over_live * 100, 4),
                "min_gain_over_baseline": round(gate.min_gain_over_baseline * 100, 4),
                "max_group_gap": gate.max_group_gap,
            }
        )

    def gate(self) -> Gate:
        values = self.cleaned_data
        return Gate(
            min_gain_over_live=values["min_gain_over_live"] / 100,
            min_gain_over_baseline=values["min_gain_over_baseline"] / 100,
            max_group_gap=values["max_group_gap"],
        )
