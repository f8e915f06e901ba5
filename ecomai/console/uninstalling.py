"""Taking the plugin out of a shop's database: our tables and rows go, and nothing else is touched."""

from collections.abc import Callable

from django.apps import apps
from django.contrib.auth.models import Group
from django.core.management import call_command
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from .models import ReadyGroup

PREFIX = "ecomai"


def uninstall(*, report: Callable[[str], object] = lambda line: None) -> None:
    """Delete the ready-made groups, our tables and our entries of beat. Stop workers and beat before."""
    groups = Group.objects.filter(pk__in=ReadyGroup.objects.values("group"))
    report(f"{groups.count()} groups are deleted.")
    groups.delete()
    for label in our_labels():
        report(f"The tables of {label} are dropped.")
        call_command("migrate", label, "zero", verbosity=0, interactive=False)
    tasks = PeriodicTask.objects.filter(task__startswith=f"{PREFIX}.")
    report(f"{tasks.count()} entries of beat are deleted.")
    # Each migrate makes the entries anew, so they go last; a plain delete would ask tables that are gone.
    tasks._raw_delete(tasks.db)
    PeriodicTasks.update_changed()


def our_labels() -> list[str]:
    """Labels of our installed apps, those that are built on others first."""
    labels = [config.label for config in apps.get_app_configs() if config.label.startswith(f"{PREFIX}_")]
    return labels[::-1]
