"""The row is the truth: what may happen to it, and what may not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ecomai.exceptions import ConflictError, PermissionDeniedError
from ecomai.registry import jobs
from ecomai.registry.exceptions import JobNotFinishedError, UnknownJobKindError
from ecomai.registry.models import AuditEntry, Job
from ecomai.registry.request_ids import current_request_id
from ecomai.registry.services import cancel_job, request_scoring, retry_job
from ecomai.registry.tasks import requeue_dead_jobs, run_job

from . import conftest
from .conftest import MODEL

pytestmark = pytest.mark.django_db

PAST = timedelta(hours=1)


def let_the_worker_die(job: Job, **fields: object) -> None:
    """Leave the row as a killed worker leaves it, its lease long over."""
    Job.objects.filter(pk=job.pk).update(
        state=Job.State.RUNNING, lease_token="00000000-0000-0000-0000-000000000001",
        lease_until=timezone.now() - PAST, **fields,
    )  # fmt: skip


def test_job_runs_once_however_many_messages_come(job_does):
    calls = []
    job_does(lambda job: calls.append(job.arguments))
    job = jobs.enqueue_job(kind="probe", arguments={"n": 1})
    run_job(job.pk)
    run_job(job.pk)
    assert calls == [{"n": 1}]
    job.refresh_from_db()
    assert (job.state, job.progress, job.attempts) == (Job.State.SUCCEEDED, 1.0, 1)


def test_message_of_a_deleted_job_does_nothing():
    run_job(123456)
    assert not Job.objects.exists()


def test_a_second_worker_does_not_touch_a_leased_job(job_does):
    inner = []

    def work(job):
        job_does(lambda second: inner.append(second))
        run_job(job.job.pk)

    job_does(work)
    run_job(jobs.enqueue_job(kind="probe").pk)
    assert inner == []


def test_unknown_kind_is_refused_when_queued_and_fails_when_it_turns_up(job_does):
    with pytest.raises(UnknownJobKindError):
        jobs.enqueue_job(kind="no such kind")
    job = jobs.enqueue_job(kind="probe")
    Job.objects.filter(pk=job.pk).update(kind="of an application that is gone")
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (Job.State.FAILED, "unknown_job_kind")


def test_job_that_is_not_due_waits(job_does):
    job = jobs.enqueue_job(kind="probe", run_after=timezone.now() + PAST)
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED
    assert requeue_dead_jobs() is None
    assert jobs.requeue_dead_jobs() == {"requeued": 0, "woken": 0}


def test_dead_workers_job_is_queued_again(job_does):
    job = jobs.enqueue_job(kind="probe")
    let_the_worker_die(job, attempts=1)
    assert jobs.requeue_dead_jobs()["requeued"] == 1
    assert jobs.requeue_dead_jobs()["requeued"] == 0
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.SUCCEEDED, 2)


def test_job_that_keeps_killing_its_workers_fails_with_a_sentence(job_does):
    job = jobs.enqueue_job(kind="probe", max_attempts=2)
    let_the_worker_die(job, attempts=2)
    jobs.requeue_dead_jobs()
    job.refresh_from_db()
    assert (job.state, job.error_code) == (Job.State.FAILED, "worker_lost")
    assert "2 times" in job.error_message


def test_dead_workers_job_that_was_to_stop_is_cancelled(job_does):
    job = jobs.enqueue_job(kind="probe")
    let_the_worker_die(job, attempts=1)
    cancel_job(job=job)
    jobs.requeue_dead_jobs()
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED


def test_job_that_was_to_stop_and_met_a_fault_is_cancelled_and_not_tried_again(job_does):
    def work(job):
        cancel_job(job=job.job)
        raise ConnectionError

    job_does(work)
    job = jobs.enqueue_job(kind="probe")
    run_job(job.pk)
    jobs.requeue_dead_jobs()
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED


def test_lost_message_is_sent_again_and_then_more_and_more_rarely(job_does, set_registry):
    set_registry(WAKE_AFTER_SECONDS=30)
    job = jobs.enqueue_job(kind="probe")
    assert jobs.requeue_dead_jobs()["woken"] == 0  # the first message has just gone out

    for age, pause in ((40, 40), (100, 100), (4000, 600)):
        now = timezone.now()
        Job.objects.filter(pk=job.pk).update(run_after=now - timedelta(seconds=age), wake_at=now)
        assert jobs.requeue_dead_jobs()["woken"] == 1
        job.refresh_from_db()
        assert (job.wake_at - now).total_seconds() == pytest.approx(pause, abs=2)


def test_worker_that_is_stopped_in_good_order_hands_its_job_back(job_does):
    def work(job):
        raise SystemExit

    job_does(work)
    job = jobs.enqueue_job(kind="probe")
    with pytest.raises(SystemExit):
        run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.QUEUED, 0)


def test_request_id_goes_with_the_job_and_the_audit(job_does):
    seen = []
    job_does(lambda job: seen.append(current_request_id.get()))
    token = current_request_id.set("abc-123")
    job = jobs.enqueue_job(kind="probe")
    cancelled = jobs.enqueue_job(kind="probe")
    cancel_job(job=cancelled)
    current_request_id.reset(token)
    run_job(job.pk)
    assert seen == ["abc-123"]
    assert AuditEntry.objects.get().request_id == "abc-123"
    assert current_request_id.get() == ""


def test_retry_starts_a_failed_job_anew(job_does, make_user):
    job_does(lambda job: 1 / 0)
    job = jobs.enqueue_job(kind="probe")
    with pytest.raises(JobNotFinishedError):
        retry_job(job=job)
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    with pytest.raises(PermissionDeniedError):
        retry_job(job=job, user=make_user())

    job_does(lambda job: {"ok": True})
    retry_job(job=job, user=make_user("cancel_job"))
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.error_message, job.traceback) == (Job.State.SUCCEEDED, 1, "", "")


# -- jobs with parts ----------------------------------------------------------------------------


def test_scoring_runs_each_shard_once_and_ends_with_the_last(probe, job_does):
    seen = []
    job_does(lambda shard: seen.append(shard["number"]) or 10)
    parent = request_scoring(model_name=MODEL)
    assert parent.state == Job.State.RUNNING
    for n_ended, part in enumerate(parent.shards.order_by("pk"), start=1):
        run_job(part.pk)
        run_job(part.pk)
        parent.refresh_from_db()
        assert parent.progress == pytest.approx(n_ended / 3)
    assert seen == [1, 2, 3]
    assert parent.state == Job.State.SUCCEEDED
    assert [part.result for part in parent.shards.all()] == [{"rows": 10}] * 3


def test_scoring_of_an_empty_shop_ends_at_once(probe, job_does, monkeypatch):
    monkeypatch.setattr(conftest, "shards", list)
    parent = request_scoring(model_name=MODEL)
    assert (parent.state, parent.result) == (Job.State.SUCCEEDED, {"parts": 0})


def test_second_scoring_of_a_model_waits_for_the_first(probe, job_does):
    request_scoring(model_name=MODEL)
    with pytest.raises(ConflictError):
        request_scoring(model_name=MODEL)


def test_failed_part_fails_the_whole_and_only_that_part_is_retried(probe, job_does):
    seen = []

    def work(shard):
        seen.append(shard["number"])
        if seen == [1, 2]:
            raise ValueError
        return 1

    job_does(work)
    parent = request_scoring(model_name=MODEL)
    for part in parent.shards.order_by("pk"):
        run_job(part.pk)
    parent.refresh_from_db()
    assert (parent.state, parent.error_code) == (Job.State.FAILED, "parts_failed")

    retry_job(job=parent)
    for part in parent.shards.order_by("pk"):
        run_job(part.pk)
    parent.refresh_from_db()
    assert parent.state == Job.State.SUCCEEDED
    assert seen == [1, 2, 3, 2]


def test_cancelling_the_whole_cancels_its_parts(probe, job_does):
    parent = request_scoring(model_name=MODEL)
    run_job(parent.shards.order_by("pk")[0].pk)
    cancel_job(job=parent)
    parent.refresh_from_db()
    assert parent.state == Job.State.CANCELLED
    assert parent.shards.filter(state=Job.State.CANCELLED).count() == 2


def test_parent_whose_last_part_ended_unnoticed_is_settled_by_beat(probe, job_does):
    parent = request_scoring(model_name=MODEL)
    parent.shards.update(state=Job.State.SUCCEEDED)
    jobs.requeue_dead_jobs()
    parent.refresh_from_db()
    assert parent.state == Job.State.SUCCEEDED
