"""Celery's entry points; any of them may run twice."""

from celery import shared_task


@shared_task(name="ecomai.commerce.keep_partitions", ignore_result=True)
def keep_partitions() -> None:
    """Make the partitions of this month and the next, and drop those beyond the retention period."""
    from django.utils import timezone

    from .app_settings import app_settings
    from .partitions import add_months, drop_events_before, ensure_months, month_of

    now = timezone.now()
    ensure_months([now, add_months(month_of(now), 1)])
    if app_settings.EVENT_RETENTION_MONTHS:
        drop_events_before(add_months(month_of(now), -app_settings.EVENT_RETENTION_MONTHS))


@shared_task(name="ecomai.commerce.delete_old_rejected", ignore_result=True)
def delete_old_rejected() -> None:
    from .services import delete_old_rejected as delete

    delete()
