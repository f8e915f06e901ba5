"""The search that a training may begin with: what was asked for, and what is written down of its trials."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from ecomai import scenarios
from ecomai.exceptions import NotFoundError

from .leases import DATABASE_FAULTS
from .models import RunTrial, TrainingRun

logger = logging.getLogger(__name__)

SECONDS_PER_MINUTE = 60.0
State = RunTrial.State


class RunSearch:
    """What `run.search` is. A scenario passes `options` on to `ecomai.learning.tuning.search`.

    It is the watcher of that search: trials become rows, and the run says how far they are.
    """

    def __init__(
        self,
        row: TrainingRun,
        spec: scenarios.ModelSpec,
        *,
        folder: Path,
        report: Callable[[float, str, float], None],
    ) -> None:
        self.space = spec.search_space
        self.options: dict[str, Any] = {
            "seconds": (row.search_minutes or 0) * SECONDS_PER_MINUTE,
            "metric": spec.primary_metric,
            "is_greater_better": spec.greater_is_better,
            "random_state": row.random_state,
            "folder": folder,
            "watcher": self,
        }
        self._run_id = row.pk
        self._report = report
        self._longest_seconds = 0.0

    def on_trial(self, trial: Any) -> None:
        """Write a trial down as it begins and as it ends."""
        values = {
            "parameters": dict(trial.parameters), "state": trial.state, "value": trial.value,
            "seconds": trial.seconds,
        }  # fmt: skip
        self._longest_seconds = max(self._longest_seconds, trial.seconds)
        rows = RunTrial.objects.filter(run=self._run_id)
        try:
            if trial.number == 0:  # what a worker left whose folder is gone
                rows.exclude(number=0).delete()
            rows.update_or_create(run_id=self._run_id, number=trial.number, defaults=values)
        except DATABASE_FAULTS:
            if connection.in_atomic_block:
                raise
            logger.warning(
                "Trial %s of run %s is not shown; the database is away.", trial.number, self._run_id
            )
            connection.close()

    def on_search_progress(
        self, *, progress: float, number: int, best_value: float | None, seconds_left: float
    ) -> None:
        """Say how far the search is; raises `JobCancelled` if asked to stop."""
        # The chosen hyperparameters are still to be trained with: once to know how long, once for all data.
        self._report(
            progress,
            _progress_text(number, best_value, seconds_left),
            seconds_left + 2 * self._longest_seconds,
        )


def _progress_text(number: int, best_value: float | None, seconds_left: float) -> str:
    words: dict[str, Any] = {"number": number + 1, "minutes": -(-int(seconds_left) // 60)}
    if best_value is None:
        return _("Search: trial %(number)s, %(minutes)s min left") % words
    words["best"] = f"{best_value:.4g}"
    return _("Search: trial %(number)s, best %(best)s, %(minutes)s min left") % words


def end_trials(run_id: int) -> None:
    """A trial that went on when its run ended has no end of its own."""
    RunTrial.objects.filter(run=run_id, state=State.RUNNING).update(state=State.STOPPED)


def best_trial(run: TrainingRun) -> RunTrial | None:
    """The finished trial that the run trained with."""
    try:
        sign = "-" if scenarios.get_model_spec(run.model_name).greater_is_better else ""
    except NotFoundError:
        sign = "-"
    return run.trials.filter(state=State.FINISHED).order_by(f"{sign}value", "number").first()


def search_summary(run: TrainingRun) -> dict[str, Any]:
    """What a model card says of a search; empty where there was none."""
    best = best_trial(run) if run.search_minutes else None
    if best is None:
        return {}
    first = run.trials.filter(number=0).values_list("value", flat=True).first()
    return {
        "search": {
            "minutes": run.search_minutes,
            "n_trials": run.trials.count(),
            "best_trial": best.number + 1,
            "valid_value": best.value,
            "valid_value_of_defaults": first,
            "hyperparameters": best.parameters,
        }
    }
