"""A backup brings the shop back; files that are missing or older than the database do no harm."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ecomai.console import health
from ecomai.registry.services import promote_version
from ecomai.serving import live
from ecomai_project.embedded.places import Places
from recommendations.services import recommend

from .documented import ROOT, commands_below, require_success, run_commands

NEXT_ITEM = "recommendations.next_item"


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.services
def test_a_restored_backup_serves_the_same_and_does_what_was_queued(restored, asked):
    (check,) = commands_below("Check it")
    checked = require_success(run_commands(check, restored.environment))
    assert "No migrations to apply." in checked
    assert "The files of all 2 versions are whole." in checked

    ask = f"python -m tests.faults.probe {asked.key} anna"
    seen = json.loads(require_success(run_commands(ask, restored.environment)).splitlines()[-1])
    assert seen["status"] == 200, seen["answer"]
    answer = seen["answer"]
    assert (answer["source"], answer["model"], answer["model_version"]) == ("model", NEXT_ITEM, 1)
    assert [pick["item"] for pick in answer["items"]] == asked.item_ids
    assert [pick["score"] for pick in answer["items"]] == pytest.approx(asked.scores, abs=1e-5)
    assert seen["taken_up"] == {"requeued": 1, "woken": 2}
    assert seen["n_messages"] == 2
    assert seen["jobs"] == [["succeeded", 1], ["succeeded", 2]]


def test_the_embedded_database_is_found_as_documented():
    find_database, _find_programs = commands_below("Backup and restore")[1].splitlines()
    printed = require_success(run_commands(f'{find_database}\necho "$SHOP_DATABASE"', {}))
    assert printed.strip() == Places(ROOT / "var").database_url()


def verify(*arguments):
    out = StringIO()
    call_command("ecomai_verify_artifacts", *arguments, stdout=out)
    return out.getvalue()


def failed_verification(*arguments):
    out = StringIO()
    with pytest.raises(CommandError) as raised:
        call_command("ecomai_verify_artifacts", *arguments, stdout=out)
    return out.getvalue(), str(raised.value)


@pytest.mark.django_db
def test_files_older_than_the_database_are_named_and_an_earlier_version_serves(
    anna, live_models, register, lose_files
):
    newest = register("next_item", number=2)
    promote_version(version=newest)
    lose_files(newest)
    live.forget()

    text, summary = failed_verification()
    assert summary == "The files of 1 of 3 versions are damaged or missing."
    assert f"{NEXT_ITEM} v2 (live): The stored files of {NEXT_ITEM} v2 are damaged or missing" in text
    assert f"At once: manage.py ecomai_promote {NEXT_ITEM} --number 1 serves version 1." in text

    answer = recommend(customer=anna, n=3)
    assert (answer.source, answer.is_fallback) == ("similar", True)
    (fault,) = live.faults()
    assert (fault.model_name, fault.version_number) == (NEXT_ITEM, 2)
    assert "manifest.json is missing" in fault.message

    call_command("ecomai_promote", NEXT_ITEM, "--number", "1", stdout=StringIO())
    live.refresh()
    assert recommend(customer=anna, n=3).model_version == 1
    assert live.faults() == []


@pytest.mark.django_db
def test_without_any_files_popular_items_answer_and_health_names_the_models(anna, live_models, lose_files):
    for version in live_models.values():
        lose_files(version)
    live.forget()
    answer = recommend(customer=anna, n=3)
    assert (answer.source, answer.is_fallback, len(answer.picks)) == ("popular", True, 3)
    models = health.run_checks().checks["models"]
    assert models.state == "failed"
    assert "manifest.json is missing" in models.details[NEXT_ITEM]["fault"]
    text, _summary = failed_verification(NEXT_ITEM)
    assert f"No earlier version is whole: manage.py ecomai_train {NEXT_ITEM}" in text


@pytest.mark.django_db
def test_files_that_are_put_back_are_served_without_a_restart(
    anna, live_models, lose_files, registry_folder, artifacts, settings
):
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": {"POLL_SECONDS": 0.0, "RETRY_SECONDS": 0.0}}
    version = live_models["next_item"]
    place = registry_folder / "artifacts" / version.artifact_path
    kept = place.rename(registry_folder / "kept")
    place.mkdir()
    lose_files(version)
    live.forget()
    assert recommend(customer=anna, n=3).is_fallback
    kept.rename(place)
    live.refresh()
    assert recommend(customer=anna, n=3).source == "model"
    assert verify(NEXT_ITEM).endswith("The files of all 1 versions are whole.\n")


@pytest.mark.django_db
def test_an_empty_shop_has_nothing_to_verify(registry_folder):
    assert verify() == "The files of all 0 versions are whole.\n"
