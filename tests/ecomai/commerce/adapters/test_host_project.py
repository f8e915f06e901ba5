"""The small foreign shop of `tests/host_project`, run as its own project in processes of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).parents[4]
HOST = ROOT / "tests" / "host_project"
SHADOWED = HOST / "shadowed"


def environment_of(folder, *python_path, **variables):
    """A clean environment: nothing of this run's Django reaches the shop."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DJANGO_", "PYTEST_", "PYTHON"))
    }
    return {
        **inherited,
        "DJANGO_SETTINGS_MODULE": "host_project.settings",
        "HOST_DATABASE_URL": f"sqlite:///{folder}/shop.sqlite3",
        "HOST_FOLDER": str(folder / "var"),
        "PYTHONPATH": os.pathsep.join(map(str, python_path)),
        **variables,
    }


def manage(environment, *arguments, cwd=HOST):
    return subprocess.run(
        [sys.executable, "-m", "django", *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=280,
    )


def succeed(environment, *arguments, cwd=HOST):
    done = manage(environment, *arguments, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_the_shops_own_suite_passes(database, tmp_path):
    variables = {}
    if database == "postgresql":
        variables = {
            "HOST_DATABASE_URL": settings.TEST_DATABASE.url,
            "HOST_TEST_DATABASE": "test_ecomai_host" + os.environ.get("ECOMAI_TEST_SUFFIX", ""),
        }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "pytest.ini", "-q", "--create-db"],
        env=environment_of(tmp_path, **variables), cwd=HOST, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """A folder with the shop's database, migrated and empty."""
    folder = tmp_path_factory.mktemp("shop")
    succeed(environment_of(folder, HOST, ROOT), "migrate", "--verbosity", "0")
    return folder


SEED = """
from datetime import date
from host_project.catalogue.models import Product
Product.objects.bulk_create(
    Product(sku=f"P{n}", name=f"Cup {n}", unit_price=1, released=date(2025, 1, 1)) for n in range(6000)
)
"""
COUNT = "from ecomai.commerce.models import Item; print(Item.objects.count())"


def test_a_backfill_killed_with_9_resumes_and_a_second_one_changes_nothing(migrated, tmp_path):
    shutil.copytree(migrated, tmp_path / "shop")
    environment = environment_of(tmp_path / "shop", HOST, ROOT)
    succeed(environment, "shell", "-v", "0", "-c", SEED)
    backfill = [sys.executable, "-m", "django", "ecomai_backfill", "--kinds", "item"]
    with subprocess.Popen(
        backfill, env=environment, cwd=HOST, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stderr.readline()
        process.send_signal(signal.SIGKILL)
    n_before = int(succeed(environment, "shell", "-v", "0", "-c", COUNT))
    assert 500 <= n_before < 6000
    assert n_before % 500 == 0, "whole chunks or none"

    def run():
        output = succeed(environment, "ecomai_backfill", "--kinds", "item")
        return json.loads(output.splitlines()[-1])["adapter:item:catalogue.Product"]

    assert run() == {"accepted": 6000, "duplicate": 0, "rejected": 0}
    assert run() == {"accepted": 0, "duplicate": 6000, "rejected": 0}


# -- beside modules of the same names --------------------------------------------------------------


def test_a_file_that_shadows_a_scenario_is_named_with_the_remedy(tmp_path):
    environment = environment_of(
        tmp_path,
        SHADOWED,
        HOST,
        ROOT,
        DJANGO_SETTINGS_MODULE="shadowed_settings",
        HOST_SCENARIO="recommendations",
    )
    done = manage(environment, "check")
    assert done.returncode == 1
    assert "ecomai.E001" in done.stderr
    assert str(SHADOWED / "recommendations.py") in done.stderr
    assert "'ecomai.apps.recommendations'" in done.stderr
    assert done.stderr.count("ecomai.E001)") == 1, "the shop's own marketing is no mistake"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A folder into which the built wheel is installed, as pip does it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("ecomai", "recommendations", "risk", "marketing", "support_bot"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    (source / "README.md").write_text("# ecomai\n")  # what it says is no part of this proof
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source]
    subprocess.run(build, check=True, capture_output=True, timeout=280)
    (built,) = folder.glob("*.whl")
    target = folder / "site"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", target, built]
    subprocess.run(install, check=True, capture_output=True, timeout=280)
    return target


@pytest.fixture
def beside_the_wheel(wheel, tmp_path):
    """The shadowed shop with the wheel; the checkout is out of its reach."""
    return environment_of(
        tmp_path, SHADOWED, HOST, wheel,
        DJANGO_SETTINGS_MODULE="shadowed_settings", HOST_SCENARIO="ecomai.apps.recommendations",
    )  # fmt: skip


WHO = """
import json, ecomai, recommendations
from django.apps import apps
from ecomai import scenarios
print(json.dumps({
    "ecomai": ecomai.__file__,
    "theirs": recommendations.TOP_TEN,
    "ours": apps.get_app_config("ecomai_recommendations").name,
    "marketing": apps.get_app_config("marketing").name,
    "scenarios": [scenario.name for scenario in scenarios.installed()],
    "train": [spec.train for spec in scenarios.model_specs()],
}))
"""


def test_the_wheel_has_no_top_level_module_but_ours(wheel):
    assert {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")} == {"ecomai"}
    assert not list(wheel.rglob("tests"))


@pytest.mark.slow
def test_the_wheels_spelling_works_beside_such_modules(beside_the_wheel, wheel, tmp_path):
    succeed(beside_the_wheel, "check", cwd=tmp_path)
    succeed(beside_the_wheel, "migrate", "--verbosity", "0", cwd=tmp_path)
    known = json.loads(
        succeed(beside_the_wheel, "shell", "-v", "0", "-c", WHO, cwd=tmp_path).splitlines()[-1]
    )
    assert known["ecomai"].startswith(str(wheel))
    assert known["theirs"] == ["P0001", "P0002"]
    assert (known["ours"], known["marketing"]) == ("ecomai.apps.recommendations", "marketing")
    assert known["scenarios"] == ["recommendations"]
    assert all(path.startswith("ecomai.apps.recommendations.") for path in known["train"])
    succeed(beside_the_wheel, "makemigrations", "--check", "--dry-run", cwd=tmp_path)


def test_a_shops_own_app_of_a_scenarios_name_is_no_mistake(beside_the_wheel, tmp_path):
    """We ship marketing; a shop that has its own and does not want ours is left in peace."""
    assert "no issues" in succeed(beside_the_wheel, "check", cwd=tmp_path)
