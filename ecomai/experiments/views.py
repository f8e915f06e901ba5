"""REST: the reports of experiments, to read."""

from typing import Any

from django.utils.module_loading import import_string
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ecomai.registry.app_settings import registry_settings
from ecomai.registry.serializers import list_of
from ecomai.rest import ApiView

from . import selectors
from .models import Experiment
from .permissions import MayReadExperiments
from .serializers import ExperimentReportSerializer, ExperimentSerializer

MOST = 200


class ExperimentsView(ApiView):
    permission_classes = (MayReadExperiments,)

    def get_authenticators(self) -> list[Any]:
        return [import_string(path)() for path in registry_settings.AUTHENTICATION]


class ExperimentListView(ExperimentsView):
    @extend_schema(operation_id="experiments_list", responses=list_of(ExperimentSerializer))
    def get(self, request: Request) -> Response:
        """The newest experiments with their verdicts."""
        rows = selectors.with_parts(Experiment.objects.order_by("-pk"))[:MOST]
        return Response({"results": ExperimentSerializer(rows, many=True).data})


class ExperimentDetailView(ExperimentsView):
    @extend_schema(responses=ExperimentReportSerializer)
    def get(self, request: Request, name: str) -> Response:
        """One experiment by its short name, with the lift of each arm."""
        return Response(ExperimentReportSerializer(selectors.get_experiment(name)).data)
