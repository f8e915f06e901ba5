"""A training from the request to a judged version, in this process."""

import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from ecomai.commerce.models import Customer, Event, Item
from ecomai.fusion.models import EntityVector
from ecomai.registry.artifacts import open_artifact
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import ModelDeployment, TrainingRun
from ecomai.registry.services import (
    go_live,
    promote_version,
    request_scoring,
    request_training,
    retry_training,
)
from ecomai.serving import live
from ecomai.serving.predictors import load_predictor
from recommendations import scoring
from recommendations.benchmarks import faithfulness
from recommendations.models import BatchRecommendation
from recommendations.past import read_past
from recommendations.services import recommend
from recommendations.training import next_item as training

N_KINDS, N_EACH, N_PEOPLE = 6, 6, 400
SMALL = {"dim": 16, "n_layers": 1, "max_epochs": 5, "batch_size": 32, "encoder": "char_ngram"}
ENOUGH = {"MIN_INTERACTIONS": 100, "MIN_CUSTOMERS": 10, "MIN_ITEMS": 5}


def make_history():
    """Four hundred people over sixty days, each walking through one kind of items in order."""
    items = Item.objects.bulk_create(
        Item(external_id=f"{kind}-{step}", title=f"kind{kind} thing {step}", category_path=f"Kind {kind}")
        for kind in range(N_KINDS)
        for step in range(N_EACH)
    )
    people = Customer.objects.bulk_create(Customer(external_id=f"person-{n}") for n in range(N_PEOPLE))
    rng = np.random.default_rng(5)
    begin = timezone.now() - timedelta(days=60)
    Event.objects.bulk_create(
        Event(
            key=uuid.uuid4(), type="view", customer=person, item=items[kind * N_EACH + step],
            occurred_at=begin + timedelta(days=float(first) + 0.5 * step),
        )
        for person in people
        for kind, first in [(int(rng.integers(N_KINDS)), rng.uniform(0, 56))]
        for step in range(N_EACH)
    )  # fmt: skip
    return items


@pytest.fixture
def history(db):
    return make_history()


@pytest.fixture
def enough(settings, registry_folder):
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": ENOUGH}


def train(name="next_item", **hyperparameters):
    import torch

    torch.set_num_threads(1)
    run = request_training(
        model_name=f"recommendations.{name}", hyperparameters=hyperparameters or None, random_state=3
    )
    execute_job(run.job_id)
    return TrainingRun.objects.select_related("job", "version").get(pk=run.pk)


def test_a_training_learns_judges_and_registers(history, enough):
    run = train(**SMALL)
    assert run.job.state == "succeeded", run.job.traceback
    version = run.version
    assert version.metrics["ndcg@10"] > 2 * version.baseline_metrics["ndcg@10"]
    assert version.live_metrics == {}
    assert version.window_end <= run.cutoff
    assert set(version.card["peers"]) == {"item_item"}
    assert version.card["encoder_key"].startswith("recommendations:char_ngram")
    assert "returning_customers" in version.group_metrics or "new_customers" in version.group_metrics
    assert run.curve.filter(name="loss").exists()
    assert EntityVector.objects.filter(encoder=version.card["encoder_key"]).count() == N_KINDS * N_EACH

    # The same data and seed give the same model, and it is judged against the one that serves.
    promote_version(version=version)
    again = train(**SMALL).version
    assert again.data_fingerprint == version.data_fingerprint
    assert again.metrics == pytest.approx(version.metrics)
    assert again.live_metrics == pytest.approx(version.metrics)

    # Batch scoring writes each customer once, and goes on where it was.
    parent = request_scoring(model_name="recommendations.next_item")
    for job in parent.shards.all():
        execute_job(job.pk)
    assert BatchRecommendation.objects.count() == N_PEOPLE
    shard = {**parent.shards.get().arguments["shard"]}
    BatchRecommendation.objects.filter(customer__external_id="person-1").delete()
    assert scoring.score_shard(shard) == 1
    assert scoring.score_shard(shard) == 0
    row = BatchRecommendation.objects.get(customer__external_id="person-1")
    assert row.model_version == version
    # All items but the six that this customer looked at.
    assert len(row.item_keys) == len(set(row.item_keys)) == (N_KINDS - 1) * N_EACH
    live.forget()


def test_neighbours_serve_beside_the_network_as_far_as_validation_cases_say(history, enough):
    """A network that learned nothing leaves the ranking to what people take together."""
    version = train(**SMALL | {"max_epochs": 1, "learning_rate": 1e-6}).version
    blend = version.card["blend"]
    tried = {float(weight): ndcg for weight, ndcg in blend["valid_ndcg@10_by_weight"].items()}
    assert blend["neighbour_weight"] > 0
    assert tried[blend["neighbour_weight"]] == max(tried.values()) > tried[0.0]
    assert version.metrics["ndcg@10"] > 0.5 * version.card["peers"]["item_item"]["ndcg@10"]
    assert load_predictor(open_artifact(version)).neighbour_weight == blend["neighbour_weight"]


def test_types_and_times_are_learned_answered_with_and_scored_with(history, enough):
    run = train(**SMALL, has_context=True)
    assert run.job.state == "succeeded", run.job.traceback
    assert run.version.hyperparameters["has_context"] is True
    assert run.version.metrics["ndcg@10"] > 2 * run.version.baseline_metrics["ndcg@10"]
    promote_version(version=run.version)
    go_live(model_name=run.model_name)
    live.refresh()
    person = Customer.objects.get(external_id="person-1")
    known = read_past(customer=person, with_contexts=True)
    predictor = live.get_live(run.model_name).predictor
    history_ids = [str(key) for key in known.history]
    scores = predictor.scores([history_ids], [known.event_contexts])[0]
    blind = predictor.scores([history_ids])[0]
    expected = dict(zip(predictor.item_ids, scores.tolist(), strict=True))
    assert np.abs(scores - blind).max() > 1e-3
    answer = recommend(customer=person, n=5, time_budget_seconds=30, is_kept=False)
    assert answer.source == "model"
    for pick in answer.picks:
        assert pick.score == pytest.approx(expected[str(pick.item.pk)], abs=1e-4)
    measured = faithfulness.measure_faithfulness(n_requests=20)
    assert measured["n_reasons"] > 0
    assert measured["faithful_share"] >= 0.9
    basket = recommend(customer=person, basket=["0-0"], n=3, time_budget_seconds=30, is_kept=False)
    assert basket.source == "model"
    for job in request_scoring(model_name=run.model_name).shards.all():
        execute_job(job.pk)
    row = BatchRecommendation.objects.get(customer=person)
    for key, score in zip(row.item_keys, row.scores, strict=True):
        assert score == pytest.approx(expected[str(key)], abs=1e-3)
    live.forget()


def test_similar_items_are_learned_and_judged(history, enough):
    run = train("similar_items", encoder="char_ngram")
    assert run.job.state == "succeeded", run.job.traceback
    assert run.version.metrics["ndcg@10"] > run.version.baseline_metrics["ndcg@10"]


def test_too_little_data_says_how_much_is_missing(db, registry_folder):
    run = train(**SMALL)
    assert (run.job.state, run.job.error_code) == ("failed", "not_enough_data")
    assert "0" in run.job.error_message
    assert "1000" in run.job.error_message
    assert run.version is None


def test_a_shop_of_one_item_cannot_train_and_says_so(db, enough, add_item, add_customer, add_event):
    item = add_item("only")
    for number in range(120):
        add_event(item, session_id=f"session-{number:04}", days_ago=number)
    run = train(**SMALL)
    assert (run.job.state, run.job.error_code) == ("failed", "not_enough_data")


def test_a_missing_encoder_fails_with_a_sentence_and_the_live_version_stays(history, enough, register, shop):
    version = register("next_item", number=1)
    promote_version(version=version)
    run = train(**{**SMALL, "encoder": "/no/such/encoder"})
    assert (run.job.state, run.job.error_code) == ("failed", "encoder_missing")
    assert "/no/such/encoder" in run.job.error_message
    deployment = ModelDeployment.objects.get(model_name="recommendations.next_item")
    assert version in (deployment.live_version, deployment.shadow_version)
    live.forget()


def test_a_failed_run_can_be_retried(history, enough, settings):
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": {**ENOUGH, "MIN_INTERACTIONS": 10**6}}
    run = train("similar_items", encoder="char_ngram")
    assert run.job.error_code == "not_enough_data"
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": ENOUGH}
    again = retry_training(run=run)
    execute_job(again.job_id)
    again.job.refresh_from_db()
    assert again.job.state == "succeeded", again.job.traceback


def test_a_run_that_goes_on_reads_what_it_read_before(history, tmp_path):
    cutoff = timezone.now()
    first = training.frozen(tmp_path / "snapshot", cutoff=cutoff)
    Event.objects.filter(item=history[0]).delete()
    assert training.frozen(tmp_path / "snapshot", cutoff=cutoff) == first


def test_only_changed_texts_are_encoded_again(history, enough):
    train("similar_items", encoder="char_ngram")
    before = dict(EntityVector.objects.values_list("entity_id", "updated_at"))
    train("similar_items", encoder="char_ngram")
    assert dict(EntityVector.objects.values_list("entity_id", "updated_at")) == before
