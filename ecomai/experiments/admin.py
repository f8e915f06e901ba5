"""The admin's pages of experiments: the list with verdicts, the form with its planner, the report."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.exceptions import NotFoundError
from ecomai.registry.admin.base import badge
from ecomai.registry.admin.confirming import ConfirmedAction, ask_then_act
from ecomai.registry.admin.pages import OwnPages

from . import reports, selectors, services
from .forms import ArmForm, ArmFormSet, ExperimentForm, GuardRailForm, GuardRailFormSet, PlanForm
from .metrics import get_metric
from .models import Arm, Experiment, GuardRail, place_of
from .planning import SizePlan, plan_size
from .services import APP

State = Experiment.State
BADGES = {
    State.DRAFT: "draft", State.RUNNING: "running", State.STOPPED: "stopped", State.ROLLED_OUT: "live"
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ExperimentAction(ConfirmedAction):
    """Something that is asked once more before it is done; `needs_arm` if it is done with one of the arms."""

    permission: str
    needs_arm: bool = False


ACTIONS = {
    "start": ExperimentAction(
        permission="run_experiment",
        label=gettext_lazy("Start"),
        question=gettext_lazy(
            "Visitors come into the arms within a second. From then on arms and shares cannot be changed. "
            "Start?"
        ),
        done=gettext_lazy("The experiment runs. This page shows what it finds."),
        perform=services.start_experiment,
    ),
    "stop": ExperimentAction(
        permission="run_experiment",
        label=gettext_lazy("Stop"),
        question=gettext_lazy(
            "Everybody sees again what the shop shows without it. It cannot be started again. Stop it?"
        ),
        done=gettext_lazy(
            "The experiment has ended. Who was in it is still counted until their days are over."
        ),
        perform=services.stop_experiment,
    ),
    "roll-out": ExperimentAction(
        permission="roll_out_experiment",
        label=gettext_lazy("Roll out"),
        question=gettext_lazy(
            "All visitors see this arm within a second, but those held back. The experiment ends with it. "
            "Roll it out?"
        ),
        done=gettext_lazy("The arm is shown to everybody."),
        perform=services.roll_out,
        needs_arm=True,
    ),
    "remove-arm": ExperimentAction(
        permission="run_experiment",
        label=gettext_lazy("Take out"),
        question=gettext_lazy(
            "Visitors of this arm see the control instead, and are counted no more. The others stay where "
            "they are. Take it out?"
        ),
        done=gettext_lazy("The arm has been taken out."),
        perform=services.remove_arm,
        needs_arm=True,
    ),
}  # fmt: skip


class PartInline(admin.TabularInline):
    """Parts of an experiment: who may change it may change them."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm(f"{APP}.view_experiment"))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return bool(request.user.has_perm(f"{APP}.add_experiment"))
        return obj.is_draft and bool(request.user.has_perm(f"{APP}.change_experiment"))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request, obj)


class ArmInline(PartInline):
    model = Arm
    form = ArmForm
    formset = ArmFormSet
    extra = 0
    min_num = 2
    fields = ("name", "weight", "is_control", "configuration")


class GuardRailInline(PartInline):
    model = GuardRail
    form = GuardRailForm
    formset = GuardRailFormSet
    extra = 0
    fields = ("metric", "allowed_loss")


@admin.register(Experiment)
class ExperimentAdmin(OwnPages):
    address_prefix = APP
    form = ExperimentForm
    inlines = (ArmInline, GuardRailInline)
    list_display = ("what", "state_badge", "running", "arm_counts", "verdict")
    actions = None
    search_fields = ("name", "slug", "subject", "hypothesis")
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    prepopulated_fields = {"slug": ("name",)}
    change_list_template = "ecomai/registry/change_list.html"
    change_form_template = "ecomai/experiments/change_form.html"
    empty_text = gettext_lazy(
        "There is no experiment yet. Add one to find out what sells more, before you change it for everybody."
    )
    fieldsets = (
        (None, {"fields": ("name", "slug", "subject", "hypothesis")}),
        (gettext_lazy("What decides"), {"fields": ("primary_metric", "minimum_effect", "outcome_days")}),
        (gettext_lazy("Who takes part"), {"fields": ("unit", "traffic_share", "holdout_share")}),
    )

    class Media:
        css = {"all": ["ecomai/registry/admin.css", "ecomai/experiments/experiments.css"]}

    # -- who may what --

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What has been started stays as it is; the page says why."""
        return super().has_change_permission(request, obj) and (obj is None or obj.is_draft)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        ended = obj is None or obj.state in (State.DRAFT, State.STOPPED)
        return super().has_delete_permission(request, obj) and ended

    # -- the list --

    def get_queryset(self, request: HttpRequest) -> QuerySet[Experiment]:
        return selectors.with_parts(super().get_queryset(request)).select_related("winner")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        return None

    @admin.display(description=gettext_lazy("experiment"), ordering="name")
    def what(self, experiment: Experiment) -> SafeString:
        page = "change" if experiment.is_draft else ""
        url = (
            reverse(f"admin:{APP}_experiment_{page}", args=[experiment.pk])
            if page
            else report_url(experiment)
        )
        return format_html(
            '<a href="{}"><strong>{}</strong></a><br><small>{}</small>',
            url, experiment.name, experiment.subject,
        )  # fmt: skip

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_badge(self, experiment: Experiment) -> SafeString:
        return badge(BADGES[State(experiment.state)], experiment.get_state_display())

    @admin.display(description=gettext_lazy("days"), ordering="started_at", empty_value="–")
    def running(self, experiment: Experiment) -> int | None:
        return reports.days_running(experiment)

    @admin.display(description=gettext_lazy("visitors per arm"))
    def arm_counts(self, experiment: Experiment) -> SafeString:
        rows = reports.arm_rows(experiment, reports.results_of(experiment))
        cells = [format_html("{}&nbsp;{}", row.name, reports.grouped(row.n_exposed)) for row in rows]
        return format_html("<br>".join(["{}"] * len(cells)), *cells) if cells else SafeString("–")

    @admin.display(description=gettext_lazy("verdict"))
    def verdict(self, experiment: Experiment) -> SafeString:
        found = reports.verdict(experiment, reports.results_of(experiment))
        return format_html(
            '<span class="ecomai-verdict ecomai-verdict--{}">{}</span>', found.state, found.text
        )

    # -- pages --

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("plan/", self.plan_view, "plan"),
            self.address("<int:pk>/report/", self.report_view, "report"),
            self.address("<int:pk>/do/<slug:action>/", self.action_view, "action"),
        ]

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        """Say what a draft needs, or why what has been started cannot be changed."""
        is_planned = obj is not None and obj.is_draft
        context |= {
            "plan": _plan_or_none(obj) if is_planned else None,
            "may_start": is_planned and may(request, "run_experiment"),
            "is_started": obj is not None and not obj.is_draft,
        }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def plan_view(self, request: HttpRequest) -> HttpResponse:
        """The plan for a form as it is filled in now; the form asks for it at every change."""
        self.check_view(request)
        form = PlanForm(request.GET)
        if not form.is_valid():
            return TemplateResponse(request, "ecomai/experiments/plan.html", {"plan": None})
        weights = _weights(request)
        values = form.cleaned_data
        plan = plan_size(
            metric=get_metric(values.pop("primary_metric")), n_arms=max(len(weights), 2),
            place=place_of(values.pop("subject")),
            smallest_share=min(weights) / sum(weights) if len(weights) > 1 else None, **values,
        )  # fmt: skip
        return TemplateResponse(request, "ecomai/experiments/plan.html", {"plan": plan})

    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        experiment = self.row(request, pk)
        return self.page(
            request, "ecomai/experiments/report.html", experiment.name,
            **reports.page_context(experiment),
            badge=BADGES[State(experiment.state)],
            may={"run": may(request, "run_experiment"), "roll_out": may(request, "roll_out_experiment")},
        )  # fmt: skip

    def action_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        """Ask once more on GET, do it on POST."""
        experiment = self.row(request, pk)
        if action not in ACTIONS:
            raise Http404
        chosen = ACTIONS[action]
        if not may(request, chosen.permission):
            raise PermissionDenied
        arm = _arm(request, experiment) if chosen.needs_arm else None
        given = {"arm_id": arm.pk} if arm else {}
        what = f"{experiment.name}: {arm.name}" if arm else experiment.name
        return ask_then_act(
            self, request, chosen, about=what, back=report_url(experiment),
            reasons=lambda: _reasons(experiment, action), experiment=experiment, user=request.user, **given,
        )  # fmt: skip

    def response_add(self, request: HttpRequest, obj: Experiment, post_url_continue: Any = None) -> Any:
        """Stay on the form, where the plan is now shown and the experiment can be started."""
        if "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        self.message_user(request, _("The draft is kept. Look at its plan, then start it."))
        return HttpResponseRedirect(reverse(f"admin:{APP}_experiment_change", args=[obj.pk]))


def may(request: HttpRequest, codename: str) -> bool:
    return bool(request.user.has_perm(f"{APP}.{codename}"))


def report_url(experiment: Experiment) -> str:
    return reverse(f"admin:{APP}_report", args=[experiment.pk])


def _plan_or_none(experiment: Experiment) -> SizePlan | None:
    try:
        return services.plan_of_experiment(experiment)
    except NotFoundError:
        return None


def _weights(request: HttpRequest) -> list[int]:
    """The weights of the arms in a form that is being filled in."""
    found = []
    for name in request.GET:
        text = str(request.GET[name])
        is_arm = name.startswith("arms-") and name.endswith("-weight") and "__prefix__" not in name
        is_deleted = request.GET.get(name.replace("-weight", "-DELETE"))
        if is_arm and not is_deleted and text.isascii() and text.isdigit() and 0 < int(text) < 10**6:
            found.append(int(text))
    return found


def _arm(request: HttpRequest, experiment: Experiment) -> Arm:
    given = request.GET.get("arm", "")
    arm = next((one for one in experiment.arms.all() if str(one.pk) == given), None)
    if arm is None:
        raise Http404
    return arm


def _reasons(experiment: Experiment, action: str) -> list[str]:
    """What the results say, for whoever is about to end an experiment."""
    if action == "start":
        return []
    return [reports.verdict(experiment, reports.results_of(experiment)).text]
