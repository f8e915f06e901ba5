"""The admin's pages of prompts, with their history, and of the brand voice."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.registry.admin.base import act
from ecomai.registry.admin.confirming import ConfirmedAction, ask_then_act
from ecomai.registry.admin.pages import OwnPages
from ecomai.registry.services.access import write_audit

from . import pages, services
from .forms import VersionForm
from .models import BrandVoice, Prompt
from .prompts import find_prompt

MAKE_LIVE = ConfirmedAction(
    label=gettext_lazy("Make it live"),
    question=gettext_lazy("Texts are composed by this version from now on. Make it live?"),
    done=gettext_lazy("Texts are composed by this version now."),
    perform=services.make_live,
)


@admin.register(Prompt)
class PromptAdmin(OwnPages):
    address_prefix = "ecomai_generation_prompt"
    list_display = ("what", "name", "language", "live_number", "n_versions")
    list_filter = ("language",)
    list_select_related = ("live_version",)
    list_display_links = ("what", "name")
    search_fields = ("name",)
    ordering = ("name", "language")
    actions = None
    show_full_result_count = False

    class Media:
        css = {"all": ["ecomai/registry/admin.css", "ecomai/generation/generation.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prompt]:
        return super().get_queryset(request).annotate(n_saved=Count("versions"))

    @admin.display(description=gettext_lazy("kind of text"))
    def what(self, prompt: Prompt) -> str:
        return kind_of(prompt)

    @admin.display(description=gettext_lazy("live version"))
    def live_number(self, prompt: Prompt) -> int | None:
        return prompt.live_version.number if prompt.live_version else None

    @admin.display(description=gettext_lazy("versions"))
    def n_versions(self, prompt: Any) -> int:
        return int(prompt.n_saved)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Prompts come with the scenarios that use them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show what is live, take the next version, and tell of all before."""
        prompt = self.row(request, object_id)
        may_change = self.has_change_permission(request, prompt)
        form = VersionForm(request.POST or None, initial=self._initial(prompt))
        if request.method == "POST":
            if not may_change:
                raise PermissionDenied
            if form.is_valid():
                goes_live = "draft" not in request.POST
                return act(
                    request,
                    lambda: services.save_version(
                        prompt, user=request.user, goes_live=goes_live, **form.cleaned_data
                    ),
                    done=_("The version is saved, and live.") if goes_live else _("The draft is saved."),
                    back=prompt_url(prompt),
                )  # fmt: skip
        return self.page(
            request, "ecomai/generation/prompt.html", f"{kind_of(prompt)} ({prompt.get_language_display()})",
            prompt=prompt, form=form, may_change=may_change, history=pages.history(prompt),
            tried_at=tried_at(prompt),
        )  # fmt: skip

    def _initial(self, prompt: Prompt) -> dict[str, str]:
        live = prompt.live_version
        return {"templates": live.templates, "instructions": live.instructions} if live else {}

    def own_urls(self) -> list[URLPattern]:
        return [self.address("<int:pk>/versions/<int:number>/live/", self.live_view, "live")]

    def live_view(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        prompt = self.row(request, pk)
        if not self.has_change_permission(request, prompt):
            raise PermissionDenied
        version = prompt.versions.filter(number=number).first()
        if version is None:
            raise Http404
        return ask_then_act(
            self, request, MAKE_LIVE, about=version, back=prompt_url(prompt), version=version,
            user=request.user,
        )  # fmt: skip


@admin.register(BrandVoice)
class BrandVoiceAdmin(admin.ModelAdmin):
    list_display = ("language", "may_exclaim", "updated_at")
    fields = ("language", "banned_claims", "avoided_words", "allowed_words", "may_exclaim")
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: BrandVoice, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        write_audit(
            action="change_brand_voice", subject=obj, user=request.user,
            details={"changed": list(form.changed_data)},
        )  # fmt: skip


def kind_of(prompt: Prompt) -> str:
    """Return what a prompt writes, in words."""
    spec = find_prompt(prompt.name)
    return str(spec.verbose_name) if spec else prompt.name


def tried_at(prompt: Prompt) -> str:
    """Return where a version is tried out; '' where the kind of text has no such page."""
    spec = find_prompt(prompt.name)
    return reverse(spec.tried_at) if spec and spec.tried_at else ""


def prompt_url(prompt: Prompt) -> str:
    return reverse("admin:ecomai_generation_prompt_change", args=[prompt.pk])
