"""Celery's entry points of this scenario. Each is safe to run twice."""

from celery import shared_task

from . import services


@shared_task(name="ecomai.recommendations.refresh_popularity", ignore_result=True)
def refresh_popularity() -> None:
    services.refresh_popularity()


@shared_task(name="ecomai.recommendations.forget_old_answers", ignore_result=True)
def forget_old_answers() -> None:
    services.forget_old_answers()


@shared_task(name="ecomai.recommendations.refresh_monitoring", ignore_result=True)
def refresh_monitoring() -> None:
    services.refresh_monitoring()


@shared_task(name="ecomai.recommendations.refresh_drift", ignore_result=True)
def refresh_drift() -> None:
    from .drift import refresh_drift

    refresh_drift()


@shared_task(name="ecomai.recommendations.forget_old_searches", ignore_result=True)
def forget_old_searches() -> None:
    from .services.search import forget_old_searches

    forget_old_searches()


@shared_task(name="ecomai.recommendations.propose_synonyms", ignore_result=True)
def propose_synonyms() -> None:
    from .services.search import propose_synonyms

    propose_synonyms()


@shared_task(name="ecomai.recommendations.refresh_exposure", ignore_result=True)
def refresh_exposure() -> None:
    from .exploring import learn_explorations
    from .services.exposure import refresh_exposure

    refresh_exposure()
    learn_explorations()
