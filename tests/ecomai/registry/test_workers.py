"""Jobs with real workers that are killed, and with brokers and databases that go away."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from celery import current_app
from django.db import connection
from django.utils import timezone

from ecomai.exceptions import EcomaiError
from ecomai.registry import jobs
from ecomai.registry.models import Job, ModelVersion
from ecomai.registry.services import cancel_training, request_scoring, request_training
from tests.workers import Broker, WorkerProcess, wait_until

from .conftest import MODEL

DEAD_BROKER = Broker("redis", "redis://127.0.0.1:1/0")


@pytest.fixture
def watched(broker: Broker, probe: object, transactional_db: None, tmp_path: Path) -> Iterator[WorkerProcess]:
    """A worker that serves `worker_side`, with leases of two seconds."""
    process = WorkerProcess(broker=broker, folder=tmp_path, include="tests.ecomai.registry.worker_side")
    process.environment["ECOMAI_TEST_FOLDER"] = str(tmp_path)
    process.environment["DJANGO_SETTINGS_MODULE"] = os.environ["DJANGO_SETTINGS_MODULE"]
    process.start()
    yield process
    process.kill()


def steps(folder: Path) -> list[int]:
    path = folder / "steps"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def beat_until(condition: Callable[[], object], *, what: str) -> None:
    """Do what beat does, twice a second, until the condition is true."""

    def tick() -> object:
        jobs.requeue_dead_jobs()
        time.sleep(0.3)
        return condition()

    wait_until(tick, seconds=40, what=what)


@pytest.mark.services
def test_training_goes_on_from_its_checkpoint_after_its_worker_was_killed(watched, tmp_path):
    run = request_training(model_name=MODEL)
    wait_until(lambda: steps(tmp_path) == [1, 2, 3, 4], what="the first four steps")
    job = Job.objects.get(pk=run.job_id)
    wait_until(lambda: Job.objects.get(pk=job.pk).progress == 0.4, what="progress on the row")

    watched.kill()
    (tmp_path / "go").touch()
    watched.start()
    beat_until(lambda: Job.objects.get(pk=job.pk).is_finished, what="the end of the training")

    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.SUCCEEDED, 2)
    assert steps(tmp_path) == list(range(1, 11))
    assert ModelVersion.objects.get().number == 1


@pytest.mark.services
def test_job_whose_worker_died_between_message_and_first_line_still_finishes(watched, tmp_path, set_registry):
    set_registry(WAKE_AFTER_SECONDS=0.5)
    (tmp_path / "go").touch()
    (tmp_path / "die").touch()
    run = request_training(model_name=MODEL)
    wait_until(lambda: not (tmp_path / "die").exists(), what="the worker's death")
    assert Job.objects.get(pk=run.job_id).attempts == 0

    watched.kill()
    watched.start()
    beat_until(lambda: Job.objects.get(pk=run.job_id).is_finished, what="the end of the training")

    assert Job.objects.get(pk=run.job_id).state == Job.State.SUCCEEDED
    assert steps(tmp_path) == list(range(1, 11))


@pytest.mark.services
@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_running_training_really_stops_when_cancelled(watched, tmp_path):
    run = request_training(model_name=MODEL)
    wait_until(lambda: steps(tmp_path) == [1, 2, 3, 4], what="the first four steps")

    cancel_training(run=run)
    wait_until(lambda: Job.objects.get(pk=run.job_id).is_finished, seconds=3, what="the cancellation")

    (tmp_path / "go").touch()
    time.sleep(0.2)
    assert Job.objects.get(pk=run.job_id).state == Job.State.CANCELLED
    assert steps(tmp_path) == [1, 2, 3, 4]


@pytest.mark.services
def test_job_waits_with_a_sentence_while_the_broker_is_away_and_is_sent_when_it_is_back(
    broker, probe, transactional_db
):
    with DEAD_BROKER.used_by(current_app._get_current_object()):
        started = time.monotonic()
        run = request_training(model_name=MODEL)
        assert time.monotonic() - started < 2  # a person waits for this

        job = Job.objects.get(pk=run.job_id)
        assert (job.state, job.error_code) == (Job.State.QUEUED, "broker_away")
        assert "broker is away" in job.error_message
    assert broker.n_waiting("gpu") == 0

    with broker.used_by(current_app._get_current_object()):
        jobs.requeue_dead_jobs()
        assert broker.n_waiting("gpu") == 1
    job.refresh_from_db()
    assert (job.error_code, job.error_message) == ("", "")


def end_own_connection() -> None:
    """What a restart of the database does to a worker."""
    pid = connection.connection.info.backend_pid
    with psycopg.connect(**connection.get_connection_params() | {"autocommit": True}) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
        while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
            time.sleep(0.01)


@pytest.mark.django_db(transaction=True)
def test_job_survives_a_database_that_restarts_while_it_works_and_when_it_ends(job_does):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server to restart.")

    def work(job):
        job.report(0.1)
        end_own_connection()
        job.report(0.5)
        job.report(0.6, "after the restart")
        end_own_connection()
        return {"answer": 42}

    job_does(work)
    job = jobs.enqueue_job(kind="probe")
    jobs.execute_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result) == (Job.State.SUCCEEDED, {"answer": 42})
    assert job.progress_message == "after the restart"


@pytest.mark.django_db(transaction=True)
def test_heartbeat_prolongs_the_lease_while_the_work_says_nothing(job_does, set_registry):
    set_registry(LEASE_SECONDS=1.0)
    moments = []

    def work(job):
        for _each in range(2):
            moments.append(Job.objects.get(pk=job.job.pk).lease_until)
            time.sleep(0.8)
        moments.append(Job.objects.get(pk=job.job.pk).lease_until)
        assert moments[-1] > timezone.now()

    job_does(work)
    job = jobs.enqueue_job(kind="probe")
    jobs.execute_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.traceback
    assert moments == sorted(set(moments))


def at_once(function: Callable[[], object], *, n: int = 6) -> list[object]:
    """Call a function from several threads at the same moment; return what came, or the error's code."""
    start = threading.Barrier(n)

    def call(_number: int) -> object:
        start.wait()
        try:
            return function()
        except EcomaiError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(call, range(n)))


@pytest.mark.django_db(transaction=True)
def test_job_is_done_once_when_many_workers_take_it_at_the_same_moment(job_does):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer.")
    calls = []
    job_does(lambda job: calls.append(1))
    job = jobs.enqueue_job(kind="probe")
    at_once(lambda: jobs.execute_job(job.pk))
    assert calls == [1]


@pytest.mark.django_db(transaction=True)
def test_one_training_starts_when_many_people_press_the_button_at_the_same_moment(probe):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer.")
    answers = at_once(lambda: request_training(model_name=MODEL).pk)
    assert answers.count("training_active") == len(answers) - 1
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_parts_that_end_at_the_same_moment_end_the_whole_once(probe, job_does):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer.")
    job_does(lambda shard: 1)
    parent = request_scoring(model_name=MODEL)
    parts = iter(list(parent.shards.values_list("pk", flat=True)))
    at_once(lambda: jobs.execute_job(next(parts)), n=3)
    parent.refresh_from_db()
    assert (parent.state, parent.result) == (Job.State.SUCCEEDED, {"parts": 3})
