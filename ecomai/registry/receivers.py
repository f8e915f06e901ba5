"""What the registry does when something happened elsewhere."""

from typing import Any

from django.db import connections
from django.utils.translation import gettext_noop

from .app_settings import registry_settings

REQUEUE = "ecomai: take up jobs of dead workers"
CLEAN_UP = "ecomai: delete old artifacts"
SEAL = "ecomai: seal the audit log"


def create_beat_entries(*, using: str, **kwargs: Any) -> None:
    """Give beat its entries once; what an admin changes or disables afterwards stays as it is."""
    from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

    if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
        return
    tasks = PeriodicTask.objects.using(using)
    if not tasks.filter(name=REQUEUE).exists():
        interval, _created = IntervalSchedule.objects.using(using).get_or_create(
            every=registry_settings.REQUEUE_INTERVAL_SECONDS, period=IntervalSchedule.SECONDS
        )
        tasks.create(
            name=REQUEUE, task="ecomai.registry.requeue_dead_jobs", interval=interval, queue="default",
            expire_seconds=60,
            description=gettext_noop("Without this entry a killed worker's job never ends."),
        )  # fmt: skip
    if not tasks.filter(name=CLEAN_UP).exists():
        clock, _created = CrontabSchedule.objects.using(using).get_or_create(
            minute="17", hour="4", day_of_month="*", month_of_year="*", day_of_week="*", timezone="UTC"
        )
        tasks.create(
            name=CLEAN_UP, task="ecomai.registry.delete_old_artifacts", crontab=clock, queue="default",
            description=gettext_noop("Keeps what serves or may be rolled back to, and the newest."),
        )  # fmt: skip
    if not tasks.filter(name=SEAL).exists():
        minute, _created = IntervalSchedule.objects.using(using).get_or_create(
            every=1, period=IntervalSchedule.MINUTES
        )
        tasks.create(
            name=SEAL, task="ecomai.registry.seal_audit_log", interval=minute, queue="default",
            expire_seconds=60,
            description=gettext_noop("Without this entry changes of the audit log would not be found out."),
        )  # fmt: skip
