"""REST: what the admin can do with models, runs, versions, jobs and switches, other programs can do too."""

from typing import Any, ClassVar

from django.db.models import Count, QuerySet
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from ecomai import scenarios
from ecomai.exceptions import NotFoundError
from ecomai.rest import ApiView, NewestFirstPagination

from . import selectors, services
from . import serializers as shapes
from .app_settings import registry_settings
from .models import AuditEntry, Job, ModelVersion, PromotionPolicy, TrainingRun
from .overviews import model_overview, model_overviews
from .permissions import PROMOTE, READ, TRAIN, MayUseRegistry
from .services.access import APP

ALL = "all"


class RegistryView(ApiView):
    """Base: `scopes` and `codenames` say, by HTTP method, what a key or a person needs."""

    permission_classes = (MayUseRegistry,)
    scopes: ClassVar[dict[str, str]] = {"GET": READ, "POST": TRAIN}
    codenames: ClassVar[dict[str, str]] = {"GET": "view_modelversion", "POST": "request_training"}

    def get_authenticators(self) -> list[Any]:
        # Keys are known a layer above this one, so the classes come by name.
        return [import_string(path)() for path in registry_settings.AUTHENTICATION]

    def actor(self) -> dict[str, Any]:
        """Who acts, for a service: a person whose permission it checks, or a key whose scope was checked."""
        if self.request.auth is not None:
            return {"user": None, "actor_label": f"API key {self.request.auth}"}
        return {"user": self.request.user, "actor_label": ""}

    def page(self, rows: QuerySet[Any], shape: type, **filters: str) -> Response:
        """Answer a page of rows, newest first, filtered by the query parameters that are given."""
        for parameter, lookup in filters.items():
            if value := self.request.query_params.get(parameter):
                try:
                    rows = rows.filter(**{lookup: value})
                except ValueError as error:
                    raise ValidationError({parameter: _("This is not a number.")}) from error
        paginator = NewestFirstPagination()
        found = paginator.paginate_queryset(rows, self.request, view=self)
        return paginator.get_paginated_response(shape(found, many=True).data)

    def valid(self, shape: type) -> dict[str, Any]:
        serializer = shape(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


def find(rows: QuerySet[Any], pk: int) -> Any:
    row = rows.filter(pk=pk).first()
    if row is None:
        raise NotFoundError
    return row


def text_filter(name: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, required=False)


# -- models -------------------------------------------------------------------------------------


class ModelListView(RegistryView):
    @extend_schema(operation_id="registry_models_list", responses=shapes.list_of(shapes.ModelSerializer))
    def get(self, request: Request) -> Response:
        """Every registered model with what serves it, its last run and whether there is enough data."""
        return Response({"results": shapes.ModelSerializer(model_overviews(), many=True).data})


class ModelDetailView(RegistryView):
    @extend_schema(responses=shapes.ModelSerializer)
    def get(self, request: Request, name: str) -> Response:
        return Response(shapes.ModelSerializer(model_overview(name)).data)


class RollBackView(RegistryView):
    scopes = {"POST": PROMOTE}
    codenames = {"POST": "promote_modelversion"}

    @extend_schema(request=None, responses=shapes.ModelVersionSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Promote the version that served before the present one."""
        version = services.roll_back(model_name=name, **self.actor())
        return Response(shapes.ModelVersionSerializer(version).data)


class GoLiveView(RegistryView):
    scopes = {"POST": PROMOTE}
    codenames = {"POST": "go_live_modelversion"}

    @extend_schema(request=None, responses=shapes.ModelVersionSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Show customers what the model in shadow answers."""
        version = services.go_live(model_name=name, **self.actor())
        return Response(shapes.ModelVersionSerializer(version).data)


class ShadowView(RegistryView):
    scopes = {"POST": PROMOTE}
    codenames = {"POST": "go_live_modelversion"}

    @extend_schema(request=None, responses=shapes.ModelSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Stop showing the model's answers; they are still computed."""
        services.enter_shadow(model_name=name, **self.actor())
        return Response(shapes.ModelSerializer(model_overview(name)).data)


class ScheduleView(RegistryView):
    scopes = {"GET": READ, "PUT": TRAIN, "DELETE": TRAIN}
    codenames = {"GET": "view_modelversion", "PUT": "schedule_training", "DELETE": "schedule_training"}

    @extend_schema(responses=shapes.ScheduleSerializer)
    def get(self, request: Request, name: str) -> Response:
        overview = model_overview(name)
        return Response(
            {
                "crontab": overview.crontab or None,
                "search_minutes": overview.search_minutes,
                "hyperparameters": overview.scheduled_hyperparameters,
            }
        )

    @extend_schema(request=shapes.ScheduleSerializer, responses=shapes.ScheduleSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Retrain by a crontab line in the shop's time zone, such as "0 3 * * *"."""
        values = self.valid(shapes.ScheduleSerializer)
        services.schedule_training(
            model_name=name,
            crontab=values["crontab"] or None,
            search_minutes=values.get("search_minutes"),
            hyperparameters=values.get("hyperparameters"),
            **self.actor(),
        )
        return self.get(request, name)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        services.schedule_training(model_name=name, crontab=None, **self.actor())
        return Response(status=204)


class PolicyView(RegistryView):
    scopes = {"GET": READ, "PUT": PROMOTE}
    codenames = {"GET": "view_modelversion", "PUT": "change_promotionpolicy"}

    @extend_schema(responses=shapes.PolicySerializer)
    def get(self, request: Request, name: str) -> Response:
        gate, is_automatic = services.gate_of(scenarios.get_model_spec(name))
        policy = PromotionPolicy(
            model_name=name, is_automatic=is_automatic, min_gain_over_live=gate.min_gain_over_live,
            min_gain_over_baseline=gate.min_gain_over_baseline, max_group_gap=gate.max_group_gap,
        )  # fmt: skip
        return Response(shapes.PolicySerializer(policy).data)

    @extend_schema(request=shapes.PolicySerializer, responses=shapes.PolicySerializer)
    def put(self, request: Request, name: str) -> Response:
        """Say when a candidate is promoted without a person."""
        values = self.valid(shapes.PolicySerializer)
        is_automatic = values.pop("is_automatic")
        gate = scenarios.Gate(**values)
        services.set_policy(model_name=name, is_automatic=is_automatic, gate=gate, **self.actor())
        return self.get(request, name)


class ScoringView(RegistryView):
    codenames = {"POST": "request_scoring"}

    @extend_schema(request=None, responses={202: shapes.JobSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Score everything anew, in parts that workers share."""
        job = services.request_scoring(model_name=name, **self.actor())
        return Response(shapes.JobSerializer(job).data, status=202)


# -- training runs ------------------------------------------------------------------------------


class RunListView(RegistryView):
    codenames = {"GET": "view_trainingrun", "POST": "request_training"}

    @extend_schema(
        parameters=[text_filter("model"), text_filter("state")],
        operation_id="registry_runs_list",
        responses=shapes.page_of(shapes.TrainingRunSerializer),
    )
    def get(self, request: Request) -> Response:
        runs = TrainingRun.objects.select_related("job")
        return self.page(runs, shapes.TrainingRunSerializer, model="model_name", state="job__state")

    @extend_schema(request=shapes.TrainingRequestSerializer, responses={202: shapes.TrainingRunSerializer})
    def post(self, request: Request) -> Response:
        """Queue a training; 409 while the model trains already."""
        run = services.request_training(**self.valid(shapes.TrainingRequestSerializer), **self.actor())
        run.job.refresh_from_db()
        return Response(shapes.TrainingRunSerializer(run).data, status=202)


class RunView(RegistryView):
    """Base of what is asked of one run."""

    codenames = {"GET": "view_trainingrun", "POST": "request_training"}

    def run(self, pk: int) -> TrainingRun:
        run: TrainingRun = find(TrainingRun.objects.select_related("job"), pk)
        return run


class RunDetailView(RunView):
    @extend_schema(responses=shapes.TrainingRunDetailSerializer)
    def get(self, request: Request, pk: int) -> Response:
        run = self.run(pk)
        curve = [
            {"name": n, "step": step, "value": value} for n, step, value in selectors.training_curve(run)
        ]
        trials = shapes.RunTrialSerializer(run.trials.order_by("number"), many=True).data
        return Response({**shapes.TrainingRunSerializer(run).data, "curve": curve, "trials": trials})


class RunCancelView(RunView):
    @extend_schema(request=None, responses={202: shapes.TrainingRunSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Stop a training: at once while it is queued, within seconds while it runs."""
        services.cancel_training(run=self.run(pk), **self.actor())
        return Response(shapes.TrainingRunSerializer(self.run(pk)).data, status=202)


class RunRetryView(RunView):
    @extend_schema(request=None, responses={202: shapes.TrainingRunSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Queue a new run with the settings of one that failed; it goes on from its checkpoints."""
        again = services.retry_training(run=self.run(pk), **self.actor())
        return Response(shapes.TrainingRunSerializer(again).data, status=202)


# -- versions -----------------------------------------------------------------------------------


class VersionListView(RegistryView):
    @extend_schema(
        parameters=[text_filter("model"), text_filter("state")],
        operation_id="registry_versions_list",
        responses=shapes.page_of(shapes.ModelVersionSerializer),
    )
    def get(self, request: Request) -> Response:
        versions = ModelVersion.objects.all()
        return self.page(versions, shapes.ModelVersionSerializer, model="model_name", state="state")


class VersionDetailView(RegistryView):
    @extend_schema(responses=shapes.ModelVersionDetailSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """A version with its model card, and how it compares with the baseline and the serving version."""
        version = find(ModelVersion.objects.all(), pk)
        verdict = services.judge(version=version)
        return Response(
            {
                **shapes.ModelVersionSerializer(version).data,
                "verdict": shapes.VerdictSerializer(verdict).data,
                "card": selectors.model_card(version),
            }
        )


class PromoteView(RegistryView):
    scopes = {"POST": PROMOTE}
    codenames = {"POST": "promote_modelversion"}

    @extend_schema(request=None, responses=shapes.ModelVersionSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Let this version serve: live, or in shadow as long as the model has not gone live."""
        version = find(ModelVersion.objects.all(), pk)
        services.promote_version(version=version, **self.actor())
        return Response(shapes.ModelVersionSerializer(version).data)


# -- jobs, switches, audit ----------------------------------------------------------------------


class JobListView(RegistryView):
    codenames = {"GET": "view_job"}

    @extend_schema(
        parameters=[text_filter("kind"), text_filter("state"), text_filter("parent")],
        operation_id="registry_jobs_list",
        responses=shapes.page_of(shapes.JobSerializer),
    )
    def get(self, request: Request) -> Response:
        jobs = Job.objects.annotate(n_parts=Count("shards"))
        return self.page(jobs, shapes.JobSerializer, kind="kind", state="state", parent="parent_id")


class JobView(RegistryView):
    """Base of what is asked of one job."""

    codenames = {"GET": "view_job", "POST": "cancel_job"}

    def answer(self, pk: int, status: int = 200) -> Response:
        may_see_all = self.request.auth is None and self.request.user.has_perm(f"{APP}.view_job_traceback")
        shape = shapes.TracedJobSerializer if may_see_all else shapes.JobSerializer
        job = find(Job.objects.annotate(n_parts=Count("shards")), pk)
        return Response(shape(job).data, status=status)


class JobDetailView(JobView):
    @extend_schema(responses=shapes.TracedJobSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return self.answer(pk)


class JobCancelView(JobView):
    @extend_schema(request=None, responses={202: shapes.JobSerializer})
    def post(self, request: Request, pk: int) -> Response:
        services.cancel_job(job=find(Job.objects.all(), pk), **self.actor())
        return self.answer(pk, 202)


class JobRetryView(JobView):
    @extend_schema(request=None, responses={202: shapes.JobSerializer})
    def post(self, request: Request, pk: int) -> Response:
        job = services.retry_job(job=find(Job.objects.all(), pk), **self.actor())
        return self.answer(job.pk, 202)


class SwitchListView(RegistryView):
    @extend_schema(operation_id="registry_switches_list", responses=shapes.list_of(shapes.SwitchSerializer))
    def get(self, request: Request) -> Response:
        """The switch of each scenario; “all” is the one above them."""
        off = selectors.switched_off()
        names = [(ALL, selectors.ALL_SCENARIOS)] + [(each.name, each.name) for each in scenarios.installed()]
        return Response({"results": [{"name": label, "is_on": name not in off} for label, name in names]})


class SwitchView(RegistryView):
    scopes = {"PUT": PROMOTE}
    codenames = {"PUT": "change_scenarioswitch"}

    @extend_schema(request=shapes.SwitchSerializer, responses=shapes.SwitchSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Switch a scenario, or “all”, on or off; every process follows within a second."""
        is_on = self.valid(shapes.SwitchSerializer)["is_on"]
        scenario_name = selectors.ALL_SCENARIOS if name == ALL else name
        services.switch_scenario(name=scenario_name, is_on=is_on, **self.actor())
        return Response({"name": name, "is_on": is_on})


class AuditView(RegistryView):
    codenames = {"GET": "view_auditentry"}

    @extend_schema(
        parameters=[text_filter("subject"), text_filter("action")],
        operation_id="registry_audit_list",
        responses=shapes.page_of(shapes.AuditEntrySerializer),
    )
    def get(self, request: Request) -> Response:
        entries = AuditEntry.objects.all()
        return self.page(entries, shapes.AuditEntrySerializer, subject="subject", action="action")
