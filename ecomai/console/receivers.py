"""What the console does when something happened elsewhere."""

from typing import Any

from django.db import connections
from django.utils.translation import gettext_noop

from .app_settings import app_settings
from .selectors import queue_names
from .services import request_quality_report

HEARTBEAT = "ecomai: sign of life of queue {queue}"
QUALITY = "ecomai: data quality report"
ALERTS = "ecomai: look at alert rules"


def renew_quality_report(**kwargs: Any) -> None:
    """Look at what an import brought, so that the first report is there without anyone asking for it."""
    request_quality_report()


def create_beat_entries(*, using: str, **kwargs: Any) -> None:
    """Give beat its entries once; what an admin changes or disables afterwards stays as it is."""
    from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

    if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
        return
    tasks = PeriodicTask.objects.using(using)
    every = app_settings.HEARTBEAT_INTERVAL_SECONDS
    for queue in queue_names():
        name = HEARTBEAT.format(queue=queue)
        if tasks.filter(name=name).exists():
            continue
        interval, _created = IntervalSchedule.objects.using(using).get_or_create(
            every=every, period=IntervalSchedule.SECONDS
        )
        # Messages that nobody took in time say nothing later, so they do not pile up.
        tasks.create(
            name=name, task="ecomai.console.beat_queue", args=f'["{queue}"]', queue=queue, interval=interval,
            expire_seconds=every * 2,
            description=gettext_noop("Health and console see by it whether a worker serves the queue."),
        )  # fmt: skip
    if not tasks.filter(name=QUALITY).exists():
        clock, _created = CrontabSchedule.objects.using(using).get_or_create(
            minute="41", hour="3", day_of_month="*", month_of_year="*", day_of_week="*", timezone="UTC"
        )
        tasks.create(
            name=QUALITY, task="ecomai.console.compute_quality", crontab=clock, queue="default",
            description=gettext_noop("Looks for what is wrong with the shop's data."),
        )  # fmt: skip
    if not tasks.filter(name=ALERTS).exists():
        seconds = app_settings.ALERT_INTERVAL_SECONDS
        interval, _created = IntervalSchedule.objects.using(using).get_or_create(
            every=seconds, period=IntervalSchedule.SECONDS
        )
        tasks.create(
            name=ALERTS, task="ecomai.console.evaluate_alerts", interval=interval, queue="default",
            expire_seconds=seconds * 2,
            description=gettext_noop("Without this entry no alert is sent."),
        )  # fmt: skip
