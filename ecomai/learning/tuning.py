"""Search of hyperparameters within a time: the defaults first, then what earlier trials suggest."""

import json
import math
import shutil
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from ecomai.search_spaces import Choices, Floats, Integers, SearchSpace, problems_of

from .callbacks import Callback
from .exceptions import InvalidDataError, LearningError, TrainingCancelledError

TRIALS_FILE = "trials.json"
# Trials drawn at random before results are followed; an admin's few minutes allow no more.
N_RANDOM_TRIALS = 5
# Trials whose median a new one must reach at the same epoch, and epochs that each may take before.
N_UNPRUNED_TRIALS = 4
N_UNPRUNED_EPOCHS = 1
# Draws that bring nothing new after which chance alone is asked, and after which a space is searched through.
N_DRAWS_BY_RESULTS = 10
N_DRAWS = 40
# What wrong hyperparameters can do. Anything else is a fault of the surroundings and ends the search.
TRIAL_FAULTS = (LearningError, ArithmeticError, MemoryError, RuntimeError, ValueError)

State = Literal["running", "finished", "pruned", "stopped", "failed"]

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """A trial, as it began or as it ended.

    Attributes
    ----------
    number : int
        0 is the one with the defaults.
    parameters : mapping of str to value
        What was searched over, and nothing else.
    state : str
        `running`; `finished`; `pruned`, worse than others at the same epoch; `stopped`, when the time
        was over; `failed`, its hyperparameters cannot be trained.
    value : float or None
        What the objective returned; None unless finished.
    seconds : float
    curve : tuple of float
        The judged metric by epoch.
    """

    number: int
    parameters: Mapping[str, Any]
    state: State
    value: float | None = None
    seconds: float = 0.0
    curve: tuple[float, ...] = ()


class SearchWatcher(Protocol):
    """Who is told how a search goes; whatever it raises ends the search."""

    def on_trial(self, trial: TrialResult) -> None:
        """Called when a trial begins and when it has ended, and with the trials kept from before a resume."""

    def on_search_progress(
        self, *, progress: float, number: int, best_value: float | None, seconds_left: float
    ) -> None:
        """Called in every step of a trial. `progress` is the share of the time that is used."""


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search found.

    Attributes
    ----------
    best : TrialResult
        The best finished trial; its `parameters` are those to train with.
    trials : tuple of TrialResult
        All of them, in order.
    """

    best: TrialResult
    trials: tuple[TrialResult, ...]


class Trial(Callback):
    """One set of hyperparameters being tried; also the callback that its training must be given.

    Attributes
    ----------
    number : int
    parameters : dict
        Values for the names of the search space.
    folder : Path or None
        For the trial's checkpoints: it outlives a kill, and is removed when the trial has ended.
    """

    def __init__(
        self, search: "_Search", number: int, parameters: dict[str, Any], judged: "optuna.Trial | None"
    ) -> None:
        self.number = number
        self.parameters = parameters
        self.folder = search.folder / f"trial-{number}" if search.folder else None
        self.curve: list[float] = []
        self.is_pruned = False
        self._search = search
        self._judged = judged
        self._began_at = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began_at

    @property
    def is_over(self) -> bool:
        """Whether its time is up. The first trial takes what it needs: without it there is no best."""
        return bool(self._search.best) and self._search.seconds_left(self) <= 0

    def on_progress(self, progress: float) -> None:
        self._search.tell_progress(self)

    def on_log(self, step: int, metrics: dict[str, float]) -> None:
        value = metrics.get(self._search.metric)
        if value is None or not math.isfinite(value):
            return
        self.curve.append(float(value))
        if self._judged is not None:
            self._judged.report(value, len(self.curve) - 1)
            self.is_pruned = self._judged.should_prune()

    def should_stop(self) -> bool:
        self._search.tell_progress(self)
        return self.is_pruned or self.is_over

    def result(self, state: State, value: float | None = None) -> TrialResult:
        return TrialResult(
            number=self.number, parameters=self.parameters, state=state, value=value,
            seconds=round(self.seconds, 3), curve=tuple(self.curve),
        )  # fmt: skip


def search(
    objective: Callable[[Trial], float],
    space: SearchSpace,
    *,
    defaults: Mapping[str, Any],
    seconds: float,
    metric: str,
    is_greater_better: bool = True,
    random_state: int = 0,
    n_trials_max: int | None = None,
    folder: str | Path | None = None,
    watcher: SearchWatcher | None = None,
) -> SearchResult:
    """Search for hyperparameters that are better than the defaults, within a time.

    Trial 0 has the defaults and always ends, so that the result is never worse than without a search,
    on the data that the objective judges on: validation data, never the test period. A trial that falls
    behind the median of the others is pruned, one that is not done when the time is over is stopped.

    Parameters
    ----------
    objective : callable
        Trains with `trial.parameters`, the trial among its callbacks, and returns what is to be optimised.
    space : mapping of str to Integers, Floats or Choices
    defaults : mapping
        A value for each name of the space; others are ignored.
    seconds : float
        Wall time for all trials, those before a resume included; only the first may take longer.
    metric : str
        Name of the judged metric in the live curve, by which trials are pruned.
    is_greater_better : bool, default True
        Which way the objective and the metric point.
    random_state : int, default 0
    n_trials_max : int, optional
        Default: as many as the time allows.
    folder : path, optional
        Private to this search; with it, a search that was killed keeps its trials and repeats the last.
    watcher : SearchWatcher, optional

    Returns
    -------
    SearchResult

    Raises
    ------
    InvalidDataError
        If the space is empty or wrong, a default is missing, or the time is not positive.
    LearningError
        Or whatever else trial 0 raises: hyperparameters that cannot be trained end any other trial only.

    References
    ----------
    Bergstra et al., "Algorithms for hyper-parameter optimization", 2011 (the tree-structured Parzen
    estimator, as in Optuna); Golovin et al., "Google Vizier", 2017, for the median rule.

    Examples
    --------
    >>> found = search(
    ...     lambda trial: -abs(trial.parameters["x"] - 3),
    ...     {"x": Integers(0, 9)}, defaults={"x": 9}, seconds=60, metric="", n_trials_max=30,
    ... )
    >>> found.best.parameters
    {'x': 3}
    """
    if problems := problems_of(space):
        raise InvalidDataError(" ".join(problems))
    if not space or seconds <= 0 or (missing := set(space) - set(defaults)):
        reason = f"no default for {', '.join(sorted(missing))}" if space and seconds > 0 else "nothing to do"
        raise InvalidDataError(f"A search needs a space, a time and its defaults: {reason}.")
    running = _Search(
        space=space, defaults={name: defaults[name] for name in space}, metric=metric, seconds=seconds,
        is_greater_better=is_greater_better, random_state=random_state,
        folder=Path(folder) if folder else None, watcher=watcher,
    )  # fmt: skip
    running.resume()
    while n_trials_max is None or len(running.results) < n_trials_max:
        if not running.has_time_for_another() or not running.try_next(objective):
            break
    assert running.best is not None  # noqa: S101  (trial 0 has finished, or raised)
    return SearchResult(best=running.best, trials=tuple(running.results))


@dataclass
class _Search:
    space: SearchSpace
    defaults: dict[str, Any]
    metric: str
    seconds: float
    is_greater_better: bool
    random_state: int
    folder: Path | None
    watcher: SearchWatcher | None

    def __post_init__(self) -> None:
        self.results: list[TrialResult] = []
        self.distributions = {name: _distribution(values) for name, values in self.space.items()}

    @property
    def finished(self) -> list[TrialResult]:
        return [trial for trial in self.results if trial.value is not None]

    @property
    def best(self) -> TrialResult | None:
        sign = 1 if self.is_greater_better else -1
        return max(self.finished, key=lambda trial: sign * (trial.value or 0.0), default=None)

    def seconds_left(self, trial: Trial | None = None) -> float:
        used = sum(each.seconds for each in self.results)
        return self.seconds - used - (trial.seconds if trial else 0.0)

    def has_time_for_another(self) -> bool:
        """Whether a trial may end in time, if it takes as long as the others; the first one always may."""
        typical = statistics.median([trial.seconds for trial in self.finished] or [-math.inf])
        return not self.best or self.seconds_left() > max(typical, 0.0)

    def tell_progress(self, trial: Trial) -> None:
        if self.watcher is not None:
            left = max(self.seconds_left(trial), 0.0)
            self.watcher.on_search_progress(
                progress=1 - left / self.seconds, number=trial.number, seconds_left=left,
                best_value=self.best.value if self.best else None,
            )  # fmt: skip

    # -- trials --

    def try_next(self, objective: Callable[[Trial], float]) -> bool:
        """Do another trial; False if the space has nothing new."""
        trial = self._next_trial()
        if trial is None:
            return False
        self._tell(trial.result("running"))
        self._keep(self._outcome(trial, objective))
        return True

    def _outcome(self, trial: Trial, objective: Callable[[Trial], float]) -> TrialResult:
        try:
            value = float(objective(trial))
        except TrainingCancelledError:
            if trial.is_pruned:
                return trial.result("pruned")
            if trial.is_over:
                return trial.result("stopped")
            raise  # someone else's callback asked for it
        except TRIAL_FAULTS:
            if self.best is None:
                raise
            return trial.result("failed")
        if math.isfinite(value):
            return trial.result("finished", value)
        if self.best is None:
            raise LearningError(f"The defaults were judged as {value}, so there is nothing to compare with.")
        return trial.result("failed")

    def _next_trial(self) -> Trial | None:
        number = len(self.results)
        if number == 0:
            return Trial(self, 0, self.defaults, None)
        tried = [dict(result.parameters) for result in self.results]
        study = self._study()
        for attempt in range(N_DRAWS):
            if attempt == N_DRAWS_BY_RESULTS:
                study.sampler = optuna.samplers.RandomSampler(seed=self._seed())
            judged = study.ask(self.distributions)
            if judged.params not in tried:
                return Trial(self, number, dict(judged.params), judged)
            study.tell(judged, state=optuna.trial.TrialState.FAIL)
        return None

    def _study(self) -> optuna.Study:
        """What is known so far; made anew for each trial, so that a resumed search goes the same way."""
        study = optuna.create_study(
            direction="maximize" if self.is_greater_better else "minimize",
            sampler=optuna.samplers.TPESampler(n_startup_trials=N_RANDOM_TRIALS, seed=self._seed()),
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=N_UNPRUNED_TRIALS, n_warmup_steps=N_UNPRUNED_EPOCHS
            ),
        )
        for result in self.results:
            # Defaults may lie outside the space: they can win, but say nothing of what is inside.
            if all(self.space[name].contains(value) for name, value in result.parameters.items()):
                study.add_trial(self._as_trial(result))
        return study

    def _seed(self) -> int:
        rng = np.random.default_rng([self.random_state % 2**32, len(self.results)])
        return int(rng.integers(2**31))

    def _as_trial(self, result: TrialResult) -> optuna.trial.FrozenTrial:
        states = {"finished": optuna.trial.TrialState.COMPLETE, "pruned": optuna.trial.TrialState.PRUNED}
        return optuna.trial.create_trial(
            params=dict(result.parameters),
            distributions=self.distributions,
            value=result.value,
            state=states.get(result.state, optuna.trial.TrialState.FAIL),
            intermediate_values=dict(enumerate(result.curve)),
        )

    def _keep(self, result: TrialResult) -> None:
        self.results.append(result)
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            content = {"search": self._fingerprint(), "trials": [asdict(each) for each in self.results]}
            unfinished = self.folder / f"{TRIALS_FILE}.part"
            unfinished.write_text(json.dumps(content), encoding="utf-8")
            unfinished.replace(self.folder / TRIALS_FILE)
            shutil.rmtree(self.folder / f"trial-{result.number}", ignore_errors=True)
        self._tell(result)

    def _tell(self, result: TrialResult) -> None:
        if self.watcher is not None:
            self.watcher.on_trial(result)

    # -- resuming --

    def resume(self) -> None:
        """Take up the trials that ended before a kill; those of another search are forgotten."""
        if self.folder is None:
            return
        try:
            content = json.loads((self.folder / TRIALS_FILE).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return
        if content["search"] != self._fingerprint():
            shutil.rmtree(self.folder)
            return
        for kept in content["trials"]:
            self.results.append(TrialResult(**{**kept, "curve": tuple(kept["curve"])}))
            self._tell(self.results[-1])

    def _fingerprint(self) -> dict[str, Any]:
        space = {name: f"{values}" for name, values in self.space.items()}
        return {"space": space, "defaults": self.defaults, "metric": self.metric, "seed": self.random_state}


def _distribution(values: Integers | Floats | Choices) -> BaseDistribution:
    if isinstance(values, Integers):
        return IntDistribution(values.low, values.high, log=values.is_log, step=values.step)
    if isinstance(values, Floats):
        return FloatDistribution(values.low, values.high, log=values.is_log)
    return CategoricalDistribution(values.values)
