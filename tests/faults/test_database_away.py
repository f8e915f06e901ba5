"""The database is restarted under a web process that serves: clear answers meanwhile, then all as before."""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.workers import wait_until

from .documented import ROOT
from .restored_settings import MONITORING_TOKEN

# Longer than the pool of connections tries to reconnect by itself.
OUTAGE_SECONDS = 7


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    seconds: float


@dataclass
class WebProcess:
    """A real web server of the project, and what it is asked for."""

    port: int
    key: str
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, path: str, token: str = "") -> Answer:
        started = time.monotonic()
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        link.request("GET", path, headers={"Authorization": f"Bearer {token or self.key}"})
        response = link.getresponse()
        body = json.loads(response.read())
        link.close()
        return Answer(response.status, body, time.monotonic() - started)

    def page(self, path: str) -> tuple[int, str]:
        """What a browser with a session gets."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        link.request("GET", path, headers={"Cookie": f"sessionid={'a' * 32}", "Accept": "text/html"})
        response = link.getresponse()
        text = response.read().decode()
        link.close()
        return response.status, text

    def recommendations(self) -> Answer:
        return self.ask("/ecomai/recommendations/?customer=anna&n=6")

    def ready(self) -> Answer:
        return self.ask("/ecomai/health/ready", MONITORING_TOKEN)

    def live(self) -> Answer:
        return self.ask("/ecomai/health/live")

    def answers(self) -> bool:
        try:
            return self.live().status == 200
        except OSError:
            return False


@dataclass
class Visitors:
    """Somebody asks all the time, whatever happens to the database."""

    web: WebProcess
    seen: list[Answer] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        ended = threading.Event()
        thread = threading.Thread(target=self._ask_until, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _ask_until(self, ended: threading.Event) -> None:
        while not ended.wait(0.1):
            try:
                self.seen.append(self.web.recommendations())
            except (OSError, ValueError, http.client.HTTPException) as fault:
                self.faults.append(fault)


@contextmanager
def serving(restored: Any, asked: Any, folder: Path) -> Iterator[WebProcess]:
    """Run a web server on the restored shop."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["uvicorn", "ecomai_project.asgi:application", "--port", str(port), "--lifespan", "off"]
    path = folder / f"web-{port}.log"
    with open(path, "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, **restored.environment},
            stdout=log,
            stderr=log,
        )
    server = WebProcess(port, asked.key, process, path)
    try:
        wait_until(server.answers, seconds=60, what="the web server")
        yield server
    finally:
        process.terminate()
        process.wait(30)


def is_away(answer: Answer) -> bool:
    """Whether an answer says that the database is away, in the one error shape and nothing else."""
    error = answer.body.get("error", {})
    return (answer.status, set(answer.body), error.get("code")) == (503, {"error"}, "unavailable")


def is_as_before(web: WebProcess, asked: Any) -> bool:
    answer = web.recommendations()
    return answer.status == 200 and [pick["item"] for pick in answer.body["items"]] == asked.item_ids


def check_outage(web: WebProcess) -> None:
    """What a web process answers while the database is away."""
    away = web.recommendations()
    assert is_away(away), away
    assert "Traceback" not in str(away.body)
    ready = web.ready()
    assert (ready.status, ready.body["status"]) == (503, "failed")
    assert ready.body["checks"]["database"] == {"status": "failed"}
    assert web.live().status == 200
    status, text = web.page("/admin/")
    assert status == 503
    assert "please try again in a minute" in text
    assert max(away.seconds, ready.seconds) < 10


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.services
def test_web_process_says_so_while_the_database_is_away_and_goes_on_when_it_is_back(
    restored, asked, tmp_path
):
    with serving(restored, asked, tmp_path) as web:
        wait_until(lambda: is_as_before(web, asked), seconds=30, what="the first answer")
        assert web.ready().body["checks"]["database"]["status"] == "ok"

        visitors = Visitors(web)
        with visitors.at_work():
            restored.server.stop(force=True)
            stopped_at = time.monotonic()
            check_outage(web)
            time.sleep(max(0, stopped_at + OUTAGE_SECONDS - time.monotonic()))
            restored.server.start()
            wait_until(lambda: is_as_before(web, asked), seconds=15, what="answers after the outage")

            # A restart without a pause: connections break in the hands of those who use them.
            restored.server.stop(force=True)
            restored.server.start()
            wait_until(lambda: is_as_before(web, asked), seconds=15, what="answers after a quick restart")

        assert visitors.faults == []
        assert "Traceback" not in web.log.read_text()
        odd = [answer for answer in visitors.seen if answer.status != 200 and not is_away(answer)]
        assert odd == []
        assert {answer.status for answer in visitors.seen} == {200, 503}
        assert [web.recommendations().status for _ in range(10)] == [200] * 10
        assert web.ready().status == 200
        assert web.process.poll() is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.services
def test_web_process_that_was_started_before_the_database_serves_when_it_is_there(restored, asked, tmp_path):
    restored.server.stop(force=True)
    with serving(restored, asked, tmp_path) as web:
        check_outage(web)
        restored.server.start()
        wait_until(lambda: is_as_before(web, asked), seconds=15, what="answers once the database is there")
