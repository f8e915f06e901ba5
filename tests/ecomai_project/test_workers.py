"""The fixtures with which other tests get real brokers and workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app
from django.contrib.auth import get_user_model

from tests.workers import Broker, WorkerProcess, wait_until

pytestmark = pytest.mark.services


@pytest.fixture
def counting_worker(broker: Broker, transactional_db: None, tmp_path: Path) -> Iterator[WorkerProcess]:
    process = WorkerProcess(broker=broker, folder=tmp_path, include="tests.ecomai_project.counting")
    process.start()
    yield process
    process.kill()


def test_worker_serves_both_queues_and_sees_the_database_of_the_test(counting_worker: WorkerProcess) -> None:
    get_user_model().objects.create_user("ada")

    current_app.send_task("tests.count_users", queue="default")
    current_app.send_task("tests.count_users", queue="gpu")

    wait_until(lambda: counting_worker.log().count("counted users: 1") == 2)


def test_message_waits_for_the_next_worker_when_the_first_is_killed(counting_worker: WorkerProcess) -> None:
    counting_worker.kill()
    current_app.send_task("tests.count_users", queue="default")
    assert counting_worker.broker.n_waiting("default") == 1

    counting_worker.start()

    wait_until(lambda: "counted users: 0" in counting_worker.log())


def test_queues_of_one_test_are_not_those_of_the_next(worker_process: WorkerProcess) -> None:
    assert worker_process.broker.n_waiting("default") == 0
    assert worker_process.broker.n_waiting("gpu") == 0
