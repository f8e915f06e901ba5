"""What visitors may ask of listings and say to the basket."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .basket import MAX_QUANTITY
from .selectors import SORTS


class ListingForm(forms.Form):
    """The filters of a listing; whatever is not valid is ignored, so that old links keep working."""

    sort = forms.ChoiceField(
        label=_("Sort by"), required=False, choices=[(key, label) for key, (label, _order) in SORTS.items()]
    )
    min_price = forms.DecimalField(label=_("Price from"), required=False, min_value=0, max_digits=12)
    max_price = forms.DecimalField(label=_("Price to"), required=False, min_value=0, max_digits=12)
    brand = forms.ChoiceField(label=_("Brand"), required=False)
    in_stock = forms.BooleanField(label=_("In stock only"), required=False)

    def __init__(self, data: Any, *, brands: list[str]) -> None:
        super().__init__(data, label_suffix="")
        self.fields["brand"].choices = [("", _("All brands")), *((brand, brand) for brand in brands)]  # type: ignore[attr-defined]


class QuantityForm(forms.Form):
    item = forms.CharField(max_length=128)
    quantity = forms.IntegerField(min_value=0, max_value=MAX_QUANTITY, required=False)


class ConsentForm(forms.Form):
    is_granted = forms.TypedChoiceField(
        choices=[("yes", "yes"), ("no", "no")], coerce=lambda value: value == "yes"
    )
