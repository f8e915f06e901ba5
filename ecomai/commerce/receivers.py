"""What the shop's data does when something happened elsewhere."""

from typing import Any

from django.db import connections
from django.utils.translation import gettext_noop

ENTRIES = (
    (
        "7",
        "ecomai: months of events",
        "ecomai.commerce.keep_partitions",
        gettext_noop("Makes room for next month, drops what is beyond the retention period."),
    ),
    (
        "11",
        "ecomai: old rejected rows",
        "ecomai.commerce.delete_old_rejected",
        gettext_noop("Rejected rows may name customers; they are not kept for ever."),
    ),
)


def create_beat_entries(*, using: str, **kwargs: Any) -> None:
    """Give beat its entries once; what an admin changes or disables afterwards stays as it is."""
    from django_celery_beat.models import CrontabSchedule, PeriodicTask

    if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
        return
    tasks = PeriodicTask.objects.using(using)
    for minute, name, task, description in ENTRIES:
        if tasks.filter(name=name).exists():
            continue
        clock, _created = CrontabSchedule.objects.using(using).get_or_create(
            minute=minute, hour="3", day_of_month="*", month_of_year="*", day_of_week="*", timezone="UTC"
        )
        tasks.create(name=name, task=task, crontab=clock, queue="default", description=description)
