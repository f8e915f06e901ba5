"""The admin's pages of advertisements: groups with their budgets, approval, start and pause, the report."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.money import format_money
from ecomai.exceptions import InvalidInputError, PermissionDeniedError
from ecomai.registry.admin.confirming import ConfirmedAction, ask_then_act
from ecomai.registry.admin.pages import OwnPages
from ecomai.registry.services.access import write_audit

from ..exceptions import AdTargetError
from ..models import AdCreative, AdGroup, Segment
from ..pages import ads as pages
from ..services.ads import groups as services

State = AdGroup.State

ACTIONS = {
    "approve": ConfirmedAction(
        label=_("Approve"),
        question=_("All advertisements of the group that wait may be shown then. Approve them?"),
        done=_("They are approved."),
        perform=services.approve_creatives,
    ),
    "refuse": ConfirmedAction(
        label=_("Refuse"),
        question=_("The advertisements of the group that wait are not shown. Refuse them?"),
        done=_("They are refused."),
        perform=services.refuse_creatives,
    ),
    "start": ConfirmedAction(
        label=_("Start"),
        question=_("What is approved is shown from now on, and takes from the budget. Start the group?"),
        done=_("The group is running."),
        perform=services.start_group,
    ),
    "pause": ConfirmedAction(
        label=_("Pause"),
        question=_("Nothing of it is shown until somebody starts it again. Pause the group?"),
        done=_("The group is paused."),
        perform=services.pause_group,
    ),
    "end": ConfirmedAction(
        label=_("End"),
        question=_("It cannot be started again; its figures stay. End the group?"),
        done=_("The group is ended."),
        perform=services.end_group,
    ),
}
#: What can be done in which state.
POSSIBLE = {
    State.DRAFT: ["start", "end"], State.RUNNING: ["pause", "end"], State.PAUSED: ["start", "end"],
    State.ENDED: [],
}  # fmt: skip


class AdGroupForm(forms.ModelForm):
    """Placements as names with commas between them."""

    placements = forms.CharField(
        label=_("placements"), help_text=_("Where it may be shown: names such as “home, list”.")
    )

    class Meta:
        model = AdGroup
        fields = (
            "name", "storefront", "placements", "segment", "starts_at", "ends_at", "currency", "priced_by",
            "price", "conversion_value", "daily_budget", "total_budget", "frequency_cap",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.placements:
            self.initial["placements"] = ", ".join(self.instance.placements)

    def clean_placements(self) -> list[str]:
        names = [name.strip() for name in self.cleaned_data["placements"].split(",") if name.strip()]
        try:
            services.check_placements(names)
        except InvalidInputError as error:
            raise forms.ValidationError(str(error)) from error
        return names

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()


class CreativeForm(forms.ModelForm):
    """An advertisement that leads where it may; whatever changes waits for approval again."""

    class Meta:
        model = AdCreative
        fields = ("title", "text", "item", "picture_url", "target_url")

    def clean_target_url(self) -> str:
        address = str(self.cleaned_data["target_url"])
        try:
            services.check_target(address)
        except AdTargetError as error:
            raise forms.ValidationError(str(error)) from error
        return address

    def save(self, commit: bool = True) -> Any:
        if self.has_changed():
            self.instance.state = AdCreative.State.DRAFT
            self.instance.approved_by, self.instance.approved_at = None, None
        return super().save(commit)


class CreativeInline(admin.StackedInline):
    """Permissions are those of the group."""

    model = AdCreative
    form = CreativeForm
    raw_id_fields = ("item",)
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("ecomai_marketing.view_adgroup")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("ecomai_marketing.change_adgroup")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was shown stays on record; before that it can be left unapproved."""
        return False


@admin.register(AdGroup)
class AdGroupAdmin(OwnPages):
    address_prefix = "ecomai_marketing_adgroup"
    form = AdGroupForm
    list_display = ["name", "state", "segment", "starts_at", "ends_at", "show_spent", "show_budget"]
    list_filter = ["state"]
    list_select_related = ["segment"]
    search_fields = ["name"]
    ordering = ["-pk"]
    inlines = [CreativeInline]
    actions = None

    @admin.display(description=_("spent"))
    def show_spent(self, group: AdGroup) -> str:
        return format_money(group.spent, group.currency)

    @admin.display(description=_("whole budget"))
    def show_budget(self, group: AdGroup) -> str:
        return format_money(group.total_budget, group.currency) or "–"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was shown stays on record."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        has_ended = obj is not None and obj.state == State.ENDED
        return not has_ended and super().has_change_permission(request, obj)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "segment":
            kwargs["queryset"] = Segment.objects.filter(is_archived=False).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: AdGroup, form: Any, change: bool) -> None:
        if change:
            # What is spent meanwhile must not be written back to what the form has read.
            obj.save(update_fields=list(form.cleaned_data))
        else:
            obj.created_by_id = request.user.pk
            obj.save()
        action = "ad_group_changed" if change else "ad_group_created"
        write_audit(action=action, subject=obj, user=request.user)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A report; the form is one click away."""
        group = self.row(request, object_id)
        may_change = self.has_change_permission(request, group)
        if may_change and (request.GET.get("edit") == "1" or request.method == "POST"):
            return super().change_view(request, object_id, form_url, extra_context)
        context = pages.context(group) | {
            "may_change": may_change,
            "possible": [(name, ACTIONS[name].label) for name in self._possible(request, group)],
        }
        return self.page(request, "admin/ecomai_marketing/ad_group.html", group.name, **context)

    def own_urls(self) -> list[URLPattern]:
        return [self.address("<int:pk>/act/<str:action>/", self.action_view, "action")]

    def action_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        group = self.row(request, pk)
        if not request.user.has_perm("ecomai_marketing.run_adgroup"):
            raise PermissionDenied
        if action not in ACTIONS:
            raise Http404
        try:
            return ask_then_act(
                self, request, ACTIONS[action], about=group, back=group_url(group), group=group,
                user=request.user,
            )  # fmt: skip
        except PermissionDeniedError as error:
            raise PermissionDenied from error

    def _possible(self, request: HttpRequest, group: AdGroup) -> list[str]:
        if not request.user.has_perm("ecomai_marketing.run_adgroup"):
            return []
        is_waiting = group.creatives.filter(state=AdCreative.State.DRAFT).exists()
        approval = ["approve", "refuse"] if is_waiting and group.state != State.ENDED else []
        return [*approval, *POSSIBLE[State(group.state)]]


def group_url(group: AdGroup) -> str:
    return reverse("admin:ecomai_marketing_adgroup_change", args=[group.pk])
