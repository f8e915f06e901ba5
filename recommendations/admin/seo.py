"""Texts for search engines: a person edits, approves or rejects them, one by one or many at once."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ecomai.exceptions import EcomaiError
from ecomai.registry.admin.base import badge

from ..models import SeoDraft
from ..services import seo as service
from .forms import SeoDraftForm

BADGES = {SeoDraft.State.DRAFT: "queued", SeoDraft.State.APPROVED: "live", SeoDraft.State.REJECTED: "failed"}
N_AT_ONCE = 100


@admin.register(SeoDraft)
class SeoDraftAdmin(admin.ModelAdmin):
    form = SeoDraftForm
    list_display = ("title", "description", "language", "status", "is_edited", "is_current", "composed_at")
    list_filter = ("state", "language", "is_edited")
    search_fields = ("title", "description", "item__title", "item__external_id")
    list_select_related = ("item",)
    ordering = ("-composed_at",)
    show_full_result_count = False
    actions = ("approve_all", "reject_all")
    change_list_template = "admin/ecomai_recommendations/seodraft/change_list.html"
    readonly_fields = (
        "item_facts",
        "language",
        "status",
        "is_edited",
        "composed_at",
        "decided_at",
        "decided_by",
    )
    fields = ("title", "description", *readonly_fields)

    class Media:
        css = {"all": ["ecomai/registry/admin.css"]}

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def status(self, draft: SeoDraft) -> SafeString:
        return badge(BADGES[SeoDraft.State(draft.state)], draft.get_state_display())

    @admin.display(description=gettext_lazy("up to date"), boolean=True)
    def is_current(self, draft: SeoDraft) -> bool:
        return service.is_current(draft)

    @admin.display(description=gettext_lazy("item"))
    def item_facts(self, draft: SeoDraft) -> str:
        item = draft.item
        parts = [item.title, item.brand, item.category_path, item.description]
        return "\n".join(part for part in parts if part)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: SeoDraft | None = None) -> bool:
        """Only drafts are edited: what was decided stays as it was decided."""
        is_draft = obj is None or obj.state == SeoDraft.State.DRAFT
        return is_draft and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: SeoDraft, form: Any, change: bool) -> None:
        service.note_edit(obj)
        super().save_model(request, obj, form, change)

    @admin.action(description=gettext_lazy("Approve"), permissions=["approve"])
    def approve_all(self, request: HttpRequest, queryset: QuerySet[SeoDraft]) -> None:
        n = self._decide(request, queryset, service.approve)
        text = ngettext("%(n)s text was approved.", "%(n)s texts were approved.", n)
        self.message_user(request, text % {"n": n})

    @admin.action(description=gettext_lazy("Reject"), permissions=["approve"])
    def reject_all(self, request: HttpRequest, queryset: QuerySet[SeoDraft]) -> None:
        n = self._decide(request, queryset, service.reject)
        text = ngettext("%(n)s text was rejected.", "%(n)s texts were rejected.", n)
        self.message_user(request, text % {"n": n})

    def _decide(self, request: HttpRequest, queryset: QuerySet[SeoDraft], decide: Callable[..., None]) -> int:
        """Decide each, and say of those that could not be decided why."""
        n = 0
        for draft in queryset:
            try:
                decide(draft=draft, user=request.user)
                n += 1
            except EcomaiError as error:
                messages.error(request, f"{draft}: {error}")
        return n

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(service.APPROVE))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        may_compose = {"may_compose": self.has_change_permission(request)}
        return super().changelist_view(request, {**may_compose, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        compose = path(
            "compose/",
            self.admin_site.admin_view(self.compose_view),
            name="ecomai_recommendations_seo_compose",
        )
        return [compose, *super().get_urls()]

    def compose_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        back = reverse("admin:ecomai_recommendations_seodraft_changelist", current_app=self.admin_site.name)
        if request.method == "POST":
            found = service.compose_drafts(n_items=N_AT_ONCE, user=request.user)
            text = _("%(composed)s drafts were composed, and %(renewed)s renewed. Nothing is given out yet.")
            messages.success(request, text % found)
        return HttpResponseRedirect(back)
