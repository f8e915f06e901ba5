"""The admin's pages of intents and their phrases."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import Intent, IntentExample


class PhraseForm(forms.ModelForm):
    class Meta:
        help_texts: ClassVar = {"text": _("What it names may be marked: send it to [Lyon](city).")}


class PhraseInline(admin.TabularInline):
    model = IntentExample
    form = PhraseForm
    fields = ("text", "source")
    readonly_fields = ("source",)
    extra = 3


@admin.register(Intent)
class IntentAdmin(admin.ModelAdmin):
    """Intents with their phrases."""

    list_display = ("title", "name", "is_active", "n_phrases")
    list_filter = ("is_active",)
    search_fields = ("name", "title", "examples__text")
    inlines = (PhraseInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Intent]:
        return super().get_queryset(request).annotate(n_examples=Count("examples"))

    @admin.display(description=_("phrases"), ordering="n_examples")
    def n_phrases(self, intent: Any) -> int:
        return int(intent.n_examples)
