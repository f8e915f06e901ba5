"""Shops to measure speed on: imported, with a model live."""

from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import call_command

from ecomai.benchmarking import Report
from ecomai.registry.models import Job, ModelDeployment
from ecomai.registry.services import go_live, promote_version, request_training
from ecomai.registry.tasks import run_training

from ..scenario import NEXT_ITEM

#: A small model is trained: how good it is costs the answer nothing, its sizes are the real ones.
QUICK = {"max_epochs": 1, "is_refitted": False, "encoder": "char_ngram"}


def prepare_shop(data: Path, *, seed: int, report: Report) -> None:
    """Import a folder and have a model live; what an earlier run left is used as it is."""
    if not ModelDeployment.objects.filter(model_name=NEXT_ITEM, live_version__isnull=False).exists():
        report(0.05, "import")
        call_command("ecomai_import", data, stdout=StringIO(), stderr=StringIO())
        report(0.3, "training")
        put_model_live(seed=seed)
    from ..services import refresh_popularity

    refresh_popularity()


def put_model_live(*, seed: int, hyperparameters: dict[str, Any] | None = None) -> None:
    run = request_training(
        model_name=NEXT_ITEM, actor_label="benchmark", hyperparameters={**QUICK, **(hyperparameters or {})},
        random_state=seed,
    )  # fmt: skip
    run_training(run.pk)
    run.refresh_from_db()
    if run.version is None:
        raise RuntimeError(Job.objects.get(training_run=run).error_message)
    promote_version(version=run.version, actor_label="benchmark")
    if not ModelDeployment.objects.filter(model_name=NEXT_ITEM, live_version=run.version).exists():
        go_live(model_name=NEXT_ITEM, actor_label="benchmark")
