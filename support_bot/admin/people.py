"""The admin's pages of the people who answer, and of what they have at hand."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import AgentProfile, CannedAnswer, ClosedDay, Intent, OfficeHours, Tag
from ..understanding.starter import STARTER


class TagForm(forms.ModelForm):
    """Intents are ticked by their names: the shop's own, or else those that are shipped."""

    intents = forms.MultipleChoiceField(
        label=_("intents"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("Conversations about one of these get the tag by themselves."),
    )  # fmt: skip

    class Meta:
        model = Tag
        fields = ("name", "intents")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = dict(Intent.objects.values_list("name", "title")) or {name: name for name in STARTER}
        found |= {name: name for name in self.instance.intents if name not in found}
        self.fields["intents"].choices = sorted(found.items())  # type: ignore[attr-defined]


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):
    """Words that conversations are sorted by."""

    form = TagForm
    list_display = ("name", "shown_intents")
    search_fields = ("name",)

    @admin.display(description=_("intents"))
    def shown_intents(self, tag: Tag) -> str:
        return ", ".join(tag.intents) or "–"


@admin.register(CannedAnswer)
class CannedAnswerAdmin(admin.ModelAdmin):
    """Answers that people give often."""

    list_display = ("title", "shortcut", "language", "text")
    list_filter = ("language",)
    search_fields = ("title", "shortcut", "text")


@admin.register(AgentProfile)
class AgentProfileAdmin(admin.ModelAdmin):
    """Who answers: skills, languages, room, and whether they are there."""

    list_display = ("user", "is_away", "capacity", "languages", "shown_skills")
    list_filter = ("is_away", "skills")
    list_select_related = ("user",)
    raw_id_fields = ("user",)
    filter_horizontal = ("skills",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("skills")

    @admin.display(description=_("skills"))
    def shown_skills(self, profile: AgentProfile) -> str:
        return ", ".join(tag.name for tag in profile.skills.all()) or "–"


@admin.register(OfficeHours)
class OfficeHoursAdmin(admin.ModelAdmin):
    """When people answer, in the shop's time zone."""

    list_display = ("weekday", "opens", "closes")
    list_display_links = ("weekday",)


@admin.register(ClosedDay)
class ClosedDayAdmin(admin.ModelAdmin):
    """Days on which nobody answers."""

    list_display = ("day", "name")
    date_hierarchy = "day"
