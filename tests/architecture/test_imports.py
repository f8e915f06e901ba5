"""Who may import whom, and what a web process must never load."""

import ast
import json
import os
import subprocess
import sys

import pytest
from django.db import connection

from . import sources

HEAVY = ["torch", "transformers", "sklearn", "accelerate", "peft", "lightgbm", "onnx", "plotly"]

ASK = """
import json, os, sys, time
started = time.perf_counter()
from django.conf import settings
settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE_NAME"]
import django
django.setup()
from django.test import Client
from django.urls import get_resolver
get_resolver().url_patterns
ready = time.perf_counter() - started
status = {path: Client().get(path).status_code for path in json.loads(os.environ["PATHS"])}
heavy = [name for name in json.loads(os.environ["HEAVY"]) if name in sys.modules]
# ru_maxrss would be that of the process that started us, which may have torch in memory.
megabytes = int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({"status": status, "seconds": ready, "heavy": heavy, "megabytes": megabytes}))
"""


def test_import_rules_of_the_design_hold():
    """The contracts are in pyproject.toml; import-linter says which chain breaks one."""
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as c; c()",
        "--no-cache",
    ]
    done = subprocess.run(command, cwd=sources.ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.django_db
def test_web_process_answers_without_torch_in_memory():
    """Start-up, all addresses, an admin page, an endpoint of a scenario and the API's description."""
    paths = ["/ecomai/health/live", "/admin/login/", "/ecomai/recommendations/?n=3", "/ecomai/api/schema/"]
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "ecomai_project.settings.test",
        "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"]),
        "PATHS": json.dumps(paths),
        "HEAVY": json.dumps(HEAVY),
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=sources.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["heavy"] == []
    assert answer["status"]["/ecomai/health/live"] == 200
    assert answer["status"]["/admin/login/"] == 200
    assert answer["status"]["/ecomai/api/schema/"] == 200
    assert answer["status"]["/ecomai/recommendations/?n=3"] < 500
    assert answer["megabytes"] < 400


@pytest.mark.parametrize("folder", sources.scenarios(), ids=lambda folder: folder.name)
def test_scenario_works_under_both_of_its_names(folder):
    """Inside a scenario imports are relative, as the wheel ships it as `ecomai.apps.<name>` too."""
    for path in sources.python_files(folder):
        for node in ast.walk(sources.tree(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert not any(name.split(".")[0] == folder.name for name in names), f"{path}:{node.lineno}"
    assert "name = __package__" in (folder / "apps.py").read_text(encoding="utf-8")


def test_scenarios_do_not_import_each_other():
    names = {folder.name for folder in sources.scenarios()}
    for folder in sources.scenarios():
        for path in sources.python_files(folder):
            imported = {
                (node.module or "").split(".")[0]
                for node in ast.walk(sources.tree(path))
                if isinstance(node, ast.ImportFrom) and node.level == 0
            }
            assert not imported & (names - {folder.name}), path
