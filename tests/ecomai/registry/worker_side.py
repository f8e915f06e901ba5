"""What a worker process of the tests imports: a training that can be watched, and a way to die on time."""

import json
import os
import signal
import time
from pathlib import Path

from celery.signals import task_prerun
from django.conf import settings

from ecomai import scenarios
from ecomai.registry.runs import Candidate, Run

FOLDER = Path(os.environ["ECOMAI_TEST_FOLDER"])
settings.ECOMAI = {
    **settings.ECOMAI,
    "REGISTRY": {"FOLDER": FOLDER / "registry", "LEASE_SECONDS": 2.0, "REPORT_INTERVAL_SECONDS": 0.05},
}
N_STEPS = 10


def train(run: Run) -> Candidate:
    """Ten steps with a checkpoint after each; the fifth waits for the file `go`."""
    checkpoint = run.folder / "checkpoint.json"
    first = json.loads(checkpoint.read_text())["step"] + 1 if checkpoint.exists() else 1
    for step in range(first, N_STEPS + 1):
        while step == 5 and not (FOLDER / "go").exists():
            run.report(0.4, "waiting")
            time.sleep(0.02)
        with (FOLDER / "steps").open("a") as log:
            log.write(f"{step}\n")
        checkpoint.write_text(json.dumps({"step": step}))
        run.log(step, loss=1 / step)
        run.report(step / N_STEPS)
    artifact = run.folder / "artifact"
    artifact.mkdir(exist_ok=True)
    (artifact / "model.json").write_text("{}")
    return Candidate(
        folder=artifact, kind="probe", metrics={"quality": 0.5}, baseline_metrics={"quality": 0.4},
        data_fingerprint="f",
    )  # fmt: skip


@task_prerun.connect
def die_before_the_first_line(**kwargs: object) -> None:
    flag = FOLDER / "die"
    if flag.exists():
        flag.unlink()
        os.killpg(os.getpgrp(), signal.SIGKILL)


scenarios.register(
    scenarios.Scenario(
        name="probe",
        verbose_name="Probe",
        models=[
            scenarios.ModelSpec(
                name="probe.model",
                verbose_name="Probe",
                train=f"{__name__}.train",
                primary_metric="quality",
                baseline="none",
            )
        ],
    )
)
