"""Real brokers and real Celery workers for tests."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
import redis
from celery import Celery
from django.conf import settings
from django.db import connection
from kombu import Connection, pools

from ecomai_project.settings import test_services

QUEUES = ("default", "gpu")
ROOT = Path(__file__).resolve().parent.parent


def wait_until(condition: Callable[[], object], *, seconds: float = 30, what: str = "the condition") -> None:
    """Wait until the condition is true; fail, and not hang, when it never is."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"Waited {seconds} s for {what}.")
        time.sleep(0.05)


@dataclass
class Broker:
    """A broker of this test: its URL, and what Celery must be told to use it apart from everyone else."""

    kind: str
    url: str
    transport_options: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def used_by(self, app: Celery) -> Iterator[None]:
        """Make a Celery app of this process publish here."""
        before = (app.conf.broker_url, app.conf.broker_transport_options)
        _point(app, self.url, self.transport_options)
        try:
            yield
        finally:
            _point(app, *before)

    @property
    def environment(self) -> dict[str, str]:
        prefix = self.transport_options.get("global_keyprefix", "")
        return {"ECOMAI_TEST_BROKER_URL": self.url, "ECOMAI_TEST_BROKER_PREFIX": prefix}

    def n_waiting(self, queue: str = "default") -> int:
        """How many messages lie in a queue that no worker has taken."""
        if self.kind == "redis":  # kombu asks for the length of a queue without the prefix
            with redis.Redis.from_url(settings.TEST_REDIS.url) as client:
                return client.llen(self.transport_options["global_keyprefix"] + queue)
        with Connection(self.url) as link:
            return link.SimpleQueue(queue).qsize()


def _point(app: Celery, url: str, transport_options: dict[str, str]) -> None:
    app.conf.update(
        broker_url=url,
        broker_read_url=url,
        broker_write_url=url,
        broker_transport_options=transport_options,
    )
    app.__dict__.pop("amqp", None)  # it and the pool keep connections to the broker of before
    app._pool = None
    pools.reset()


@contextmanager
def open_broker(kind: str) -> Iterator[Broker]:
    opener = {"redis": _redis_broker, "rabbitmq": _rabbitmq_broker}[kind]
    with opener() as broker:
        yield broker


@contextmanager
def _redis_broker() -> Iterator[Broker]:
    """Share the run's Redis with everyone, under a prefix of our own."""
    prefix = f"test-{uuid.uuid4().hex[:12]}:"
    url = re.sub(r"^unix://([^?]*)\?db=(\d+)", r"redis+socket://\1?virtual_host=\2", settings.TEST_REDIS.url)
    yield Broker("redis", url, {"global_keyprefix": prefix})
    with redis.Redis.from_url(settings.TEST_REDIS.url) as client:
        for key in client.scan_iter(prefix + "*"):
            client.delete(key)


@contextmanager
def _rabbitmq_broker() -> Iterator[Broker]:
    found = test_services.find_rabbitmq()
    if not found.url:
        pytest.skip(f"No RabbitMQ: {found.origin}.")
    if found.origin.startswith("given"):
        with _alone(), _emptied(found.url):
            yield Broker("rabbitmq", found.url)
    else:
        with _own_virtual_host(found.url) as url:
            yield Broker("rabbitmq", url)


@contextmanager
def _own_virtual_host(url: str) -> Iterator[str]:
    """Make a virtual host, so that a RabbitMQ that is somebody's is used without touching their queues."""
    control = shutil.which("rabbitmqctl")
    name = f"ecomai-test-{uuid.uuid4().hex[:12]}"
    if not control or subprocess.run([control, "add_vhost", name], capture_output=True).returncode:
        pytest.skip("In the RabbitMQ found no virtual host can be made; give one by CELERY_BROKER_URL.")
    try:
        permit = [control, "set_permissions", "-p", name, urlsplit(url).username or "guest", ".*", ".*", ".*"]
        subprocess.run(permit, check=True, capture_output=True)
        yield urlunsplit(urlsplit(url)._replace(path="/" + quote(name, safe="")))
    finally:
        subprocess.run([control, "delete_vhost", name], check=True, capture_output=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Let one test at a time of this machine use a broker that all of them share."""
    with open(Path(tempfile.gettempdir()) / f"ecomai-test-broker-{os.getuid()}.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _emptied(url: str) -> Iterator[None]:
    with Connection(url) as link:
        for queue in QUEUES:
            simple = link.SimpleQueue(queue)
            simple.clear()
            simple.close()
    yield


class WorkerProcess:
    """A Celery worker as a process group of its own, on the present test database."""

    def __init__(self, *, broker: Broker, folder: Path, include: str = "") -> None:
        self.broker = broker
        self.include = include
        self.environment: dict[str, str] = {}
        self.log_path = folder / f"worker-{uuid.uuid4().hex[:6]}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start a worker and wait until it takes messages."""
        command = [
            sys.executable, "-m", "celery", "-A", "ecomai_project", "worker", "--queues", ",".join(QUEUES),
            "--concurrency", "1", "--loglevel", "INFO", "--without-gossip", "--without-mingle",
            "--hostname", f"test-{uuid.uuid4().hex[:8]}@%h",
        ]  # fmt: skip
        if self.include:
            command += ["--include", self.include]
        n_before = self.log().count(" ready.")
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        wait_until(
            lambda: self.log().count(" ready.") > n_before or self._process.poll() is not None,
            seconds=60, what="the worker to be ready",
        )  # fmt: skip
        if self._process.poll() is not None:
            pytest.fail(f"The worker ended at its start:\n{self.log()[-3000:]}")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Kill the worker and its children with -9, as a power cut or the kernel's memory guard would."""
        self._end(signal.SIGKILL, seconds=10)

    def stop(self) -> None:
        """End it in peace: the running task is finished first."""
        self._end(signal.SIGTERM, seconds=60)

    def restart(self) -> None:
        self.stop()
        self.start()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def _end(self, number: signal.Signals, *, seconds: float) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        if number is signal.SIGKILL:
            os.killpg(self._process.pid, number)
        else:
            self._process.send_signal(number)  # Celery tells its children itself
        self._process.wait(seconds)

    def _environment(self) -> dict[str, str]:
        name = str(connection.settings_dict["NAME"])
        url = urlsplit(settings.TEST_DATABASE.url)
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "ecomai_project.settings.test",
            "DATABASE_URL": urlunsplit(url._replace(path="/" + quote(name))),
            "OMP_NUM_THREADS": "1",
            **self.broker.environment,
            **self.environment,
        }
