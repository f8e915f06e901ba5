"""Policies: read as they were, changed by a version that follows, chosen by cost, put live for each kind."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.exceptions import EcomaiError, PermissionDeniedError
from ecomai.registry.admin.base import act, badge
from ecomai.registry.admin.confirming import ConfirmedAction, ask_then_act
from ecomai.registry.admin.pages import OwnPages

from ..backtesting.thresholds import Thresholds
from ..models import Kind, Policy
from ..pages.thresholds import proposal_context
from ..services import policies, thresholds
from .forms import PeriodForm

APP = "ecomai_risk"
USUAL_DAYS = 180
#: What a person may change; who, when and whether it is live are not typed in.
EDITED = (
    "step_up_from", "review_from", "decline_from", "chargeback_cost", "margin", "review_cost",
    "review_capacity", "review_hours", "four_eyes_from", "default_decision", "time_budget_ms",
    "forbidden_features", "note",
)  # fmt: skip


class PolicyForm(forms.ModelForm):
    """What the next version of a policy is."""

    based_on = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = Policy
        fields = EDITED


class ThresholdsForm(forms.Form):
    """Thresholds that were proposed, as the page sends them back."""

    kind = forms.ChoiceField(choices=Kind.choices)
    storefront = forms.CharField(max_length=64, required=False)
    step_up_from = forms.FloatField(min_value=0, max_value=1, required=False)
    review_from = forms.FloatField(min_value=0, max_value=1, required=False)
    decline_from = forms.FloatField(min_value=0, max_value=1, required=False)


ACTIONS = {
    "go-live": ConfirmedAction(
        label=gettext_lazy("Go live"),
        question=gettext_lazy(
            "Until now everything was approved, and it was only noted what would have been decided. From now "
            "on the shop is told to ask for a proof, to hold or to decline, within a second. Go live?"
        ),
        done=gettext_lazy("It is live: the shop is told what the policy and the rules decide."),
        perform=policies.go_live,
    ),
    "shadow": ConfirmedAction(
        label=gettext_lazy("Back into shadow"),
        question=gettext_lazy(
            "Everything is assessed and kept as before, and the shop is told to approve, within a second. "
            "Take it back?"
        ),
        done=gettext_lazy("It is in shadow: the shop is told to approve."),
        perform=policies.back_to_shadow,
    ),
    "use": ConfirmedAction(
        label=gettext_lazy("Use these thresholds"),
        question=gettext_lazy(
            "The next version of the policy gets the thresholds of this draft, and counts within a second. "
            "What it says besides stays as it counts now. Use them?"
        ),
        done=gettext_lazy("The thresholds count from now on."),
        perform=thresholds.use_draft,
    ),
}


@admin.register(Policy)
class PolicyAdmin(OwnPages):
    address_prefix = f"{APP}_policy"
    list_display = (
        "kind", "storefront", "number", "state_badge", "step_up_from", "review_from", "decline_from",
        "created_at", "created_by",
    )  # fmt: skip
    list_filter = ("kind", "is_current", "storefront")
    ordering = ("kind", "storefront", "-number")
    list_select_related = ("created_by",)
    actions = None
    show_full_result_count = False
    change_list_template = "ecomai/risk/policy_list.html"
    change_form_template = "ecomai/risk/policy_form.html"

    class Media:
        css = {"all": ["ecomai/registry/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A version is never changed: the page makes the next one."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("state"), ordering="is_current")
    def state_badge(self, policy: Policy) -> SafeString | str:
        if not policy.is_current:
            return "–"
        return badge("live", _("live")) if policy.is_live else badge("shadow", _("in shadow"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        context = {
            "title": capfirst(self.opts.verbose_name_plural),
            "kinds": [(kind.value, kind.label) for kind in Kind],
            "may_change": request.user.has_perm(f"{APP}.change_policy"),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        policy: Policy | None = kwargs.get("obj")
        if policy is not None:
            context["possible"] = [(name, ACTIONS[name].label) for name in _possible(request, policy)]
            context["may_change"] = policy.is_current and request.user.has_perm(f"{APP}.change_policy")
        return super().render_change_form(request, context, *args, **kwargs)

    # -- pages --

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("next/<slug:kind>/", self.next_view, "next"),
            self.address("thresholds/", self.thresholds_view, "thresholds"),
            self.address("draft/", self.draft_view, "draft"),
            self.address("<int:pk>/do/<slug:action>/", self.action_view, "action"),
        ]

    def next_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Change a policy by making its next version; a version that came between is not overwritten."""
        self.check_view(request)
        if kind not in Kind.values:
            raise Http404
        if not request.user.has_perm(f"{APP}.change_policy"):
            raise PermissionDenied
        storefront = request.GET.get("storefront", "")[:64]
        current = policies.current_policy(storefront=storefront, kind=kind)
        form = PolicyForm(
            request.POST or None,
            instance=Policy(**policies.values_of(current), storefront=storefront, kind=kind),
            initial={"based_on": current.number},
        )
        if request.method == "POST" and form.is_valid():
            changes = {name: form.cleaned_data[name] for name in EDITED}
            based_on = form.cleaned_data["based_on"]
            return act(
                request,
                lambda: policies.change_policy(
                    storefront=storefront, kind=kind, user=request.user, based_on=based_on, **changes
                ),
                done=_("The next version of the policy counts."),
                back=reverse(f"admin:{APP}_policy_changelist"),
            )
        title = _("Policy: %(kind)s") % {"kind": Kind(kind).label}
        back = reverse(f"admin:{APP}_policy_changelist")
        return self.page(
            request, "ecomai/risk/policy_next.html", title, form=form, current=current, back=back
        )

    def thresholds_view(self, request: HttpRequest) -> HttpResponse:
        """Show what thresholds would have cost in a period, and which would have cost least."""
        self.check_view(request)
        is_asked = "first_day" in request.GET
        initial = {"kind": request.GET.get("kind") or Kind.PAYMENT_FRAUD, **PeriodForm.usual_days(USUAL_DAYS)}
        form = PeriodForm(request.GET) if is_asked else PeriodForm(initial=initial)
        context: dict[str, Any] = {}
        if is_asked and form.is_valid():
            start, end = form.period()
            about: dict[str, Any] = {name: form.cleaned_data[name] for name in ("kind", "storefront")}
            try:
                asked: dict[str, Any] = {**about, "start": start, "end": end, **form.beliefs()}
                found = thresholds.propose_thresholds(**asked)
            except EcomaiError as error:
                form.add_error(None, str(error))
            else:
                context = {**about, **proposal_context(found)}
        return self.page(
            request, "ecomai/risk/thresholds.html", _("Thresholds by cost"), form=form,
            may_draft=request.user.has_perm(f"{APP}.add_policy"), **context,
        )  # fmt: skip

    def draft_view(self, request: HttpRequest) -> HttpResponse:
        """Make a draft of a policy of thresholds that were proposed."""
        self.check_view(request)
        back = reverse(f"admin:{APP}_policy_thresholds")
        form = ThresholdsForm(request.POST)
        if request.method != "POST" or not form.is_valid():
            return HttpResponseRedirect(back)
        values = dict(form.cleaned_data)
        about = {name: values.pop(name) for name in ("kind", "storefront")}
        try:
            draft = thresholds.draft_policy(
                **about, thresholds=Thresholds(**values), note=_("Chosen by cost."), user=request.user
            )
        except PermissionDeniedError as error:
            raise PermissionDenied from error
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return HttpResponseRedirect(back)
        messages.success(request, _("This is the draft. It does not count before it is used."))
        return HttpResponseRedirect(reverse(f"admin:{APP}_policy_change", args=[draft.pk]))

    def action_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        """Ask once more on GET, do it on POST."""
        policy = self.row(request, pk)
        if action not in ACTIONS:
            raise Http404
        if action not in _possible(request, policy):
            raise PermissionDenied
        back = reverse(f"admin:{APP}_policy_changelist")
        return ask_then_act(
            self, request, ACTIONS[action], about=policy, back=back, policy=policy, user=request.user
        )


def _possible(request: HttpRequest, policy: Policy) -> tuple[str, ...]:
    """What this person may do with a policy: a draft has not counted and is newer than what counts."""
    may = request.user.has_perm
    if policy.is_current:
        return (("shadow" if policy.is_live else "go-live"),) if may(f"{APP}.put_policy_live") else ()
    current = policies.current_policy(storefront=policy.storefront, kind=policy.kind)
    codename = "put_policy_live" if current.is_live else "change_policy"
    return ("use",) if policy.number > current.number and may(f"{APP}.{codename}") else ()
