"""A search keeps to its time, is never worse than the defaults, and survives a kill."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomai.learning.exceptions import InvalidDataError, TrainingCancelledError
from ecomai.learning.interactions import Interactions
from ecomai.learning.recommenders.sequence import SequenceRecommender
from ecomai.learning.splits import leave_last_out
from ecomai.learning.tuning import SearchResult, Trial, TrialResult, search
from ecomai.search_spaces import Choices, Floats, Integers, SearchSpace

SPACE: SearchSpace = {"x": Floats(-5.0, 5.0), "kind": Choices(("good", "bad"))}
DEFAULTS = {"x": 4.0, "kind": "bad", "unrelated": 1}


class KilledError(BaseException):
    pass


class Watcher:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.trials: list[TrialResult] = []
        self.progress: list[dict[str, Any]] = []

    def on_trial(self, trial: TrialResult) -> None:
        self.trials.append(trial)

    def on_search_progress(self, **status: Any) -> None:
        self.progress.append(status)


def valley(trial: Trial) -> float:
    """Best at x = 1 and kind "good", with a curve of four epochs that rises to the value."""
    value = -((trial.parameters["x"] - 1.0) ** 2) - (trial.parameters["kind"] == "bad")
    for epoch in range(1, 5):
        trial.on_log(epoch, {"score": value * (1 + 1 / epoch)})
        stop_if_asked(trial)
    return float(value)


def stop_if_asked(trial: Trial) -> None:
    trial.on_progress(0.5)
    if trial.should_stop():
        raise TrainingCancelledError


def run(objective: Callable[[Trial], float] = valley, **options: Any) -> SearchResult:
    given = {"defaults": DEFAULTS, "seconds": 60, "metric": "score", "n_trials_max": 12, **options}
    return search(objective, given.pop("space", SPACE), **given)


def seen(result: SearchResult) -> list[tuple[Any, ...]]:
    """What a search did, without its times."""
    return [(each.number, each.parameters, each.state, each.value, each.curve) for each in result.trials]


def test_the_first_trial_has_the_defaults_and_the_result_is_never_worse() -> None:
    result = run()
    assert result.trials[0].parameters == {"x": 4.0, "kind": "bad"}
    assert result.best.value is not None
    assert result.best.value >= result.trials[0].value
    assert result.best.parameters["kind"] == "good"
    only_worse = run(lambda trial: 1.0 if trial.number == 0 else 0.0)
    assert only_worse.best.number == 0


def test_a_metric_may_be_better_when_lower() -> None:
    result = run(lambda trial: abs(trial.parameters["x"]), is_greater_better=False, n_trials_max=20)
    assert result.best.value == min(each.value for each in result.trials if each.value is not None)
    assert result.best.value < 1.5


def test_values_lie_in_the_space_and_logarithmic_ranges_try_each_order_of_magnitude() -> None:
    space: SearchSpace = {"n": Integers(8, 64, step=8), "rate": Floats(1e-5, 1e-1, is_log=True)}
    result = run(lambda trial: 0.0, space=space, defaults={"n": 8, "rate": 0.01}, n_trials_max=25)
    for trial in result.trials:
        assert space["n"].contains(trial.parameters["n"])
        assert space["rate"].contains(trial.parameters["rate"])
    assert min(trial.parameters["rate"] for trial in result.trials) < 1e-3


def test_the_same_seed_gives_the_same_search_and_another_seed_another() -> None:
    assert seen(run(random_state=3)) == seen(run(random_state=3))
    assert seen(run(random_state=3)) != seen(run(random_state=4))


def test_a_trial_behind_the_others_is_pruned_and_the_search_goes_on() -> None:
    result = run(n_trials_max=20)
    pruned = [trial for trial in result.trials if trial.state == "pruned"]
    assert pruned
    assert all(trial.value is None and 2 <= len(trial.curve) < 4 for trial in pruned)
    assert result.trials[-1].number == 19


def test_the_trial_that_runs_when_the_time_is_over_is_stopped_and_the_best_so_far_wins() -> None:
    def slower_and_slower(trial: Trial) -> float:
        began = time.monotonic()
        while time.monotonic() - began < (0.02 if trial.number < 2 else 60):
            time.sleep(0.005)
            stop_if_asked(trial)
        return float(trial.number)

    began = time.monotonic()
    result = run(slower_and_slower, seconds=0.3)
    assert time.monotonic() - began < 5
    assert [trial.state for trial in result.trials] == ["finished", "finished", "stopped"]
    assert result.best.number == 1


def test_the_defaults_are_tried_to_the_end_however_short_the_time_is() -> None:
    def slow(trial: Trial) -> float:
        time.sleep(0.02)
        stop_if_asked(trial)
        return 0.5

    result = run(slow, seconds=0.001)
    assert [trial.state for trial in result.trials] == ["finished"]


def test_no_trial_begins_that_would_hardly_end_in_time() -> None:
    def steady(trial: Trial) -> float:
        time.sleep(0.1)
        return 0.5

    assert len(run(steady, seconds=0.15).trials) == 1


def test_hyperparameters_that_cannot_be_trained_fail_their_trial_only() -> None:
    def picky(trial: Trial) -> float:
        if trial.number == 2:
            raise ValueError("n_heads must divide dim")
        if trial.number == 3:
            return float("nan")
        return valley(trial)

    states = [trial.state for trial in run(picky).trials]
    assert states[:4] == ["finished", "finished", "failed", "failed"]
    assert len(states) == 12


def test_defaults_that_cannot_be_trained_end_the_search_with_their_error() -> None:
    with pytest.raises(ValueError, match="no use"):
        run(lambda trial: (_ for _ in ()).throw(ValueError("no use")))


@pytest.mark.parametrize("error", [TrainingCancelledError, ConnectionError, KilledError])
def test_what_the_surroundings_raise_ends_the_search(error: type[BaseException]) -> None:
    def interrupted(trial: Trial) -> float:
        if trial.number == 3:
            raise error
        return valley(trial)

    with pytest.raises(error):
        run(interrupted)


def test_a_watcher_may_end_the_search_in_the_middle_of_a_trial() -> None:
    class Impatient(Watcher):
        def on_search_progress(self, **status: Any) -> None:
            if status["number"] == 1:
                raise ConnectionError

    with pytest.raises(ConnectionError):
        run(watcher=Impatient())


def test_a_killed_search_keeps_its_trials_repeats_the_last_and_ends_as_if_nothing_had_been(
    tmp_path: Path,
) -> None:
    whole = run(random_state=5)
    tried = []

    def killed_once(trial: Trial) -> float:
        tried.append((trial.number, trial.parameters))
        assert trial.folder is not None
        trial.folder.mkdir(exist_ok=True)
        if trial.number == 6 and not (trial.folder / "checkpoint").exists():
            (trial.folder / "checkpoint").touch()
            raise KilledError
        return valley(trial)

    with pytest.raises(KilledError):
        run(killed_once, random_state=5, folder=tmp_path)
    watcher = Watcher()
    resumed = run(killed_once, random_state=5, folder=tmp_path, watcher=watcher)

    assert seen(resumed) == seen(whole)
    assert [number for number, _parameters in tried] == [*range(7), *range(6, 12)]
    assert tried[6] == tried[7]
    assert [trial.number for trial in watcher.trials[:6]] == list(range(6))
    assert [path.name for path in tmp_path.iterdir()] == ["trials.json"]


def test_time_that_was_used_before_a_kill_is_not_given_again(tmp_path: Path) -> None:
    def steady(trial: Trial) -> float:
        time.sleep(0.05)
        return 0.5

    first = run(steady, seconds=0.4, folder=tmp_path, n_trials_max=None)
    again = run(steady, seconds=0.4, folder=tmp_path, n_trials_max=None)
    assert len(first.trials) == len(again.trials)


@pytest.mark.parametrize("content", ["", '{"search": {"metric": "other"}, "trials": []}'])
def test_trials_of_another_search_and_broken_notes_are_not_taken_up(tmp_path: Path, content: str) -> None:
    run(folder=tmp_path)
    (tmp_path / "trials.json").write_text(content)
    watcher = Watcher()
    run(folder=tmp_path, watcher=watcher)
    assert watcher.trials[0].state == "running"
    assert len(json.loads((tmp_path / "trials.json").read_text())["trials"]) == 12


def test_a_small_space_is_searched_through_and_then_left() -> None:
    space = {"n": Integers(1, 3), "is_on": Choices((True, False))}
    result = run(lambda trial: trial.parameters["n"], space=space, defaults={"n": 1, "is_on": True},
                 n_trials_max=None)  # fmt: skip
    assert len(result.trials) == 6
    assert result.best.value == 3


def test_defaults_outside_the_space_are_tried_too_and_may_win() -> None:
    result = run(lambda trial: trial.parameters["x"], defaults={"x": 50.0, "kind": "odd"})
    assert result.best.parameters == {"x": 50.0, "kind": "odd"}
    assert len(result.trials) == 12


def test_the_watcher_is_told_of_trials_the_best_and_the_time() -> None:
    watcher = Watcher()
    run(watcher=watcher, seconds=50)
    assert [trial.state for trial in watcher.trials[:2]] == ["running", "finished"]
    assert watcher.progress[0]["best_value"] is None
    assert watcher.progress[-1]["best_value"] == max(trial.value or -99 for trial in watcher.trials[:-1])
    assert all(
        0 <= status["progress"] <= 1 and 0 < status["seconds_left"] <= 50 for status in watcher.progress
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": {}}, "nothing to do"),
        ({"seconds": 0}, "nothing to do"),
        ({"space": {"z": Integers(1, 2)}}, "no default for z"),
        ({"space": {"x": Floats(2.0, 1.0)}}, "x: low must not exceed high"),
        ({"space": {"x": Floats(0.0, 1.0, is_log=True)}}, "above 0"),
        ({"space": {"x": Integers(0, 8, is_log=True)}}, "above 0"),
        ({"space": {"x": Choices(())}}, "a value to choose"),
    ],
)
def test_a_wrong_search_is_refused_before_anything_is_trained(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidDataError, match=message):
        run(lambda trial: pytest.fail("it trained"), **changes)


def test_an_estimator_is_tuned_with_the_trial_among_its_callbacks(loyal_users: Interactions) -> None:
    split = leave_last_out(loyal_users)

    def objective(trial: Trial) -> float:
        model = SequenceRecommender(dim=8, max_epochs=2, max_length=8, **trial.parameters, device="cpu")
        model.fit(split.train, valid=split, callbacks=[trial], checkpoint_folder=trial.folder)
        ranked, _scores = model.recommend(split.histories, n=10)
        return float(np.mean(ranked == split.targets.items[:, None]))

    space: SearchSpace = {"learning_rate": Floats(1e-4, 1e-1, is_log=True), "n_layers": Integers(1, 2)}
    result = run(objective, space=space, defaults={"learning_rate": 1e-6, "n_layers": 1}, metric="ndcg@10",
                 n_trials_max=3)  # fmt: skip
    assert result.best.number > 0
    assert all(len(trial.curve) == 2 for trial in result.trials if trial.state == "finished")
