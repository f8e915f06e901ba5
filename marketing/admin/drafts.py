"""What texts and pictures have in common: asked for on a page, and given out once a person approves."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from ecomai.registry.admin.base import badge
from ecomai.registry.admin.confirming import ConfirmedAction, ask_then_act
from ecomai.registry.admin.pages import OwnPages


class DraftAdmin(OwnPages):
    """Rows with a `state`. `decisions` are what a person may do, `possible` which of them in each state."""

    show_full_result_count = False
    list_per_page = 50
    badges: ClassVar[Mapping[Any, str]]
    decisions: ClassVar[Mapping[str, ConfirmedAction]]
    possible: ClassVar[Mapping[Any, Sequence[str]]]

    class Media:
        css = {"all": ["ecomai/registry/admin.css", "ecomai/marketing/content.css"]}

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def status(self, draft: Any) -> SafeString:
        return badge(self.badges[draft.state], draft.get_state_display())

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They are asked for on a page of their own."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_approve_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "approve")

    def check_ask(self, request: HttpRequest) -> None:
        self.check_view(request)
        if not self._may(request, "add"):
            raise PermissionDenied

    def _may(self, request: HttpRequest, verb: str) -> bool:
        return bool(request.user.has_perm(f"{self.opts.app_label}.{verb}_{self.opts.model_name}"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return super().changelist_view(
            request, {"may_ask": self._may(request, "add"), **(extra_context or {})}
        )

    def offered(self, request: HttpRequest, draft: Any) -> list[tuple[str, Any]]:
        """Names and labels of what this person may decide now."""
        names = self.possible.get(draft.state, ()) if self.has_approve_permission(request) else ()
        return [(name, self.decisions[name].label) for name in names]

    def action_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        draft = self.row(request, pk)
        if not self.has_approve_permission(request):
            raise PermissionDenied
        if action not in self.decisions:
            raise Http404
        return ask_then_act(
            self, request, self.decisions[action], about=draft, back=self.url_of(draft),
            reasons=lambda: self.reasons(draft, action), draft=draft, user=request.user,
        )  # fmt: skip

    def reasons(self, draft: Any, action: str) -> Sequence[Any]:
        """What a person should know before they decide."""
        return ()

    def url_of(self, draft: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[draft.pk])

    def url_of_list(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
