"""Celery entry points of fusion."""

from celery import shared_task


@shared_task(name="ecomai.fusion.delete_old_facts", ignore_result=True)
def delete_old_facts() -> int:
    """Let go of facts past their retention; safe to run twice."""
    from .services import delete_old_facts as delete

    return delete()
