"""`ecomai_init` on fresh and on odd projects: what is missing is shown, written once, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fresh_oscar import make_project

ROOT = Path(__file__).parents[3]
MINIMAL_SETTINGS = """
SECRET_KEY = "x"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
MIDDLEWARE = []
ROOT_URLCONF = "urls"
"""


def run(folder, *command, settings=""):
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))
    }
    environment = inherited | {
        "PYTHONPATH": str(ROOT), "SHOP_DATABASE_URL": f"sqlite:///{folder}/shop.sqlite3",
    } | ({"DJANGO_SETTINGS_MODULE": settings} if settings else {})  # fmt: skip
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


def init(folder, *options, **kwargs):
    return run(folder, "-m", "ecomai", "init", *options, **kwargs)


def contents(folder):
    return {path.name: path.read_text() for path in folder.rglob("*.py")}


@pytest.fixture
def oscar(tmp_path):
    return make_project(tmp_path / "project")


@pytest.fixture
def lone(tmp_path):
    """A project whose settings are a module beside manage.py, in no package."""
    (tmp_path / "manage.py").write_text('os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")')
    (tmp_path / "settings.py").write_text(MINIMAL_SETTINGS)
    (tmp_path / "urls.py").write_text("urlpatterns = []\n")
    return tmp_path


def test_without_apply_the_diff_is_shown_and_nothing_written(oscar):
    before = contents(oscar)
    done = init(oscar)
    assert done.returncode == 0, done.stderr
    assert contents(oscar) == before
    for line in (
        "--- shop/settings.py",
        '+    "ecomai.commerce",',
        '+MIDDLEWARE = ["ecomai.middleware.RequestIdMiddleware", *MIDDLEWARE]',
        '+        "ADAPTER": "ecomai.commerce.adapters.oscar.OscarAdapter",',
        '+        "REPORTING_CURRENCY": "GBP",',
        '+urlpatterns = [path("ecomai/", include("ecomai.urls")), *urlpatterns]',
        "+++ shop/celery.py",
        "+application = with_sockets(application)",
        "Nothing was written. --apply writes these lines.",
    ):
        assert line in done.stdout


def test_apply_makes_a_project_that_the_checks_accept_and_a_second_call_changes_nothing(oscar):
    own = (oscar / "shop/settings.py").read_text()
    assert init(oscar, "--apply").returncode == 0
    assert (oscar / "shop/settings.py").read_text().startswith(own.rstrip()), "the shop's lines stay"
    written = contents(oscar)
    again = init(oscar, "--apply")
    assert again.stdout == "Nothing is missing.\n"
    assert contents(oscar) == written
    checked = run(oscar, "manage.py", "check")
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stderr
    assert "Nothing is missing." in run(oscar, "manage.py", "ecomai_init").stdout


def test_servers_start_with_what_was_written(oscar):
    init(oscar, "--apply")
    code = "import shop.asgi, shop.wsgi, shop; print(shop.celery_app.conf.broker_url)"
    done = run(oscar, "-c", code)
    assert done.stdout == "redis://127.0.0.1:6379/0\n", done.stderr


def test_only_what_is_missing_is_added(oscar):
    """A part that the shop has taken out again comes back, and what it has in its own way stays alone."""
    init(oscar, "--apply")
    settings = oscar / "shop/settings.py"
    settings.write_text(
        settings.read_text()
        .replace('    "channels",\n', '    "channels.apps.ChannelsConfig",\n')
        .replace('    "ecomai.fusion",\n', "")
    )
    done = init(oscar)
    added = [line[1:].strip() for line in done.stdout.splitlines() if line.startswith("+")]
    assert [line for line in added if line and "--" not in line and "++" not in line] == [
        "INSTALLED_APPS = [", "*INSTALLED_APPS,", '"ecomai.fusion",', "]"
    ]  # fmt: skip


def test_a_celery_application_of_the_shop_is_left_alone(oscar):
    (oscar / "shop/tasks_app.py").write_text('from celery import Celery\n\napp = Celery("shop")\n')
    init(oscar, "--apply")
    assert not (oscar / "shop/celery.py").exists()
    assert "CELERY_" not in (oscar / "shop/settings.py").read_text()


def test_settings_without_a_package_get_a_celery_file_that_shadows_nothing(lone):
    done = init(lone, "--apply")
    assert done.returncode == 0, done.stderr
    assert (lone / "celery_app.py").exists()
    assert not (lone / "celery.py").exists()
    assert "import celery_app" in (lone / "settings.py").read_text()
    assert '# "ADAPTER": "shop.ecomai.Adapter"' in (lone / "settings.py").read_text()


def test_settings_are_found_by_name_too(lone):
    (lone / "manage.py").unlink()
    assert "Run this in the folder of manage.py" in init(lone).stderr
    assert init(lone, "--settings", "settings").returncode == 0
    assert init(lone, settings="settings").returncode == 0


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        (
            "settings.py",
            "import nowhere",
            "cannot be imported: ModuleNotFoundError: No module named 'nowhere'",
        ),
        (
            "settings.py",
            "class Production:\n    INSTALLED_APPS = []",
            "has no INSTALLED_APPS and no MIDDLEWARE",
        ),
        ("settings.py", MINIMAL_SETTINGS.replace('"urls"', '"addresses"'), "which cannot be found"),
        ("urls.py", "from somewhere import *", "has no urlpatterns"),
    ],
)
def test_a_project_that_cannot_be_changed_is_refused_with_the_reason(lone, file, text, sentence):
    (lone / file).write_text(text)
    before = contents(lone)
    done = init(lone, "--apply")
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(lone) == before


SEALED = """
import sys
if "ecomai.commerce" in open(__file__).read():
    raise RuntimeError("no changes here")
"""


def test_lines_that_the_settings_cannot_bear_are_taken_back(lone):
    (lone / "settings.py").write_text(MINIMAL_SETTINGS + SEALED)
    before = contents(lone)
    done = init(lone, "--apply")
    assert done.returncode == 1
    assert "no changes here" in done.stderr
    assert contents(lone) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_named_before_anything_is_written(lone):
    (lone / "urls.py").chmod(0o444)
    done = init(lone, "--apply")
    assert "urls.py" in done.stderr
    assert not (lone / "celery_app.py").exists()
