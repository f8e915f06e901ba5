"""Celery's entry points of this scenario. Each is safe to run twice."""

from celery import shared_task


@shared_task(name="ecomai.risk.perform_order_acts", ignore_result=True)
def perform_order_acts() -> None:
    from .services.order_acts import perform_order_acts

    perform_order_acts()


@shared_task(name="ecomai.risk.open_learning_cases", ignore_result=True)
def open_learning_cases() -> None:
    from .services.learning_cases import open_learning_cases

    open_learning_cases()


@shared_task(name="ecomai.risk.refresh_fairness", ignore_result=True)
def refresh_fairness() -> None:
    from .services.fairness import refresh_fairness

    refresh_fairness()


@shared_task(name="ecomai.risk.count_rule_hits", ignore_result=True)
def count_rule_hits() -> None:
    from .services.rule_counts import count_rule_hits

    count_rule_hits()


@shared_task(name="ecomai.risk.forget_old_assessments", ignore_result=True)
def forget_old_assessments() -> None:
    from .services.retention import forget_old_assessments

    forget_old_assessments()


@shared_task(name="ecomai.risk.mail_answer", ignore_result=True)
def mail_answer(appeal_id: int) -> None:
    from .models import Appeal
    from .services.appeals import mail_answer

    appeal = Appeal.objects.select_related("assessment").filter(pk=appeal_id).first()
    if appeal is not None:  # else the customer was erased meanwhile
        mail_answer(appeal)
