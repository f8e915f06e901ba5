"""A worker that is killed with -9 in the middle of learning."""

import os
import time

import pytest

from ecomai.registry import jobs
from ecomai.registry.models import Job, ModelVersion, RunMetric
from ecomai.registry.services import request_training
from tests.workers import WorkerProcess, wait_until

from .test_training import SMALL, make_history


@pytest.fixture
def worker(broker, transactional_db, tmp_path):
    process = WorkerProcess(broker=broker, folder=tmp_path, include="tests.recommendations.worker_side")
    process.environment["ECOMAI_TEST_FOLDER"] = str(tmp_path)
    process.environment["DJANGO_SETTINGS_MODULE"] = os.environ["DJANGO_SETTINGS_MODULE"]
    process.start()
    yield process
    process.kill()


@pytest.mark.services
@pytest.mark.slow
@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_a_training_goes_on_where_its_worker_was_killed(worker, tmp_path):
    make_history()
    hyperparameters = {**SMALL, "max_epochs": 12, "patience": 12, "is_refitted": False}
    run = request_training(model_name="recommendations.next_item", hyperparameters=hyperparameters)
    judged = RunMetric.objects.filter(run=run, name="ndcg@10")
    wait_until(lambda: judged.count() >= 2, seconds=120, what="two judged epochs")
    worker.kill()
    before = {metric.step: metric.value for metric in judged}

    worker.start()
    job = Job.objects.get(pk=run.job_id)

    def is_finished() -> bool:
        jobs.requeue_dead_jobs()
        time.sleep(0.3)
        job.refresh_from_db()
        return job.is_finished

    wait_until(is_finished, seconds=150, what="the end of the training")
    assert job.state == Job.State.SUCCEEDED, job.traceback
    assert job.attempts >= 2
    after = {metric.step: metric.value for metric in judged.all()}
    assert len(after) == 12
    assert {step: after[step] for step in before} == pytest.approx(before)
    assert ModelVersion.objects.get().metrics["ndcg@10"] > 0
