"""Off switches, and retraining by the clock."""

import json
import time

import pytest
from django.core.management import call_command
from django_celery_beat.models import PeriodicTask

from ecomai import capabilities
from ecomai.exceptions import InvalidInputError, NotFoundError, PermissionDeniedError
from ecomai.registry import receivers, selectors
from ecomai.registry.models import AuditEntry, ScenarioSwitch, TrainingRun, TrainingSchedule
from ecomai.registry.overviews import model_overview
from ecomai.registry.services import request_training, schedule_training, switch_scenario
from ecomai.registry.tasks import run_scheduled_training

from .conftest import MODEL

pytestmark = pytest.mark.django_db


def test_scenario_is_on_unless_its_switch_or_the_one_for_all_is_off(probe):
    assert selectors.is_scenario_on("probe")
    switch_scenario(name="probe", is_on=False)
    assert not selectors.is_scenario_on("probe")
    assert selectors.is_scenario_on("another")
    switch_scenario(name="probe", is_on=True)
    switch_scenario(name="", is_on=False)
    assert not selectors.is_scenario_on("probe")
    assert not selectors.is_scenario_on("another")


def test_switch_needs_the_permission_and_a_known_scenario(probe, make_user):
    with pytest.raises(PermissionDeniedError):
        switch_scenario(name="probe", is_on=False, user=make_user("request_training"))
    with pytest.raises(NotFoundError):
        switch_scenario(name="unknown", is_on=False)
    switch_scenario(name="probe", is_on=False, user=make_user("change_scenarioswitch"))
    assert AuditEntry.objects.get().action == "switch_off"


@pytest.mark.django_db(transaction=True)
def test_switch_of_another_process_holds_within_a_second_and_costs_no_query_in_between(
    probe, django_assert_num_queries
):
    assert selectors.is_scenario_on("probe")
    with django_assert_num_queries(0):
        assert selectors.is_scenario_on("probe")
    ScenarioSwitch.objects.create(scenario_name="probe", is_on=False)  # as another process writes it
    time.sleep(1)
    assert not selectors.is_scenario_on("probe")


def test_capability_of_a_scenario_that_is_off_says_so(probe, without_support_bot):
    from dataclasses import replace

    from ecomai import scenarios

    known = scenarios.get_scenario("probe")
    scenarios.unregister("probe")
    path = f"{capabilities.NullMessageSender.__module__}.NullMessageSender"
    scenarios.register(replace(known, capabilities={"MessageSender": path}))
    switch_scenario(name="probe", is_on=False)
    sender = capabilities.get(capabilities.MessageSender)
    receipt = sender.send(customer_id="1", channel="mail", subject="x", body="x", purpose="x")
    assert receipt.unavailable.reason == "switched_off"


# -- schedules ----------------------------------------------------------------------------------


def test_schedule_is_an_entry_of_beat_that_names_the_task_and_the_model(probe):
    schedule_training(model_name=MODEL, crontab="30 4 * * 1-5")
    task = PeriodicTask.objects.get(task="ecomai.registry.run_scheduled_training")
    assert json.loads(task.kwargs) == {"model_name": MODEL}
    assert (task.crontab.minute, task.crontab.hour, task.crontab.day_of_week) == ("30", "4", "1-5")
    assert model_overview(MODEL).crontab == "30 4 * * 1-5"


def test_second_schedule_replaces_the_first_and_none_removes_it(probe):
    schedule_training(model_name=MODEL, crontab="0 3 * * *")
    schedule_training(model_name=MODEL, crontab="0 4 * * *")
    assert TrainingSchedule.objects.count() == 1
    assert model_overview(MODEL).crontab == "0 4 * * *"
    schedule_training(model_name=MODEL, crontab=None)
    assert not TrainingSchedule.objects.exists()
    assert not PeriodicTask.objects.filter(task="ecomai.registry.run_scheduled_training").exists()
    assert model_overview(MODEL).crontab == ""


@pytest.mark.parametrize("line", ["", "3 * * *", "61 * * * *", "* * 0 * *", "a b c d e", "* * * * * *"])
def test_unreadable_schedule_is_refused_with_a_reason(probe, line):
    from ecomai.registry.services.schedules import parse_crontab

    with pytest.raises(InvalidInputError):
        parse_crontab(line)


def test_schedule_needs_the_permission(probe, make_user):
    with pytest.raises(PermissionDeniedError):
        schedule_training(model_name=MODEL, crontab="0 3 * * *", user=make_user("request_training"))


def test_clock_requests_a_training_once_however_often_it_ticks(training_does):
    run_scheduled_training(MODEL)
    run_scheduled_training(MODEL)
    run = TrainingRun.objects.get()
    assert run.is_scheduled
    assert AuditEntry.objects.get(action="request_training").actor_label == "schedule"


def test_clock_is_silent_for_a_model_that_is_gone_or_switched_off(training_does):
    run_scheduled_training("gone.model")
    switch_scenario(name="probe", is_on=False)
    run_scheduled_training(MODEL)
    assert not TrainingRun.objects.exists()
    request_training(model_name=MODEL)  # a person still may


def test_beat_entries_exist_after_migrate_and_keep_what_an_admin_changed():
    assert PeriodicTask.objects.filter(name=receivers.REQUEUE, enabled=True).count() == 1
    assert PeriodicTask.objects.filter(name=receivers.CLEAN_UP, enabled=True).count() == 1
    PeriodicTask.objects.filter(name=receivers.CLEAN_UP).update(enabled=False)
    call_command("migrate", "ecomai_registry", verbosity=0)
    assert not PeriodicTask.objects.get(name=receivers.CLEAN_UP).enabled
