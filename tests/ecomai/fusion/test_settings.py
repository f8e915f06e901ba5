import pytest
from django_celery_beat.models import PeriodicTask

from ecomai.fusion.checks import check_settings
from ecomai.fusion.receivers import create_beat_entries


def ids(settings, **values):
    # A shop that has said where consent comes from; without it there is a warning besides.
    settings.ECOMAI = {"COMMERCE": {"TRACKER_CONSENT": "wait"}, "FUSION": values}
    return [message.id for message in check_settings()]


def test_the_defaults_are_right(settings):
    assert ids(settings) == []


def test_a_misspelt_setting_is_named(settings):
    assert ids(settings, DEFAULT_CONSENTS={}) == ["ecomai_fusion.W001"]


def test_defaults_of_consent_are_true_or_false_by_purpose(settings):
    assert ids(settings, DEFAULT_CONSENT={"newsletter": "no"}) == ["ecomai_fusion.E001"]
    assert ids(settings, DEFAULT_CONSENT=["newsletter"]) == ["ecomai_fusion.E001"]


def test_bounds_are_at_least_one(settings):
    assert ids(settings, FACT_BATCH_SIZE=0, EXPORT_EVENT_LIMIT="many") == ["ecomai_fusion.E002"] * 2


@pytest.mark.django_db
def test_beat_gets_its_entry_once_and_an_admins_change_stays():
    task = PeriodicTask.objects.get(task="ecomai.fusion.delete_old_facts")
    PeriodicTask.objects.filter(pk=task.pk).update(enabled=False)
    create_beat_entries(using="default")
    assert [entry.enabled for entry in PeriodicTask.objects.filter(task=task.task)] == [False]
