"""Celery's entry points of experiments; any of them may run twice."""

from celery import shared_task


@shared_task(name="ecomai.experiments.take_snapshots", ignore_result=True)
def take_snapshots() -> None:
    """Count what is new of all running experiments."""
    from .services import take_snapshots as take

    take()


@shared_task(name="ecomai.experiments.recount", ignore_result=True)
def recount() -> None:
    """Count from the beginning, so that late events and erasures are heeded, and forget old exposures."""
    from .services import delete_old_exposures, take_snapshots

    take_snapshots(is_recount=True)
    delete_old_exposures()
