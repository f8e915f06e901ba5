"""Celery's entry points of the console."""

from celery import shared_task


@shared_task(name="ecomai.console.beat_queue", ignore_result=True)
def beat_queue(queue: str) -> None:
    """Leave a sign of life of the queue that carried this message."""
    from .services import record_heartbeat

    record_heartbeat(queue=queue)


@shared_task(name="ecomai.console.compute_quality", ignore_result=True)
def compute_quality() -> None:
    """Ask for a data quality report; the work is a job, so a killed worker loses nothing."""
    from .services import request_quality_report

    request_quality_report()


@shared_task(name="ecomai.console.evaluate_alerts", ignore_result=True)
def evaluate_alerts() -> None:
    """Look at the rules of alerts; what is to be said is sent by jobs, one for each address."""
    from .alerting import evaluate_alerts

    evaluate_alerts()
