"""Celery's entry points: they wake up, read the row, and do what it says. Any of them may run twice."""

from celery import shared_task

from . import jobs


@shared_task(name="ecomai.registry.run_job", ignore_result=True)
def run_job(job_id: int) -> None:
    jobs.execute_job(job_id)


@shared_task(name="ecomai.registry.run_training", ignore_result=True)
def run_training(run_id: int) -> None:
    from .models import TrainingRun

    run = TrainingRun.objects.filter(pk=run_id).only("job_id").first()
    if run is not None:
        jobs.execute_job(run.job_id)


@shared_task(name="ecomai.registry.requeue_dead_jobs", ignore_result=True)
def requeue_dead_jobs() -> None:
    jobs.requeue_dead_jobs()


@shared_task(name="ecomai.registry.run_scheduled_training", ignore_result=True)
def run_scheduled_training(model_name: str) -> None:
    from .services import request_scheduled_training

    request_scheduled_training(model_name=model_name)


@shared_task(name="ecomai.registry.delete_old_artifacts", ignore_result=True)
def delete_old_artifacts() -> None:
    from .retention import delete_old_artifacts as delete

    delete()


@shared_task(name="ecomai.registry.seal_audit_log", ignore_result=True)
def seal_audit_log() -> None:
    from .audit_chain import seal_audit_log as seal

    seal()
