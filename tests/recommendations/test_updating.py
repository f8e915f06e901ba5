"""Trainings that go on from the live version, and when they begin anew instead."""

import shutil
import uuid
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone
from safetensors.numpy import load_file

from ecomai.commerce.models import Customer, Event, Item
from ecomai.registry.artifacts import open_artifact, store_artifact
from ecomai.registry.jobs import RunningJob, execute_job, take_lease
from ecomai.registry.leases import Heartbeat
from ecomai.registry.models import ModelVersion, TrainingRun, TrainingSchedule
from ecomai.registry.runs import Run
from ecomai.registry.services import cancel_training, go_live, judge, promote_version, request_training
from ecomai.serving import live
from recommendations import scenario
from recommendations.services import recommend
from recommendations.training import next_item as training
from recommendations.training import updating

from .test_training import ENOUGH, N_EACH, SMALL, make_history

MODEL = "recommendations.next_item"


@pytest.fixture
def items(db, settings, registry_folder):
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": ENOUGH}
    return make_history()


def train(**hyperparameters) -> TrainingRun:
    import torch

    torch.set_num_threads(1)
    run = request_training(model_name=MODEL, hyperparameters={**SMALL, **hyperparameters}, random_state=3)
    execute_job(run.job_id)
    return TrainingRun.objects.select_related("job", "version").get(pk=run.pk)


@pytest.fixture
def first(items) -> ModelVersion:
    """The live version, from before what is new."""
    run = train()
    assert run.job.state == "succeeded", run.job.traceback
    promote_version(version=run.version)
    return run.version


def add_walks(items: list[Item], n: int = 200, days_ago: float = 3.0) -> None:
    """New people walk through the last kind of items, and then to an item that is new to the shop."""
    new = Item.objects.create(external_id="new", title="kind5 thing quite new", category_path="Kind 5")
    walk = [*items[-N_EACH:], new]
    people = Customer.objects.bulk_create(Customer(external_id=f"new-{number}") for number in range(n))
    begin = timezone.now() - timedelta(days=days_ago)
    Event.objects.bulk_create(
        Event(
            key=uuid.uuid4(), type="view", customer=person, item=item,
            occurred_at=begin + timedelta(minutes=5 * number + 1 * step),
        )
        for number, person in enumerate(people)
        for step, item in enumerate(walk)
    )  # fmt: skip


def items_of(version: ModelVersion) -> dict[str, np.ndarray]:
    import json

    folder: Path = open_artifact(version)
    vectors = load_file(folder / "items.safetensors")["item_vectors"]
    return dict(zip(json.loads((folder / "items.json").read_text()), vectors, strict=True))


def change(before: ModelVersion, after: ModelVersion) -> float:
    """How far the items of one version lie from those of another, as a share of their length."""
    old, new = items_of(before), items_of(after)
    moves = [np.linalg.norm(new[key] - old[key]) / np.linalg.norm(old[key]) for key in old if key in new]
    return float(np.median(moves))


def test_an_update_goes_on_from_the_live_version_and_learns_what_is_new(first, items):
    add_walks(items)
    run = train(is_update=True)
    assert run.job.state == "succeeded", run.job.traceback
    version, card = run.version, run.version.card["update"]
    assert (card["from_version"], card["n_updates"]) == (1, 1)
    assert card["n_new_histories"] >= card["n_replayed_histories"] > 0
    assert version.card["learned_until"] > first.card["learned_until"]
    assert version.card["encoder_key"] == first.card["encoder_key"]
    assert version.live_metrics["ndcg@10"] < version.metrics["ndcg@10"]
    assert 0 < change(first, version) < 0.5 < change(first, train(is_update=False).version)
    promote_version(version=version)
    go_live(model_name=MODEL)
    live.refresh()
    known = [item.external_id for item in items[-N_EACH:]]
    answer = recommend(basket=known, n=20, time_budget_seconds=30, is_kept=False)
    assert answer.source == "model"
    assert "new" in [pick.item.external_id for pick in answer.picks]
    live.forget()


def test_an_update_of_an_update_counts_and_an_item_that_left_does_no_harm(first, items):
    add_walks(items)
    second = train(is_update=True).version
    promote_version(version=second)
    items[0].delete()
    begin = timezone.now() - timedelta(hours=20)
    person = Customer.objects.create(external_id="last")
    for step, item in enumerate(items[6:12] * 40):
        Event.objects.create(
            key=uuid.uuid4(),
            type="view",
            customer=person,
            item=item,
            occurred_at=begin + timedelta(minutes=step),
        )
    run = train(is_update=True)
    assert run.job.state == "succeeded", run.job.traceback
    assert run.version.card["update"]["n_updates"] == 2
    assert str(items[0].pk) not in items_of(run.version)
    assert change(second, run.version) < 0.5


def test_forgetting_is_measured_on_people_that_no_version_learned_from(first, items):
    add_walks(items)
    run = asked(is_ended=False)
    start = updating.find_start(run)
    material = training.prepare(run, start=start)
    held_back = updating.old_test(material.dataset, start, material.test_start, random_state=run.random_state)
    assert len(held_back.users) >= 10
    assert len(held_back.cases) > 0
    learned = training._update(run, material, start)
    assert learned.old_test is not None
    assert set(held_back.users) == set(learned.old_test.users)
    people = learned.card["update"]
    new = updating.new_histories(material.dataset, start.learned_until, material.test_start)
    assert people["n_new_histories"] == len(np.setdiff1d(new, held_back.users))
    assert people["n_held_back"] == len(held_back.users)


def test_an_updates_card_says_what_it_forgot_and_the_gate_asks(first, items):
    add_walks(items)
    version = train(is_update=True).version
    found = version.card["forgetting"]
    assert (found["metric"], found["from_version"]) == ("ndcg@10", 1)
    assert 0 < found["n_cases"] <= 60
    # As many old histories as new ones are replayed, so little of the old habits is lost.
    assert found["after"] > 0.9 * found["before"]
    version.card["forgetting"] = {**found, "n_cases": 40, "before": 0.5, "after": 0.4}
    version.save()
    reasons = judge(version=version).reasons
    assert any("It forgot: on 40 cases from before" in reason for reason in reasons)
    assert not judge(version=version).is_passed


def test_where_nothing_is_new_an_update_says_so(first):
    run = train(is_update=True)
    assert (run.job.state, run.job.error_code) == ("failed", "not_enough_data")
    assert "since the live version learned" in run.job.error_message


def because(run: TrainingRun) -> str:
    assert run.job.state == "succeeded", run.job.traceback
    return run.version.card["update"]["trained_anew_because"]


def test_without_a_version_an_update_is_a_training(items):
    assert because(train(is_update=True)) == "No version serves whose files can be read."


def asked(*, search_minutes: int | None = None, is_ended: bool = True, **hyperparameters) -> Run:
    """A run as its training gets it; only one at a time may go on."""
    row = request_training(
        model_name=MODEL,
        hyperparameters={**SMALL, "is_update": True, **hyperparameters},
        search_minutes=search_minutes,
    )
    job = row.job if is_ended else take_lease(row.job_id)
    run = Run(row, scenario.next_item, RunningJob(job, Heartbeat(job)))
    if is_ended:
        cancel_training(run=row)
    return run


def refusal(run: Run) -> str:
    with pytest.raises(updating.UpdateImpossibleError) as caught:
        updating.find_start(run)
    return str(caught.value)


def test_what_is_not_like_the_live_version_is_trained_anew(first):
    assert refusal(asked(dim=24)) == "The live version was trained with dim 16, not 24."
    assert refusal(asked(has_context=True)) == (
        "The live version was trained with has_context false, not true."
    )
    assert refusal(asked(encoder="auto")) == (
        'The live version was trained with encoder "char_ngram", not "auto".'
    )
    assert "search" in refusal(asked(search_minutes=1))
    # Sizes that nobody asked for are those of the live version.
    usual = scenario.next_item.default_hyperparameters["dim"]
    assert updating.find_start(asked(dim=usual)).model.dim == 16


def test_a_version_from_before_updates_is_no_start(register, artifacts, tmp_path):
    old = shutil.copytree(artifacts["next_item"], tmp_path / "old")
    for name in ("estimator.json", "arrays.safetensors", "network.safetensors"):
        (old / name).unlink()
    promote_version(version=register("next_item", number=7))
    assert refusal(asked()) == "It is not known until when the live version learned."
    stored = store_artifact(old, model_name=MODEL, number=8, kind="next_item")
    version = ModelVersion.objects.create(
        model_name=MODEL, number=8, artifact_path=stored.path, artifact_digest=stored.digest
    )
    promote_version(version=version)
    assert refusal(asked()) == "The live version was stored without a network to go on from."


def test_what_has_seen_the_test_period_is_no_start(first):
    first.card["learned_until"] = timezone.now().isoformat()
    first.save(update_fields=["card"])
    run = asked(is_ended=False)
    with pytest.raises(updating.UpdateImpossibleError, match="learned from events of the test period"):
        training.prepare(run, start=updating.find_start(run))


def test_the_admin_offers_to_update_each_night(admin_client, db):
    page = admin_client.get(reverse("admin:ecomai_registry_model", args=[MODEL])).content.decode()
    assert "Take this schedule" in page
    admin_client.post(reverse("admin:ecomai_registry_model_schedule", args=[MODEL]), {"offered": "1"})
    schedule = TrainingSchedule.objects.get(model_name=MODEL)
    assert schedule.hyperparameters == {"is_update": True}
    page = admin_client.get(reverse("admin:ecomai_registry_model", args=[MODEL])).content.decode()
    assert "Take this schedule" not in page
