"""Shapes of the experiments' REST answers."""

from typing import Any

from rest_framework import serializers

from . import reports


class ArmReportSerializer(serializers.Serializer):
    name = serializers.CharField()
    is_control = serializers.BooleanField()
    is_removed = serializers.BooleanField()
    n_exposed = serializers.IntegerField()
    n_counted = serializers.IntegerField()
    mean = serializers.FloatField()
    lift = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    p_value = serializers.FloatField(allow_null=True)


class ExperimentSerializer(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()
    subject = serializers.CharField()
    state = serializers.CharField()
    primary_metric = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    stopped_at = serializers.DateTimeField(allow_null=True)
    decided_at = serializers.DateTimeField(allow_null=True)
    counted_until = serializers.DateTimeField(allow_null=True)
    verdict = serializers.SerializerMethodField()
    alarms = serializers.SerializerMethodField()

    def get_verdict(self, experiment: Any) -> str:
        return reports.verdict(experiment, reports.results_of(experiment)).text

    def get_alarms(self, experiment: Any) -> list[str]:
        return reports.alarm_texts(experiment, reports.results_of(experiment))


class ExperimentReportSerializer(ExperimentSerializer):
    arms = serializers.SerializerMethodField()

    def get_arms(self, experiment: Any) -> list[dict[str, Any]]:
        rows = reports.arm_rows(experiment, reports.results_of(experiment))
        return list(ArmReportSerializer(rows, many=True).data)
