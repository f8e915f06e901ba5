"""Checks, tasks, entries of beat, metrics of a host's own."""

import pytest
from django_celery_beat.models import PeriodicTask

from ecomai.exceptions import NotFoundError
from ecomai.experiments import metrics, tasks
from ecomai.experiments.checks import check_settings
from ecomai.experiments.models import Snapshot


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"ALPAH": 0.1}, "ecomai_experiments.W001"),
        ({"ALPHA": 0}, "ecomai_experiments.E001"),
        ({"POWER": "much"}, "ecomai_experiments.E001"),
        ({"MIN_UNITS_PER_ARM": 0}, "ecomai_experiments.E002"),
    ],
)
def test_wrong_settings_are_found(settings, given, code):
    assert check_settings() == []
    settings.ECOMAI = {**settings.ECOMAI, "EXPERIMENTS": given}
    assert [message.id for message in check_settings()] == [code]


@pytest.mark.django_db
def test_tasks_may_run_twice(experiment):
    for task in (tasks.take_snapshots, tasks.take_snapshots, tasks.recount, tasks.recount):
        task()
    assert Snapshot.objects.filter(experiment=experiment).count() in (
        1,
        2,
    )  # two where an hour ended meanwhile


@pytest.mark.django_db
def test_beat_has_the_entries():
    found = PeriodicTask.objects.filter(task__startswith="ecomai.experiments.")
    assert set(found.values_list("task", flat=True)) == {
        "ecomai.experiments.take_snapshots", "ecomai.experiments.recount",
    }  # fmt: skip


def test_host_may_add_a_metric():
    spec = metrics.MetricSpec(
        name="chats", verbose_name="chats", description="", event_types=frozenset({"chat"}), reading="events"
    )
    metrics.register_metric(spec)
    assert metrics.get_metric("chats") is spec
    assert ("chats", "chats") in metrics.choices()
    metrics.unregister_metric("chats")
    with pytest.raises(NotFoundError, match="no metric called “chats”"):
        metrics.get_metric("chats")
