"""Forms of the console's admin pages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.exceptions import EcomaiError

from . import webhooks
from .measures import measures
from .models import AlertRule


def measure_choices() -> list[tuple[str, str]]:
    """Return what can be watched, with the unit of its bound."""
    found = [
        (one.name, f"{one.verbose_name} ({one.unit})" if one.unit else str(one.verbose_name))
        for one in measures()
    ]
    return [("", "---------"), *sorted(found, key=lambda pair: pair[1])]


class AlertRuleForm(forms.ModelForm):
    measure = forms.ChoiceField(label=gettext_lazy("Measure"), choices=measure_choices)
    is_new_secret = forms.BooleanField(
        label=gettext_lazy("Make a new secret for the webhook"), required=False,
        help_text=gettext_lazy("It is shown once, after saving; the receiver must then know the new one."),
    )  # fmt: skip

    class Meta:
        model = AlertRule
        fields = (
            "name", "is_on", "severity", "measure", "dimension", "comparison", "bound", "for_minutes",
            "cool_down_minutes", "recipients", "webhook_url",
        )  # fmt: skip
        widgets = {"recipients": forms.Textarea(attrs={"rows": 3, "cols": 40})}

    def clean_recipients(self) -> str:
        lines = [line.strip() for line in self.cleaned_data["recipients"].splitlines() if line.strip()]
        for line in lines:
            try:
                validate_email(line)
            except ValidationError:
                text = _("“%(line)s” is no mail address. Write one a line.")
                raise ValidationError(text % {"line": line}) from None
        return "\n".join(dict.fromkeys(lines))

    def clean_webhook_url(self) -> str:
        url: str = self.cleaned_data["webhook_url"].strip()
        if url:
            try:
                webhooks.check_url(url)
            except EcomaiError as error:
                raise ValidationError(str(error)) from None
        return url

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not values.get("recipients") and not values.get("webhook_url") and not self.errors:
            text = _(
                "Nobody would hear of it. Add a mail address or a webhook; the front page shows it anyway."
            )
            self.add_error("recipients", text)
        return values
