"""Shapes of the registry's REST answers and requests."""

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from .models import AuditEntry, Job, ModelVersion, RunTrial, TrainingRun


class JobSerializer(serializers.ModelSerializer):
    n_parts = serializers.IntegerField(read_only=True, default=0)

    class Meta:
        model = Job
        fields: tuple[str, ...] = (
            "id", "kind", "label", "queue", "state", "parent", "n_parts", "progress", "progress_message",
            "seconds_left", "attempts", "max_attempts", "is_cancel_requested", "result", "error_code",
            "error_message", "request_id", "created_at", "started_at", "finished_at", "heartbeat_at",
        )  # fmt: skip


class TracedJobSerializer(JobSerializer):
    """With what only people with the permission may read."""

    class Meta(JobSerializer.Meta):
        fields = (*JobSerializer.Meta.fields, "traceback", "worker")


class TrainingRunSerializer(serializers.ModelSerializer):
    job = JobSerializer(read_only=True)
    state = serializers.CharField(source="job.state", read_only=True)
    progress = serializers.FloatField(source="job.progress", read_only=True)

    class Meta:
        model = TrainingRun
        fields: tuple[str, ...] = (
            "id", "model_name", "state", "progress", "version", "hyperparameters", "search_minutes",
            "random_state", "cutoff", "data_fingerprint", "is_scheduled", "created_at", "job",
        )  # fmt: skip


class CurvePointSerializer(serializers.Serializer):
    name = serializers.CharField()
    step = serializers.IntegerField()
    value = serializers.FloatField()


class RunTrialSerializer(serializers.ModelSerializer):
    class Meta:
        model = RunTrial
        fields = ("number", "parameters", "state", "value", "seconds")


class TrainingRunDetailSerializer(TrainingRunSerializer):
    curve = CurvePointSerializer(many=True, read_only=True)
    trials = RunTrialSerializer(many=True, read_only=True)

    class Meta(TrainingRunSerializer.Meta):
        fields = (*TrainingRunSerializer.Meta.fields, "curve", "trials")


class TrainingRequestSerializer(serializers.Serializer):
    model_name = serializers.CharField(max_length=100)
    hyperparameters = serializers.DictField(required=False)
    search_minutes = serializers.IntegerField(required=False, allow_null=True)
    random_state = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class ModelVersionSerializer(serializers.ModelSerializer):
    class Meta:
        model = ModelVersion
        fields: tuple[str, ...] = (
            "id", "model_name", "number", "state", "kind", "metrics", "baseline_metrics", "live_metrics",
            "compared_with", "group_metrics", "window_start", "window_end", "data_fingerprint",
            "hyperparameters", "random_state", "code_version", "artifact_digest", "artifact_bytes",
            "is_artifact_deleted", "created_at", "promoted_at",
        )  # fmt: skip


class VerdictSerializer(serializers.Serializer):
    is_passed = serializers.BooleanField()
    is_outdated = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField())


class ModelVersionDetailSerializer(ModelVersionSerializer):
    verdict = VerdictSerializer(read_only=True)
    card = serializers.DictField(read_only=True)

    class Meta(ModelVersionSerializer.Meta):
        fields = (*ModelVersionSerializer.Meta.fields, "verdict", "card")


class ReadinessSerializer(serializers.Serializer):
    label = serializers.CharField()
    have = serializers.IntegerField()
    need = serializers.IntegerField()
    is_enough = serializers.BooleanField()


class ModelSerializer(serializers.Serializer):
    """A registered model with what serves it."""

    name = serializers.CharField(source="spec.name")
    verbose_name = serializers.CharField(source="spec.verbose_name")
    description = serializers.CharField(source="spec.description")
    scenario = serializers.CharField(source="scenario.name")
    primary_metric = serializers.CharField(source="spec.primary_metric")
    greater_is_better = serializers.BooleanField(source="spec.greater_is_better")
    mode = serializers.SerializerMethodField()
    serving_version = serializers.IntegerField(source="serving.number", default=None, allow_null=True)
    candidate_version = serializers.IntegerField(source="candidate.number", default=None, allow_null=True)
    n_versions = serializers.IntegerField()
    active_run = serializers.IntegerField(source="active_run.pk", default=None, allow_null=True)
    last_run = serializers.IntegerField(source="last_run.pk", default=None, allow_null=True)
    schedule = serializers.CharField(source="crontab")
    may_search = serializers.BooleanField(source="spec.search_space")
    readiness = ReadinessSerializer(many=True)

    def get_mode(self, overview: Any) -> str:
        return overview.deployment.mode if overview.deployment else "shadow"


class ScheduleSerializer(serializers.Serializer):
    crontab = serializers.CharField(allow_null=True, allow_blank=True, max_length=200)
    search_minutes = serializers.IntegerField(required=False, allow_null=True)
    hyperparameters = serializers.DictField(required=False)


class PolicySerializer(serializers.Serializer):
    is_automatic = serializers.BooleanField()
    min_gain_over_live = serializers.FloatField(default=0.01, min_value=-1, max_value=100)
    min_gain_over_baseline = serializers.FloatField(default=0.0, min_value=-1, max_value=100)
    max_group_gap = serializers.FloatField(default=None, allow_null=True, min_value=0)


class SwitchSerializer(serializers.Serializer):
    name = serializers.CharField(read_only=True)
    is_on = serializers.BooleanField()


class AuditEntrySerializer(serializers.ModelSerializer):
    class Meta:
        model = AuditEntry
        fields: tuple[str, ...] = (
            "id",
            "created_at",
            "actor_label",
            "action",
            "subject",
            "details",
            "request_id",
        )


def list_of(shape: type[serializers.Serializer]) -> serializers.Serializer:
    """Describe `{"results": [...]}`."""
    name = shape.__name__.removesuffix("Serializer")
    return inline_serializer(f"{name}List", {"results": shape(many=True)})


def page_of(shape: type[serializers.Serializer]) -> serializers.Serializer:
    """Describe a page, newest first, with the addresses of its neighbours."""
    name = shape.__name__.removesuffix("Serializer")
    address = {"allow_null": True, "required": False}
    fields = {"next": serializers.URLField(**address), "previous": serializers.URLField(**address)}
    return inline_serializer(f"{name}Page", {**fields, "results": shape(many=True)})
