"""Forms of texts: what is asked for, what a person changes, where it is used."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.commerce.models import Item
from ecomai.generation.models import LANGUAGE_CHOICES

from ..models import Campaign, ContentDraft, Segment
from ..models.content import LONGEST_TEXT
from ..services.content import MOST_ITEMS, MOST_VARIANTS


class AskForm(forms.Form):
    """What drafts are asked for: of one item, of items of a category, or for a segment."""

    item = forms.CharField(
        label=gettext_lazy("Item"), required=False, max_length=200,
        help_text=gettext_lazy("The shop's own id of one item."),
    )  # fmt: skip
    category = forms.CharField(
        label=gettext_lazy("Category"), required=False, max_length=500,
        help_text=gettext_lazy("All items of a category and below, such as Kitchen > Cups."),
    )  # fmt: skip
    segment = forms.ModelChoiceField(
        Segment.objects.none(), label=gettext_lazy("Segment"), required=False,
        help_text=gettext_lazy("Texts for what most of its customers have in common."),
    )  # fmt: skip
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Kinds"), choices=ContentDraft.Kind.choices, widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("For a segment: advertisements, subject lines and mails."),
    )  # fmt: skip
    languages = forms.MultipleChoiceField(
        label=gettext_lazy("Languages"), choices=LANGUAGE_CHOICES, widget=forms.CheckboxSelectMultiple
    )
    n_variants = forms.IntegerField(
        label=gettext_lazy("Variants"), min_value=1, max_value=MOST_VARIANTS, initial=3
    )
    n_items = forms.IntegerField(
        label=gettext_lazy("Items, at most"), min_value=1, max_value=MOST_ITEMS, initial=100
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        segment: Any = self.fields["segment"]
        segment.queryset = Segment.objects.filter(is_archived=False).order_by("name")

    def clean_item(self) -> Item | None:
        external_id = self.cleaned_data["item"].strip()
        if not external_id:
            return None
        found = Item.objects.filter(external_id=external_id).order_by("storefront").first()
        if found is None:
            raise forms.ValidationError(_("There is no item with this id."))
        return found


class TextForm(forms.Form):
    """What a text should say."""

    text = forms.CharField(
        label=gettext_lazy("Text"), max_length=LONGEST_TEXT, widget=forms.Textarea(attrs={"rows": 6})
    )


class UseForm(forms.Form):
    """Which campaign a text goes into."""

    campaign = forms.ModelChoiceField(Campaign.objects.none(), label=gettext_lazy("Campaign"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        campaign: Any = self.fields["campaign"]
        campaign.queryset = Campaign.objects.filter(state=Campaign.State.DRAFT)
