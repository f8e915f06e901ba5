"""Forms of the admin's pages for experiments."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from .choices import ConfigurationField, arm_choices, check_fits
from .metrics import choices
from .models import Arm, Experiment, GuardRail


class ExperimentForm(forms.ModelForm):
    primary_metric = forms.ChoiceField(
        label=_("Decided by"), choices=choices, help_text=_("The one metric that decides.")
    )

    class Meta:
        model = Experiment
        fields = (
            "name", "slug", "subject", "hypothesis", "unit", "primary_metric", "minimum_effect",
            "outcome_days", "traffic_share", "holdout_share",
        )  # fmt: skip


class ArmForm(forms.ModelForm):
    configuration = ConfigurationField(label=_("What it does"), required=False)

    class Meta:
        model = Arm
        fields = ("name", "weight", "is_control", "configuration")

    def __init__(self, *args: Any, choices: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["configuration"].widget.choices = arm_choices() if choices is None else choices

    def clean_configuration(self) -> Any:
        return self.cleaned_data["configuration"] or {}

    def _get_validation_exclusions(self) -> set[str]:
        # The control may be swapped in one go; what must hold of all arms together is the formset's.
        return super()._get_validation_exclusions() | {"experiment"}  # type: ignore[misc]


class PartFormSet(forms.BaseInlineFormSet):
    """Parts of an experiment, each there once, also beside what another page has just added."""

    name_field = ""

    def clean(self) -> None:
        super().clean()
        names = [values.get(self.name_field) for values in self.kept_values()]
        known = [form.instance.pk for form in self.forms if form.instance.pk]
        others: set[str] = set()
        if self.instance.pk:
            rows = self.get_queryset().exclude(pk__in=known)
            others = set(rows.values_list(self.name_field, flat=True))
        if len(set(names)) < len(names) or others & set(names):
            raise ValidationError(_("Each of them may be there once only; look for what is there twice."))

    def kept_values(self) -> list[dict[str, Any]]:
        return [
            form.cleaned_data
            for form in self.forms
            if getattr(form, "cleaned_data", None) and not form.cleaned_data.get("DELETE")
        ]


class GuardRailFormSet(PartFormSet):
    name_field = "metric"


class ArmFormSet(PartFormSet):
    name_field = "name"

    @cached_property
    def choices(self) -> Any:
        """Asked for once, however many arms there are."""
        return arm_choices()

    def get_form_kwargs(self, index: Any) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "choices": self.choices}

    def clean(self) -> None:
        super().clean()
        kept = self.kept_values()
        for values in kept:
            check_fits(values.get("configuration") or {}, self.instance.subject)
        if kept and sum(bool(values.get("is_control")) for values in kept) != 1:
            raise ValidationError(_("Mark exactly one arm as the control: what the shop shows today."))

    def save(self, commit: bool = True) -> Any:
        """Set the control last, as two at a time are one too many for the database."""
        control = next(
            (
                form
                for form in self.forms
                if form.cleaned_data.get("is_control") and form not in self.deleted_forms
            ),
            None,
        )
        if not commit or control is None:
            return super().save(commit=commit)
        self.instance.arms.update(is_control=False)
        for form in self.forms:
            form.instance.is_control = False
        saved = super().save()
        control.instance.is_control = True
        Arm.objects.filter(pk=control.instance.pk).update(is_control=True)
        return saved


class GuardRailForm(forms.ModelForm):
    metric = forms.ChoiceField(label=_("Metric"), choices=choices)

    class Meta:
        model = GuardRail
        fields = ("metric", "allowed_loss")


class PlanForm(forms.ModelForm):
    """The values of a form half filled in, from which a plan can be made."""

    subject = forms.CharField(required=False)
    primary_metric = forms.ChoiceField(choices=choices)

    class Meta:
        model = Experiment
        fields = (
            "subject",
            "unit",
            "primary_metric",
            "minimum_effect",
            "outcome_days",
            "traffic_share",
            "holdout_share",
        )
