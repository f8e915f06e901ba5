"""Forms of this scenario's admin pages."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import seo
from ..models import Pipeline, SeoDraft, Source
from ..models.seo import DESCRIPTION_LENGTH, TITLE_LENGTH
from ..pages import figures

PERIODS = (7, 14, 30, 90)


def what_choices() -> list[tuple[str, Any]]:
    """Return what may be back-tested: each pipeline, and who may answer first."""
    sources = [
        (f"source:{Source.MODEL}", _("the model first")),
        (f"source:{Source.SIMILAR}", _("similar items first")),
        (f"source:{Source.POPULAR}", _("popular items alone")),
    ]
    pipelines = [
        (f"pipeline:{row.pk}", f"{row.name} ({row.placement}, {row.get_state_display()})")
        for row in Pipeline.objects.order_by("placement", "name")[:200]
    ]
    groups: list[tuple[str, Any]] = [(_("Pipelines"), pipelines)] if pipelines else []
    return [*groups, (_("Who answers first"), sources)]


def placement_choices() -> list[tuple[str, str]]:
    names = figures.choices()["placements"]
    return [("", _("all")), *((name, name) for name in names if name)]


def storefront_choices() -> list[tuple[str, str]]:
    return [(name, name or "–") for name in figures.choices()["storefronts"]] or [("", "–")]


def period_choices() -> list[tuple[int, str]]:
    return [(days, _("%(n)s days") % {"n": days}) for days in PERIODS]


class ReplayForm(forms.Form):
    """What a person says to start a back-test; bounds are the service's."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100, required=False)
    what = forms.ChoiceField(label=gettext_lazy("What is tried out"), choices=what_choices)
    placement = forms.ChoiceField(label=gettext_lazy("Placement"), choices=placement_choices, required=False)
    storefront = forms.ChoiceField(
        label=gettext_lazy("Storefront"), choices=storefront_choices, required=False
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("Answers of the last"), coerce=int, initial=14,
        choices=period_choices,
    )  # fmt: skip
    n_answers = forms.IntegerField(
        label=gettext_lazy("Answers drawn"), min_value=1, max_value=5000, initial=500
    )
    k = forms.IntegerField(label=gettext_lazy("Items in an answer"), min_value=1, max_value=50, initial=10)

    def arguments(self) -> dict[str, Any]:
        """Return what `start_replay` takes."""
        values = self.cleaned_data
        kind, _colon, name = values["what"].partition(":")
        end = timezone.now()
        return {
            "configuration": {kind: int(name) if kind == "pipeline" else name},
            "name": values["name"], "placement": values["placement"], "storefront": values["storefront"],
            "period_start": end - timedelta(days=values["days"]), "period_end": end,
            "n_answers": values["n_answers"], "k": values["k"],
        }  # fmt: skip


class SeoDraftForm(forms.ModelForm):
    """A person's words; what search engines would cut is refused."""

    class Meta:
        model = SeoDraft
        fields = ("title", "description")
        widgets = {
            "title": forms.TextInput(attrs={"size": 70}),
            "description": forms.Textarea(attrs={"rows": 3, "cols": 70}),
        }

    def clean_title(self) -> str:
        return self._clean("title", TITLE_LENGTH)

    def clean_description(self) -> str:
        return self._clean("description", DESCRIPTION_LENGTH)

    def _clean(self, name: str, most: int) -> str:
        text = " ".join(self.cleaned_data[name].split())
        if seo.width(text) > most:
            raise ValidationError(
                _("Search engines would cut this: it takes %(width)s places, and there are %(most)s.")
                % {"width": seo.width(text), "most": most}
            )
        return text
