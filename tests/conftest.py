"""Services of the test run, and fixtures for tests that need a real broker and real Celery workers."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from ecomai import scenarios
from ecomai.console import health
from ecomai.generation.selectors import forget_wordings
from ecomai.serving import live
from ecomai_project.celery import app as celery_app
from ecomai_project.embedded.places import Places
from ecomai_project.embedded.postgres import Postgres
from ecomai_project.embedded.redis import Redis
from ecomai_project.settings import test_services
from support_bot.dialogue.flows import forget_flows
from tests import flushing
from tests.workers import Broker, WorkerProcess, open_broker

_started: list[Postgres | Redis] = []


def pytest_configure(config: pytest.Config) -> None:
    """Start what is neither given nor found. Parallel processes of a run share what its first one started."""
    if hasattr(config, "workerinput") or config.option.collectonly or config.option.help:
        return
    if settings.TEST_DATABASE.is_embedded:
        # Nothing here has to survive a loss of power, and without fsync the suite is far faster.
        _started.append(Postgres(settings.EMBEDDED, options={"fsync": "off", "max_connections": "200"}))
    if settings.TEST_REDIS.is_embedded:
        _started.append(Redis(settings.EMBEDDED))
    for service in _started:
        service.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    while _started:
        _started.pop().stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests of several real processes a second try: a busy machine can starve one of them for seconds.

    The summary names each test that needed it.
    """
    for item in items:
        if any(item.get_closest_marker(name) for name in ("services", "browser")):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which services were used, so that a green run cannot hide what it did not touch."""
    rabbitmq = test_services.find_rabbitmq()
    terminalreporter.section("services")
    terminalreporter.line(f"PostgreSQL: {settings.TEST_DATABASE.origin}")
    terminalreporter.line(f"Redis: {settings.TEST_REDIS.origin}")
    terminalreporter.line(f"RabbitMQ: {'' if rabbitmq.url else 'not used, '}{rabbitmq.origin}")
    n_skipped = len(terminalreporter.stats.get("skipped", []))
    terminalreporter.line(f"Skipped: {n_skipped}" + (", with reasons above" if n_skipped else ""))


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> Iterator[None]:
    with flushing.quick_flush():
        yield


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """A test that answered in Chinese leaves no Chinese to the next one: the language is the thread's."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def own_models() -> Iterator[None]:
    """A model that was live in a test, or could not be loaded there, is forgotten before the next one."""
    yield
    live.forget()
    health.forget()
    forget_wordings()
    forget_flows()


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A fresh folder that every user can reach and whose path leaves room for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="ecomai-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_redis(short_folder: Path) -> Iterator[Redis]:
    """A running Redis of this test alone, which it may stop, kill and start again (`places` has its URLs)."""
    server = Redis(Places(short_folder))
    server.start()
    yield server
    server.stop(force=True)


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker with empty queues, to which this process publishes while the test runs.

    The test runs once on Redis and once on RabbitMQ; the latter is skipped where there is none.
    To choose one only: `@pytest.mark.parametrize("broker", ["redis"], indirect=True)`.
    """
    with open_broker(request.param) as opened, opened.used_by(celery_app):
        yield opened


@pytest.fixture
def broker_url(broker: Broker) -> str:
    """The URL of `broker`; asking for it is enough to publish there."""
    return broker.url


@pytest.fixture
def worker_process(broker: Broker, transactional_db: None, tmp_path: Path) -> Iterator[WorkerProcess]:
    """A real Celery worker on the test database and `broker`, as a process of its own.

    It serves the queues `default` and `gpu` and is ready when the test begins. Mark such a test
    `@pytest.mark.services`; what it writes has to be committed, which `transactional_db` sees to.
    `worker_process.kill()` is `kill -9` of the whole worker, `start()` starts a new one,
    `stop()` ends it in peace, `log()` is what it printed. A setting is changed for it with
    `worker_process.environment["NAME"] = ...; worker_process.restart()`.
    """
    process = WorkerProcess(broker=broker, folder=tmp_path)
    process.start()
    yield process
    process.kill()


@pytest.fixture
def without_support_bot() -> Iterator[None]:
    """A shop that has not installed the chat, or brings its own."""
    known = scenarios.get_scenario("support_bot")
    scenarios.unregister("support_bot")
    yield
    scenarios.register(known)
