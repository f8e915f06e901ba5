"""A scenario whose trainings do what a test says, and a folder of the test's own for artifacts."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from ecomai import scenarios
from ecomai.registry import selectors
from ecomai.registry.kinds import register_job
from ecomai.registry.models import ModelVersion, TrainingRun
from ecomai.registry.runs import Candidate, Run
from ecomai.registry.services import request_training
from ecomai.registry.tasks import run_training
from ecomai.search_spaces import Integers

MODEL = "probe.model"
_training: Callable[[Run], Candidate] | None = None
_work: Callable[[Any], Any] | None = None


def train(run: Run) -> Candidate:
    assert _training is not None
    return _training(run)


def work(job: Any) -> Any:
    assert _work is not None
    return _work(job)


def shards() -> list[dict[str, int]]:
    return [{"number": 1}, {"number": 2}, {"number": 3}]


def make_candidate(run: Run, value: float = 0.5, **changes: Any) -> Candidate:
    """A candidate whose quality is `value`, against a baseline of 0.4."""
    folder = run.folder / "artifact"
    folder.mkdir(exist_ok=True)
    (folder / "model.json").write_text(json.dumps({"value": value}))
    candidate = Candidate(
        folder=folder, kind="probe", metrics={"quality": value}, baseline_metrics={"quality": 0.4},
        data_fingerprint="fingerprint",
    )  # fmt: skip
    return Candidate(**{**vars(candidate), **changes})


@pytest.fixture(autouse=True)
def registry_folder(settings: Any, tmp_path: Path) -> Path:
    settings.ECOMAI = {
        **settings.ECOMAI, "REGISTRY": {"FOLDER": tmp_path / "registry", "REPORT_INTERVAL_SECONDS": 0.0}
    }  # fmt: skip
    selectors.forget_switches()
    return tmp_path / "registry"


@pytest.fixture
def set_registry(settings: Any) -> Callable[..., None]:
    """Change settings of the registry for the rest of the test."""

    def change(**values: Any) -> None:
        settings.ECOMAI = {**settings.ECOMAI, "REGISTRY": {**settings.ECOMAI["REGISTRY"], **values}}

    return change


@pytest.fixture
def probe() -> Iterator[scenarios.ModelSpec]:
    """The model `probe.model`, installed for this test."""
    spec = scenarios.ModelSpec(
        name=MODEL, verbose_name="Probe", train=f"{__name__}.train", primary_metric="quality",
        baseline="none",
        default_hyperparameters={"width": 8}, search_space={"width": Integers(4, 64, step=4)},
        shards=f"{__name__}.shards", score=f"{__name__}.work",
        gate=scenarios.Gate(min_gain_over_live=0.01),
    )  # fmt: skip
    scenarios.register(scenarios.Scenario(name="probe", verbose_name="Probe", models=[spec]))
    yield spec
    scenarios.unregister("probe")


@pytest.fixture
def training_does(probe: scenarios.ModelSpec, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`training_does(function)`: what `train(run)` of the probe does from now on."""

    def become(function: Callable[[Run], Candidate]) -> None:
        monkeypatch.setitem(globals(), "_training", function)

    become(make_candidate)
    return become


@pytest.fixture
def job_does(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`job_does(function)`: what jobs of kind `probe` do from now on."""
    register_job("probe", f"{__name__}.work")

    def become(function: Callable[[Any], Any]) -> None:
        monkeypatch.setitem(globals(), "_work", function)

    become(lambda job: {})
    return become


@pytest.fixture
def trained(training_does: Callable[..., None]) -> Callable[..., ModelVersion]:
    """`trained(0.7)`: a new candidate of that quality, trained as a worker would."""

    def make(value: float = 0.5, **changes: Any) -> ModelVersion:
        training_does(lambda run: make_candidate(run, value, **changes))
        run = request_training(model_name=MODEL)
        run_training(run.pk)
        run = TrainingRun.objects.select_related("job", "version").get(pk=run.pk)
        assert run.version is not None, run.job.traceback
        return run.version

    return make


@pytest.fixture
def make_user(db: None) -> Callable[..., Any]:
    """`make_user("promote_modelversion")`: staff with these permissions of the registry, and no others."""

    def make(*codenames: str) -> Any:
        name = "-".join(codenames)[:140] or "nobody"
        user = get_user_model().objects.create_user(name, password="secret", is_staff=True)
        user.user_permissions.set(
            Permission.objects.filter(codename__in=codenames, content_type__app_label="ecomai_registry")
        )
        return user

    return make
