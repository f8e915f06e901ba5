"""What experiments do when something happened elsewhere."""

from typing import Any

from django.db import connections
from django.utils.translation import gettext_noop

from .app_settings import app_settings

SNAPSHOTS = "ecomai: results of experiments"
RECOUNT = "ecomai: experiments counted anew"


def create_beat_entries(*, using: str, **kwargs: Any) -> None:
    """Give beat its entries once; what an admin changes or disables afterwards stays as it is."""
    from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

    if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
        return
    tasks = PeriodicTask.objects.using(using)
    if not tasks.filter(name=SNAPSHOTS).exists():
        every = app_settings.SNAPSHOT_INTERVAL_SECONDS
        interval, _created = IntervalSchedule.objects.using(using).get_or_create(
            every=every, period=IntervalSchedule.SECONDS
        )
        tasks.create(
            name=SNAPSHOTS, task="ecomai.experiments.take_snapshots", interval=interval, queue="default",
            expire_seconds=every,
            description=gettext_noop("Counts what is new, so that reports and alarms are current."),
        )  # fmt: skip
    if not tasks.filter(name=RECOUNT).exists():
        clock, _created = CrontabSchedule.objects.using(using).get_or_create(
            minute="11", hour="3", day_of_month="*", month_of_year="*", day_of_week="*", timezone="UTC"
        )
        tasks.create(
            name=RECOUNT, task="ecomai.experiments.recount", crontab=clock, queue="default",
            description=gettext_noop("Heeds events that came late, and forgets who saw what long ago."),
        )  # fmt: skip
