"""Celery's entry points of this scenario. Each is safe to run twice."""

from celery import shared_task

from . import services


@shared_task(name="ecomai.recommendations.refresh_popularity", ignore_result=True)
def refresh_popularity() -> None:
    services.refresh_popularity()


@shared_task(name="ecomai.recommendations.forget_old_answers", ignore_result=True)
def forget_old_answers() -> None:
    services.forget_old_answers()
