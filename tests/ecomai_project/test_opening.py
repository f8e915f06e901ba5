"""The demo command: what it refuses, what it shows, and the way from nothing to a shop that recommends."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from rich.console import Console

from ecomai.commerce.models import ApiKey
from ecomai.registry.models import Job, ModelVersion, TrainingRun
from ecomai.registry.selectors import serving_version
from ecomai.scenarios import get_model_spec
from ecomai_project.embedded.places import Places
from ecomai_project.embedded.postgres import Postgres
from ecomai_project.embedded.redis import Redis
from ecomai_project.opening import learning, people
from ecomai_project.opening.display import Display, StepStream
from ecomai_project.shop import Shop

ROOT = Path(__file__).parents[2]


def plain_display() -> tuple[Display, io.StringIO]:
    written = io.StringIO()
    return Display(Console(file=written, width=200, highlight=False)), written


def test_steps_are_plain_lines_where_there_is_no_terminal() -> None:
    display, written = plain_display()

    with display.steps(), display.step("Import") as step:
        step.report(0.5, "half")
        step.report(1.0, "[3] rows")

    assert re.fullmatch(r"✓ Import \(0\.\d s\) \[3\] rows\n", written.getvalue())


def test_step_that_failed_is_marked_and_says_why() -> None:
    display, written = plain_display()

    with display.steps(), display.step("Training") as step:
        step.fail("not enough data")

    assert re.fullmatch(r"✗ Training \(0\.\d s\) not enough data\n", written.getvalue())


def test_lines_with_a_percentage_move_the_bar() -> None:
    display, _written = plain_display()
    with display.step("Import") as step:
        stream = StepStream(step)
        stream.write("\r\x1b[Kevents.csv:  40 %, 1,000 rows")
        assert stream.step.detail == "events.csv:  40 %, 1,000 rows"
        assert display._progress.tasks[0].completed == pytest.approx(0.4)


def test_output_of_a_program_is_shown_as_it_is() -> None:
    display, written = plain_display()

    display.output("worker", "[tasks] done")

    assert written.getvalue() == "    worker [tasks] done\n"


@pytest.mark.django_db
def test_administrator_can_log_in_and_gets_a_changed_password() -> None:
    people.make_admin("demo")
    people.make_admin("other")

    assert authenticate(username="admin", password="demo") is None
    assert authenticate(username="admin", password="other").is_superuser


@pytest.mark.django_db
def test_server_key_is_made_once_and_kept_to_be_shown(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop.json")
    first = people.make_server_key(shop)

    assert people.make_server_key(Shop.load(tmp_path)) == first
    assert ApiKey.objects.count() == 1
    assert (tmp_path / "shop.json").stat().st_mode & 0o077 == 0


def ended_run(model_name: str, *, error_code: str = "", has_version: bool = False) -> TrainingRun:
    """A training that was too early, or one whose version is worse than the simple baseline."""
    state = Job.State.SUCCEEDED if has_version else Job.State.FAILED
    job = Job.objects.create(kind="training", state=state, error_code=error_code, error_message="Why.")
    metric = get_model_spec(model_name).primary_metric
    version = has_version and ModelVersion.objects.create(
        model_name=model_name, number=1, kind="test", artifact_path="a", artifact_digest="0",
        metrics={metric: 0.1}, baseline_metrics={metric: 0.2},
    )  # fmt: skip
    return TrainingRun.objects.create(model_name=model_name, job=job, version=version or None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model_name", "values", "mark"),
    [
        ("recommendations.next_item", {"has_version": True}, "✗"),
        ("recommendations.next_item", {"error_code": "not_enough_data"}, "✗"),
        ("marketing.customer_value", {"has_version": True}, "✓"),
        ("marketing.customer_value", {"error_code": "not_enough_data"}, "✓"),
        ("marketing.customer_value", {"error_code": "internal_error"}, "✗"),
    ],
)
def test_an_optional_model_may_stay_away_but_not_break(
    model_name: str, values: dict[str, Any], mark: str
) -> None:
    display, written = plain_display()
    with display.steps(), display.step("Training") as step:
        learning.promote(ended_run(model_name, **values), step)
    assert written.getvalue().startswith(mark)
    assert "not promoted" in written.getvalue() or "no model: Why." in written.getvalue()
    assert serving_version(model_name) is None


@pytest.fixture
def folder(short_folder: Path) -> Iterator[Path]:
    yield short_folder
    for service in (Redis(Places(short_folder)), Postgres(Places(short_folder))):
        service.stop(force=True)


def demo(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {
        **kept,
        "ECOMAI_VAR_DIR": str(folder),
        "OMP_NUM_THREADS": "1",
        "DJANGO_SETTINGS_MODULE": "oscar_shop.demo_settings",
    }
    return subprocess.run(
        [sys.executable, "manage.py", "ecomai_demo", *arguments],
        cwd=ROOT / "examples" / "oscar_shop", env=environment, capture_output=True, text=True,
    )  # fmt: skip


def test_known_password_is_refused_where_others_could_log_in(folder: Path) -> None:
    done = demo(folder, "--host", "0.0.0.0")

    assert done.returncode != 0
    assert "Choose a password" in done.stderr


def test_missing_export_is_said_before_anything_starts(folder: Path) -> None:
    done = demo(folder, "--data", str(folder / "nothing"))

    assert done.returncode != 0
    assert "There is no" in done.stderr
    assert not (folder / "postgres").exists()


def test_folder_of_one_shop_does_not_take_another(folder: Path) -> None:
    Shop(folder / "shop.json", source="demo:zh", language="zh", currency="CNY").save()

    done = demo(folder, "--no-serve")

    assert done.returncode != 0
    assert "demo:zh" in done.stderr
