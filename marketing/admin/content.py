"""The admin's pages of texts: asked for, looked at beside their facts, changed, approved, used."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ecomai.exceptions import EcomaiError
from ecomai.registry.admin.base import act, tell_if_waiting
from ecomai.registry.admin.confirming import ConfirmedAction

from ..models import ContentDraft
from ..pages import content as pages
from ..services import content as service
from .content_forms import AskForm, TextForm, UseForm
from .drafts import DraftAdmin

State = ContentDraft.State
BADGES = {State.DRAFT: "queued", State.APPROVED: "live", State.REJECTED: "failed"}
ACTIONS = {
    "approve": ConfirmedAction(
        label=gettext_lazy("Approve"),
        question=gettext_lazy("The text is given out from now on, and you answer for it. Approve it?"),
        done=gettext_lazy("The text is approved."),
        perform=service.approve,
    ),
    "reject": ConfirmedAction(
        label=gettext_lazy("Reject"),
        question=gettext_lazy(
            "The text is not given out, and the same facts are not composed again. Reject it?"
        ),
        done=gettext_lazy("The text is rejected."),
        perform=service.reject,
    ),
}
POSSIBLE = {State.DRAFT: ["approve", "reject"], State.APPROVED: ["reject"], State.REJECTED: ["approve"]}


@admin.register(ContentDraft)
class ContentDraftAdmin(DraftAdmin):
    address_prefix = "ecomai_marketing_content"
    list_display = ("__str__", "kind", "language", "about", "status", "n_withheld", "composer", "composed_at")
    list_filter = ("state", "kind", "language", "composer", "is_edited")
    list_select_related = ("item", "segment")
    search_fields = ("text", "item__title", "item__external_id", "segment__name")
    ordering = ("-composed_at", "-pk")
    actions = ("approve_all", "reject_all")
    change_list_template = "admin/ecomai_marketing/contentdraft/change_list.html"
    badges, decisions, possible = BADGES, ACTIONS, POSSIBLE

    @admin.display(description=gettext_lazy("about"))
    def about(self, draft: ContentDraft) -> str:
        return str(draft.item.title if draft.item else draft.segment)

    @admin.display(description=gettext_lazy("withheld"))
    def n_withheld(self, draft: ContentDraft) -> int:
        return len(draft.findings)

    # -- many at once --

    @admin.action(description=gettext_lazy("Approve"), permissions=["approve"])
    def approve_all(self, request: HttpRequest, queryset: QuerySet[ContentDraft]) -> None:
        """Approve what the facts support wholly; what they do not is looked at one by one."""
        n = self._each(request, queryset, service.approve, may_answer_for=False)
        text = ngettext("%(n)s text was approved.", "%(n)s texts were approved.", n)
        self.message_user(request, text % {"n": n})

    @admin.action(description=gettext_lazy("Reject"), permissions=["approve"])
    def reject_all(self, request: HttpRequest, queryset: QuerySet[ContentDraft]) -> None:
        n = self._each(request, queryset, service.reject)
        text = ngettext("%(n)s text was rejected.", "%(n)s texts were rejected.", n)
        self.message_user(request, text % {"n": n})

    def _each(self, request: HttpRequest, queryset: Any, decide: Any, **arguments: Any) -> int:
        n = 0
        for draft in queryset:
            try:
                decide(draft, user=request.user, **arguments)
                n += 1
            except EcomaiError as error:
                messages.error(request, f"{draft}: {error}")
        return n

    # -- pages --

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("ask/", self.ask_view, "ask"),
            self.address("<int:pk>/act/<str:action>/", self.action_view, "action"),
            self.address("<int:pk>/use/", self.use_view, "use"),
        ]

    def ask_view(self, request: HttpRequest) -> HttpResponse:
        self.check_ask(request)
        initial = {"segment": request.GET.get("segment"), "item": request.GET.get("item")}
        form = AskForm(request.POST or None, initial={**initial, "languages": ["en"]})
        if request.method == "POST" and form.is_valid():
            try:
                job = service.request_content(user=request.user, **form.cleaned_data)
            except EcomaiError as error:
                form.add_error(None, str(error))
            else:
                tell_if_waiting(request, job)
                messages.success(request, _("The drafts are being composed. They come in here one by one."))
                return HttpResponseRedirect(self.url_of_list())
        title = _("Ask for drafts")
        return self.page(request, "admin/ecomai_marketing/contentdraft/ask.html", title, form=form)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show a text beside its facts; a draft can be changed here."""
        draft = self.row(request, object_id)
        may_change = draft.state == State.DRAFT and self.has_change_permission(request, draft)
        form = TextForm(request.POST or None, initial={"text": draft.text})
        if request.method == "POST":
            if not may_change:
                raise PermissionDenied
            if form.is_valid():
                text = form.cleaned_data["text"]
                return act(
                    request, lambda: service.edit_text(draft, text=text, user=request.user),
                    done=_("The text is saved, and was checked again."), back=self.url_of(draft),
                )  # fmt: skip
        may_use = draft.state == State.APPROVED and draft.kind in (service.Kind.SUBJECT, service.Kind.MAIL)
        may_use = may_use and request.user.has_perm("ecomai_marketing.change_campaign")
        return self.page(
            request, "admin/ecomai_marketing/contentdraft/page.html", str(draft), form=form,
            may_change=may_change, badge=self.status(draft),
            possible=self.offered(request, draft),
            **pages.context(draft, may_use=may_use),
        )  # fmt: skip

    def reasons(self, draft: ContentDraft, action: str) -> list[str]:
        return pages.reasons(draft) if action == "approve" else []

    def use_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        draft = self.row(request, pk)
        if request.method != "POST" or not request.user.has_perm("ecomai_marketing.change_campaign"):
            raise PermissionDenied
        form = UseForm(request.POST)
        if not form.is_valid():
            messages.error(request, _("Choose a campaign that has not begun."))
            return HttpResponseRedirect(self.url_of(draft))
        campaign = form.cleaned_data["campaign"]
        return act(
            request, lambda: service.use_in_campaign(draft, campaign=campaign, user=request.user),
            done=_("The campaign has the text as another variant."), back=self.url_of(draft),
        )  # fmt: skip
