"""`manage.py check --deploy` has nothing to say about us, in production and in a shop that embeds us."""

import os
import re
import subprocess
import sys

from tests.architecture.sources import ROOT

PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "ecomai_project.settings.production",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "ALLOWED_HOSTS": "shop.example",
    "DATABASE_URL": "sqlite:///:memory:",
    "REDIS_URL": "redis://cache.example:6379/0",
}
HOST = {"DJANGO_SETTINGS_MODULE": "host_project.settings", "HOST_DATABASE_URL": "sqlite:///:memory:"}


def check(folder, **environment):
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", **environment}
    return subprocess.run(
        [sys.executable, "-m", "django", "check", "--deploy"],
        cwd=folder, env=given, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_production_has_nothing_to_complain_of_but_a_broker_that_is_not_there():
    done = check(ROOT, **PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"\?: \(([\w.]+)\)", done.stderr) == ["ecomai.console.W004"], done.stderr


def test_a_shop_that_describes_no_api_of_its_own_hears_of_no_error():
    """drf-spectacular reads our endpoints with the shop's schema class, which usually is DRF's own."""
    done = check(ROOT / "tests" / "host_project", **HOST)
    assert "E001" not in done.stderr
    assert done.returncode == 0, done.stderr
