"""The project as a whole: it answers, under its policies, without torch, from one command."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from ecomai_project.embedded.places import Places
from ecomai_project.embedded.postgres import Postgres
from ecomai_project.embedded.programs import Program
from ecomai_project.embedded.redis import Redis
from tests.workers import wait_until

ROOT = Path(__file__).parents[2]


@pytest.mark.django_db
def test_pages_carry_a_policy_without_anything_inline(client: Client) -> None:
    policy = client.get("/admin/login/")["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "script-src" not in policy
    assert "style-src" not in policy


@pytest.mark.parametrize("module", ["ecomai_project.asgi", "ecomai_project.wsgi"])
def test_web_process_does_not_import_torch(module: str) -> None:
    code = (
        f"import sys, {module}; from django.urls import get_resolver; get_resolver().url_patterns; "
        "print(sorted({'torch', 'transformers', 'sklearn'} & set(sys.modules)))"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "ecomai_project.settings.test"}

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def embedded_folder(short_folder: Path) -> Iterator[Path]:
    yield short_folder
    for service in (Redis(Places(short_folder)), Postgres(Places(short_folder))):
        service.stop(force=True)


def manage(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=embedded_environment(folder),
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def embedded_environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    settings = "ecomai_project.settings.embedded"
    return {**kept, "ECOMAI_VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": settings}


def test_embedded_services_go_up_and_down_by_command(embedded_folder: Path) -> None:
    assert manage(embedded_folder, "embedded", "status").returncode == 1

    assert "PostgreSQL: started" in manage(embedded_folder, "embedded", "up").stdout
    assert "PostgreSQL: runs already" in manage(embedded_folder, "embedded", "up").stdout
    assert manage(embedded_folder, "embedded", "status").returncode == 0

    assert "PostgreSQL: stopped" in manage(embedded_folder, "embedded", "down").stdout
    assert manage(embedded_folder, "embedded", "status").returncode == 1


def test_forgetting_removes_what_the_services_kept_and_nothing_else(embedded_folder: Path) -> None:
    manage(embedded_folder, "embedded", "up")
    (embedded_folder / "mine.txt").write_text("kept")

    done = manage(embedded_folder, "embedded", "forget")

    assert done.returncode == 0, done.stderr
    assert not (embedded_folder / "postgres").exists()
    assert (embedded_folder / "mine.txt").read_text() == "kept"


@pytest.mark.services
def test_one_command_serves_the_whole_project_and_one_signal_ends_it(embedded_folder: Path) -> None:
    port = free_port()
    said = embedded_folder / "said.txt"
    with open(said, "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "embedded", "run", "--port", str(port)],
            cwd=ROOT, env=embedded_environment(embedded_folder), stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_until(lambda: "The shop answers" in said.read_text() or process.poll() is not None, seconds=60)
        logs = {
            name: embedded_folder / "log" / f"{name}.log" for name in ("worker", "trainer", "beat", "web")
        }
        wait_until(lambda: "Uvicorn running" in logs["web"].read_text(), seconds=60)
        assert urlopen(f"http://127.0.0.1:{port}/admin/login/").status == 200
        for name in ("worker", "trainer"):
            wait_until(lambda name=name: " ready." in logs[name].read_text(), seconds=60)
        assert Program("beat", [], places=Places(embedded_folder)).is_alive()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)

    order = re.findall(r"^(\w+): stopped", said.read_text(), re.MULTILINE)
    assert order == ["web", "beat", "trainer", "worker", "Redis", "PostgreSQL"]
    assert process.returncode == 0


def test_browser_that_looks_for_an_icon_finds_one(client: Client) -> None:
    answer = client.get("/favicon.ico")

    assert answer.status_code == 302
    assert finders.find(answer["Location"].removeprefix("/static/"))
