"""Forms of prompts and of the brand voice."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from .composers.grounded import check_templates
from .exceptions import TemplateLineError
from .models import PromptVersion


class VersionForm(forms.ModelForm):
    """The next version of a prompt."""

    class Meta:
        model = PromptVersion
        fields = ("templates", "instructions", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["templates"].widget.attrs |= {"rows": 10, "cols": 100}
        self.fields["instructions"].widget.attrs |= {"rows": 5, "cols": 100}

    def clean_templates(self) -> str:
        templates = str(self.cleaned_data["templates"])
        if not templates.strip():
            raise forms.ValidationError(_("A prompt needs templates: they write where no model answers."))
        try:
            check_templates(templates)
        except TemplateLineError as error:
            raise forms.ValidationError(str(error)) from error
        return templates
