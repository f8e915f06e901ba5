"""A search before a training: judged on the validation period, and what it finds is trained with."""

import pytest

from ecomai.registry import searches
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import TrainingRun
from ecomai.registry.services import request_training
from recommendations import scenario
from recommendations.training import tuning

from .test_training import ENOUGH, SMALL, make_history

TINY = {**SMALL, "max_epochs": 1, "is_refitted": False}


@pytest.fixture
def shop_with_history(db, settings, registry_folder, monkeypatch):
    """A history to learn from, and minutes of two seconds."""
    monkeypatch.setattr(searches, "SECONDS_PER_MINUTE", 2.0)
    settings.ECOMAI = {**settings.ECOMAI, "RECOMMENDATIONS": ENOUGH}
    make_history()


def search_and_train(name, **hyperparameters):
    import torch

    torch.set_num_threads(1)
    run = request_training(
        model_name=f"recommendations.{name}",
        hyperparameters=hyperparameters,
        random_state=3,
        search_minutes=1,
    )
    execute_job(run.job_id)
    run = TrainingRun.objects.select_related("job", "version").get(pk=run.pk)
    assert run.job.state == "succeeded", run.job.traceback
    return run


def test_similar_items_are_trained_with_what_the_search_found(shop_with_history, monkeypatch):
    judged = []
    judge = tuning.judge_recommender

    def note(model, cases, *rest):
        judged.append(cases)
        return judge(model, cases, *rest)

    monkeypatch.setattr(tuning, "judge_recommender", note)
    run = search_and_train("similar_items", encoder="char_ngram")
    best = searches.best_trial(run)
    assert run.trials.count() > 2
    assert best.value >= run.trials.get(number=0).value
    assert set(best.parameters) == set(scenario.similar_items.search_space)
    assert {name: run.version.hyperparameters[name] for name in best.parameters} == best.parameters
    # The same cases each time, from one item each, as many as the card says are in the validation period.
    assert {id(cases) for cases in judged} == {id(judged[0])}
    assert judged[0].histories.lengths.max() == 1
    assert len(judged[0]) == run.version.card["split"]["n_valid_cases"]


def test_the_sequence_model_is_searched_in_trials_with_curves_and_logs(shop_with_history):
    run = search_and_train("next_item", **TINY)
    first = run.trials.get(number=0)
    assert first.state == "finished"
    assert first.parameters["dim"] == SMALL["dim"]  # outside the space, and tried as asked for
    assert run.version.card["search"]["valid_value"] >= first.value
    assert run.curve.filter(name="loss").exists()


@pytest.mark.parametrize("spec", [scenario.next_item, scenario.similar_items], ids=lambda spec: spec.name)
def test_defaults_lie_in_the_space(spec):
    for name, values in spec.search_space.items():
        assert values.contains(spec.default_hyperparameters[name]), name
