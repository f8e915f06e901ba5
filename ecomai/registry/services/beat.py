"""What beat is given by a scenario."""

from collections.abc import Mapping

from django.db import connections

#: An hour's work that nobody took in time is done by the next hour's; what comes once a day waits.
HOURLY_EXPIRES_SECONDS = 3600


def add_beat_entries(scenario: str, entries: Mapping[str, tuple[str, str, str]], *, using: str) -> None:
    """Give beat the entries of a scenario once; what a shop changes or disables afterwards stays as it is.

    `entries` are name -> task (below `ecomai.<scenario>.`), minute and hour in crontab's notation, UTC.
    Does nothing where beat has no tables yet.
    """
    from django_celery_beat.models import CrontabSchedule, PeriodicTask

    if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
        return
    tasks = PeriodicTask.objects.using(using)
    for name, (task, minute, hour) in entries.items():
        if tasks.filter(name=name).exists():
            continue
        clock, _created = CrontabSchedule.objects.using(using).get_or_create(
            minute=minute, hour=hour, day_of_week="*", day_of_month="*", month_of_year="*", timezone="UTC"
        )
        tasks.create(
            name=name, task=f"ecomai.{scenario}.{task}", crontab=clock, queue="default",
            expire_seconds=HOURLY_EXPIRES_SECONDS if hour == "*" else None,
        )  # fmt: skip
