"""The page of all models, the page of one, and what may be done with it."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai import scenarios
from ecomai.exceptions import NotFoundError
from ecomai.registry import overviews, selectors, services
from ecomai.registry.comparisons import version_rows
from ecomai.registry.forms import OptionsForm, PolicyForm, ScheduleForm, SearchForm, chosen_options
from ecomai.registry.models import ModelDeployment, ModelVersion, TrainingRun

from .base import ServiceAdmin, act, may, tell_if_waiting
from .confirming import ConfirmedAction, ask_then_act

USUAL_SEARCH_MINUTES = 30


@dataclass(frozen=True, kw_only=True)
class ModelAction(ConfirmedAction):
    """What is done with a model by those who have `permission`, a codename of the registry."""

    permission: str


ACTIONS = {
    "roll-back": ModelAction(
        permission="promote_modelversion",
        label=gettext_lazy("Roll back"),
        question=gettext_lazy("The version that served before answers again within a second. Go back to it?"),
        done=gettext_lazy("The earlier version serves again."),
        perform=services.roll_back,
    ),
    "go-live": ModelAction(
        permission="go_live_modelversion",
        label=gettext_lazy("Go live"),
        question=gettext_lazy("Customers will see what this model answers; so far it was hidden. Go live?"),
        done=gettext_lazy("The model is live: customers see its answers."),
        perform=services.go_live,
    ),
    "shadow": ModelAction(
        permission="go_live_modelversion",
        label=gettext_lazy("Back to shadow"),
        question=gettext_lazy(
            "Customers will no longer see this model's answers, but a simple fallback. "
            "The answers are still computed. Put it into shadow?"
        ),
        done=gettext_lazy("The model is in shadow: customers see the fallback."),
        perform=services.enter_shadow,
    ),
    "score": ModelAction(
        permission="request_scoring",
        label=gettext_lazy("Score everything anew"),
        question=gettext_lazy("All customers or items are scored by the serving version, in parts. Start?"),
        done=gettext_lazy("The scoring is queued; the list of jobs shows how far it is."),
        perform=services.request_scoring,
    ),
}  # fmt: skip


@admin.register(ModelDeployment)
class ModelsAdmin(ServiceAdmin):
    """Every registered model, also one that was never trained."""

    def own_urls(self) -> list[URLPattern]:
        return [
            self.address("model/<str:name>/", self.model_view, "model"),
            self.address("model/<str:name>/retrain/", self.retrain_view, "model_retrain"),
            self.address("model/<str:name>/schedule/", self.schedule_view, "model_schedule"),
            self.address("model/<str:name>/policy/", self.policy_view, "model_policy"),
            self.address("model/<str:name>/do/<slug:action>/", self.action_view, "model_action"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        self.check_view(request)
        return self.page(
            request, "models.html", _("Models"), overviews=overviews.model_overviews(),
            off=selectors.switched_off(), may=permissions(request),
        )  # fmt: skip

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        deployment = self.row(request, object_id)
        return HttpResponseRedirect(model_address(deployment.model_name))

    def model_view(self, request: HttpRequest, name: str, **forms: Any) -> HttpResponse:
        self.check_view(request)
        overview = find(name)
        gate, is_automatic = services.gate_of(overview.spec)
        candidate = overview.candidate
        context = {
            "overview": overview,
            "is_off": not selectors.is_scenario_on(overview.scenario.name),
            "verdict": services.judge(version=candidate, gate=gate) if candidate else None,
            "rows": version_rows(candidate) if candidate else [],
            "runs": TrainingRun.objects.filter(model_name=name)
            .select_related("job", "version")
            .order_by("-pk")[:8],
            "versions": ModelVersion.objects.filter(model_name=name).order_by("-number")[:8],
            "search_form": SearchForm(initial={"search_minutes": USUAL_SEARCH_MINUTES}, auto_id="search_%s"),
            "options_form": OptionsForm.of(overview.spec),
            "schedule_form": ScheduleForm.of(overview),
            "policy_form": PolicyForm.of(gate, is_automatic),
            "may": permissions(request),
            **forms,
        }
        return self.page(request, "model.html", overview.spec.verbose_name, **context)

    def retrain_view(self, request: HttpRequest, name: str) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = None
        if "search_minutes" in request.POST:
            form = SearchForm(request.POST, auto_id="search_%s")
        if form and not form.is_valid():
            return self.model_view(request, name, search_form=form)
        minutes = form.cleaned_data["search_minutes"] if form else None
        spec = find(name).spec
        options = OptionsForm.of(spec, request.POST if "options" in request.POST else None)
        if options.is_bound and not options.is_valid():
            return self.model_view(request, name, options_form=options)
        chosen = chosen_options(spec, options.cleaned_data) if options.is_bound else None
        started: list[TrainingRun] = []
        done = _("The training is queued. This page shows how it goes; you may leave it at any time.")
        answer = act(
            request,
            lambda: started.append(
                services.request_training(
                    model_name=name, search_minutes=minutes, hyperparameters=chosen, user=request.user
                )
            ),
            done=done,
            back=model_address(name),
        )
        if not started:
            return answer
        tell_if_waiting(request, started[0].job)
        return HttpResponseRedirect(reverse("admin:ecomai_registry_trainingrun_change", args=[started[0].pk]))

    def schedule_view(self, request: HttpRequest, name: str) -> HttpResponse:
        if request.method != "POST":
            return self.model_view(request, name)
        overview = find(name)
        if offered := overview.spec.offered_schedule if "offered" in request.POST else None:
            return act(
                request,
                lambda: services.schedule_training(
                    model_name=name, crontab=offered.crontab, hyperparameters=offered.hyperparameters,
                    user=request.user,
                ),
                done=_("The schedule is kept."),
                back=model_address(name),
            )  # fmt: skip
        form = ScheduleForm.of(overview, request.POST)
        if not form.is_valid():
            return self.model_view(request, name, schedule_form=form)
        line, minutes = form.cleaned_data["line"], form.cleaned_data.get("search_minutes")
        # What was asked for over REST or by the command, and is in no form, stays.
        kept = {
            option: value
            for option, value in overview.scheduled_hyperparameters.items()
            if option not in overview.spec.options
        }
        chosen = kept | chosen_options(overview.spec, form.cleaned_data)
        done = _("The schedule is kept.") if line else _("The model no longer retrains by itself.")
        return act(
            request,
            lambda: services.schedule_training(
                model_name=name,
                crontab=line or None,
                search_minutes=minutes,
                hyperparameters=chosen,
                user=request.user,
            ),
            done=done,
            back=model_address(name),
        )

    def policy_view(self, request: HttpRequest, name: str) -> HttpResponse:
        form = PolicyForm(request.POST)
        if request.method != "POST":
            return HttpResponseRedirect(model_address(name))
        if not form.is_valid():
            return self.model_view(request, name, policy_form=form)
        return act(
            request,
            lambda: services.set_policy(
                model_name=name,
                is_automatic=form.cleaned_data["is_automatic"],
                gate=form.gate(),
                user=request.user,
            ),
            done=_("The rule for promotions is kept; it holds from the next training on."),
            back=model_address(name),
        )

    def action_view(self, request: HttpRequest, name: str, action: str) -> HttpResponse:
        """Ask once more on GET, do it on POST."""
        self.check_view(request)
        if action not in ACTIONS:
            raise Http404
        chosen, overview = ACTIONS[action], find(name)
        if not may(request, chosen.permission):
            raise PermissionDenied
        return ask_then_act(
            self, request, chosen, about=overview.spec.verbose_name, back=model_address(name),
            model_name=name, user=request.user,
        )  # fmt: skip


def find(name: str) -> overviews.ModelOverview:
    try:
        return overviews.model_overview(name)
    except NotFoundError as error:
        raise Http404 from error


def model_address(name: str) -> str:
    return reverse("admin:ecomai_registry_model", args=[name])


def permissions(request: HttpRequest) -> dict[str, bool]:
    """What the templates ask before they show a button."""
    return {
        "train": may(request, "request_training"),
        "schedule": may(request, "schedule_training"),
        "promote": may(request, "promote_modelversion"),
        "go_live": may(request, "go_live_modelversion"),
        "score": may(request, "request_scoring"),
        "policy": may(request, "change_promotionpolicy"),
        "switch": may(request, "change_scenarioswitch"),
    }


def verbose_name_of(model_name: str) -> str:
    """A model's name for people; its key where its scenario is no longer installed."""
    try:
        return str(scenarios.get_model_spec(model_name).verbose_name)
    except NotFoundError:
        return model_name


def primary_metric_of(model_name: str) -> str:
    """The metric that decides; empty where the model's scenario is no longer installed."""
    try:
        return scenarios.get_model_spec(model_name).primary_metric
    except NotFoundError:
        return ""


def is_greater_better_of(model_name: str) -> bool:
    try:
        return scenarios.get_model_spec(model_name).greater_is_better
    except NotFoundError:
        return True


def verdict_of(version: ModelVersion) -> services.Verdict | None:
    """How the version stands now; None where its scenario is no longer installed."""
    try:
        return services.judge(version=version)
    except NotFoundError:
        return None
