"""Training runs, as a worker does them."""

import errno
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from ecomai.exceptions import InvalidInputError, NotEnoughDataError, NotFoundError, PermissionDeniedError
from ecomai.registry import artifacts, jobs
from ecomai.registry.exceptions import JobFinishedError, TrainingActiveError
from ecomai.registry.models import ActiveTraining, AuditEntry, Job, ModelVersion, TrainingRun
from ecomai.registry.runs import run_folder
from ecomai.registry.services import cancel_training, request_training, retry_training
from ecomai.registry.tasks import run_training

from .conftest import MODEL, make_candidate

pytestmark = pytest.mark.django_db


def test_training_makes_a_version_with_all_that_judging_and_repeating_it_needs(training_does):
    training_does(
        lambda run: make_candidate(run, 0.6, group_metrics={"new": {"quality": 0.5}}, card={"licence": "MIT"})
    )
    run = request_training(model_name=MODEL, hyperparameters={"width": 16}, random_state=7)
    run_training(run.pk)

    run.refresh_from_db()
    version = run.version
    assert run.job.state == Job.State.SUCCEEDED
    assert (version.number, version.state, version.kind) == (1, "candidate", "probe")
    assert (version.metrics, version.baseline_metrics) == ({"quality": 0.6}, {"quality": 0.4})
    assert version.group_metrics == {"new": {"quality": 0.5}}
    assert (version.hyperparameters, version.random_state) == ({"width": 16}, 7)
    assert version.card == {"licence": "MIT"}
    assert artifacts.open_artifact(version).joinpath("model.json").exists()
    assert not run_folder(run).exists()


def test_training_twice_makes_one_version(training_does):
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    run_training(run.pk)
    assert ModelVersion.objects.count() == 1


def test_a_worker_that_died_after_registering_does_not_train_again(training_does):
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    Job.objects.filter(pk=run.job_id).update(state=Job.State.QUEUED)

    def refuse(run):
        raise AssertionError("trained again")

    training_does(refuse)
    run_training(run.pk)
    assert Job.objects.get(pk=run.job_id).state == Job.State.SUCCEEDED
    assert ModelVersion.objects.count() == 1


def test_one_training_of_a_model_at_a_time(training_does):
    first = request_training(model_name=MODEL)
    with pytest.raises(TrainingActiveError):
        request_training(model_name=MODEL)
    run_training(first.pk)
    request_training(model_name=MODEL)
    assert TrainingRun.objects.count() == 2


def test_request_needs_the_permission_and_a_known_model(training_does, make_user):
    with pytest.raises(PermissionDeniedError):
        request_training(model_name=MODEL, user=make_user())
    with pytest.raises(NotFoundError):
        request_training(model_name="probe.unknown")
    request_training(model_name=MODEL, user=make_user("request_training"))
    assert AuditEntry.objects.get().actor_label == "request_training"


def test_a_misspelt_hyperparameter_is_refused_with_the_known_ones(training_does):
    with pytest.raises(InvalidInputError, match="width"):
        request_training(model_name=MODEL, hyperparameters={"widht": 3})


def test_expected_failure_shows_its_sentence_and_frees_the_model(training_does):
    def fail(run):
        raise NotEnoughDataError(have=3, need=100, unit="orders")

    training_does(fail)
    run = request_training(model_name=MODEL)
    run_training(run.pk)

    job = Job.objects.get(pk=run.job_id)
    assert (job.state, job.error_code) == (Job.State.FAILED, "not_enough_data")
    assert "3 orders" in job.error_message
    assert "100" in job.error_message
    assert not ActiveTraining.objects.exists()


def test_unexpected_failure_keeps_a_masked_traceback_and_no_detail_in_the_sentence(training_does):
    def fail(run):
        raise KeyError("ada@shop.example called +44 20 7946 0958")

    training_does(fail)
    run = request_training(model_name=MODEL)
    run_training(run.pk)

    job = Job.objects.get(pk=run.job_id)
    assert (job.state, job.error_code) == (Job.State.FAILED, "unexpected")
    assert "KeyError" in job.traceback
    assert "KeyError" not in job.error_message
    assert "ada@shop.example" not in job.traceback
    assert "7946" not in job.traceback


def test_fault_of_the_environment_is_tried_again_with_growing_pauses_and_then_fails(
    training_does, set_registry
):
    set_registry(RETRY_BACKOFF_SECONDS=10)
    training_does(lambda run: (_ for _ in ()).throw(OperationalError("server closed the connection")))
    run = request_training(model_name=MODEL)
    pauses = []
    for _attempt in range(3):
        Job.objects.filter(pk=run.job_id).update(run_after=timezone.now())
        run_training(run.pk)
        job = Job.objects.get(pk=run.job_id)
        pauses.append(round((job.run_after - timezone.now()).total_seconds()))
    assert pauses[:2] == [10, 20]
    assert (job.state, job.error_code, job.attempts) == (Job.State.FAILED, "environment_fault", 3)


def test_running_training_stops_when_cancelled_and_registers_nothing(training_does):
    steps = []

    def slow(run):
        for step in range(100):
            steps.append(step)
            if step == 3:
                cancel_training(run=TrainingRun.objects.get(pk=run.run_id))
            run.report(step / 100)
        return make_candidate(run)

    training_does(slow)
    run = request_training(model_name=MODEL)
    run_training(run.pk)

    assert steps == [0, 1, 2, 3]
    assert Job.objects.get(pk=run.job_id).state == Job.State.CANCELLED
    assert not ModelVersion.objects.exists()
    assert not ActiveTraining.objects.exists()
    assert not run_folder(run).exists()


def test_queued_training_is_cancelled_at_once_and_its_message_does_nothing(training_does):
    run = request_training(model_name=MODEL)
    cancel_training(run=run)
    run_training(run.pk)
    assert Job.objects.get(pk=run.job_id).state == Job.State.CANCELLED
    assert not ModelVersion.objects.exists()
    assert not ActiveTraining.objects.exists()
    request_training(model_name=MODEL)


def test_ended_training_cannot_be_cancelled(training_does):
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    run.refresh_from_db()
    with pytest.raises(JobFinishedError):
        cancel_training(run=run)


def test_retry_goes_on_in_the_folder_of_the_failed_run_with_its_cutoff_and_seed(training_does):
    seen = []

    def fail_once(run):
        checkpoint = run.folder / "checkpoint.json"
        seen.append((checkpoint.exists(), run.cutoff, run.random_state, run.hyperparameters))
        checkpoint.write_text("{}")
        if len(seen) == 1:
            raise ValueError("boom")
        return make_candidate(run)

    training_does(fail_once)
    run = request_training(model_name=MODEL, hyperparameters={"width": 3})
    run_training(run.pk)
    again = retry_training(run=TrainingRun.objects.get(pk=run.pk))
    run_training(again.pk)

    assert [is_there for is_there, *_rest in seen] == [False, True]
    assert seen[0][1:] == seen[1][1:]
    assert Job.objects.get(pk=again.job_id).state == Job.State.SUCCEEDED


def test_curve_is_kept_in_order_and_a_repeated_step_replaces_its_point(training_does):
    from ecomai.registry.selectors import training_curve

    def learn(run):
        run.log(1, loss=3.0)
        run.log(2, loss=2.0, recall=0.1)
        run.log(2, loss=1.5)
        run.log(3, loss=float("nan"))
        return make_candidate(run)

    training_does(learn)
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    assert training_curve(run) == [("loss", 1, 3.0), ("loss", 2, 1.5), ("recall", 2, 0.1)]


def test_progress_and_time_left_are_on_the_row_while_it_runs(training_does):
    seen = {}

    def learn(run):
        run.report(0.0, "starting")
        run.report(0.5, "half way")
        seen["job"] = Job.objects.get(training_run=run.run_id)
        return make_candidate(run)

    training_does(learn)
    run_training(request_training(model_name=MODEL).pk)
    job = seen["job"]
    assert (job.state, job.progress, job.progress_message) == (Job.State.RUNNING, 0.5, "half way")
    assert job.seconds_left is not None
    assert job.seconds_left >= 0


def test_disk_full_fails_with_a_sentence_and_stores_nothing(training_does, registry_folder, monkeypatch):
    from django.core.files.storage import FileSystemStorage

    written = []
    save = FileSystemStorage._save

    def full_after_one(self, name, content):
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(name)
        return save(self, name, content)

    monkeypatch.setattr(FileSystemStorage, "_save", full_after_one)
    run = request_training(model_name=MODEL)
    run_training(run.pk)

    job = Job.objects.get(pk=run.job_id)
    assert (job.state, job.error_code) == (Job.State.FAILED, "disk_full")
    assert "disk is full" in job.error_message
    assert not ModelVersion.objects.exists()
    assert written
    assert not [path for path in (registry_folder / "artifacts").rglob("*") if path.is_file()]


def test_a_worker_that_lost_its_lease_registers_nothing(training_does, registry_folder):
    def learn(run):
        candidate = make_candidate(run)
        Job.objects.filter(training_run=run.run_id).update(lease_token="00000000-0000-0000-0000-000000000000")
        return candidate

    training_does(learn)
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    assert not ModelVersion.objects.exists()
    assert not [path for path in (registry_folder / "artifacts").rglob("*") if path.is_file()]
    assert Job.objects.get(pk=run.job_id).state == Job.State.RUNNING  # the new holder's

    Job.objects.filter(pk=run.job_id).update(lease_until=timezone.now() - timedelta(seconds=1))
    training_does(make_candidate)
    jobs.requeue_dead_jobs()
    run_training(run.pk)
    assert ModelVersion.objects.get().number == 1


def test_a_worker_that_loses_its_lease_while_it_stores_registers_nothing(
    training_does, registry_folder, monkeypatch
):
    from django.core.files.storage import FileSystemStorage

    save = FileSystemStorage._save

    def slow_save(self, name, content):
        Job.objects.update(lease_token="00000000-0000-0000-0000-000000000000")
        return save(self, name, content)

    monkeypatch.setattr(FileSystemStorage, "_save", slow_save)
    run_training(request_training(model_name=MODEL).pk)
    assert not ModelVersion.objects.exists()
    assert not [path for path in (registry_folder / "artifacts").rglob("*") if path.is_file()]


@pytest.mark.parametrize("value", [None, float("nan")])
def test_candidate_without_its_primary_metric_is_refused(training_does, value):
    metrics = {} if value is None else {"quality": value}
    training_does(lambda run: make_candidate(run, metrics=metrics))
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    assert Job.objects.get(pk=run.job_id).error_code == "invalid_artifact"


def test_pickles_are_refused(training_does):
    def learn(run):
        candidate = make_candidate(run)
        (candidate.folder / "model.pkl").write_bytes(b"")
        return candidate

    training_does(learn)
    run = request_training(model_name=MODEL)
    run_training(run.pk)
    assert Job.objects.get(pk=run.job_id).error_code == "invalid_artifact"


def test_live_artifact_gives_the_serving_version_and_none_when_it_is_damaged(
    training_does, trained, registry_folder
):
    from ecomai.registry.services import promote_version

    version = trained(0.5)
    promote_version(version=version)
    seen = []

    def learn(run):
        seen.append(run.live_artifact())
        return make_candidate(run)

    training_does(learn)
    run_training(request_training(model_name=MODEL).pk)
    assert (seen[0] / "model.json").read_text() == '{"value": 0.5}'

    (registry_folder / "artifacts" / version.artifact_path / "model.json").write_text("{}")
    for path in (registry_folder / "cache").rglob("model.json"):
        path.write_text("{}")
    run_training(request_training(model_name=MODEL).pk)
    assert seen[1] is None
