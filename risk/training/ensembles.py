"""The model of a kind: trees on features, and where it helps a transformer over the order of events.

Trees and network learn from the oldest cases, weights and calibration from later ones, and all of them,
beside the prior and the simple model, are judged on those that came last. What the artifact holds was
chosen on the middle part alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.registry.runs import Candidate, Run
from ecomai.serving.predictors import load_predictor

from ..app_settings import app_settings
from ..datasets import RiskDataset, forbidden_columns, read_dataset
from ..features import FEATURE_NAMES, FEATURES_VERSION
from ..models import Policy
from ..reasons import REASONS
from ..sequences import is_readable, probabilities, reads_events
from .networks import Events, Network, better_together, calibrated, learn_network, why_not
from .scorecards import fit_scorecard, score_rows
from .tabular import (
    Periods,
    check_enough,
    group_metrics,
    median_milliseconds,
    report,
    split_of,
    split_periods,
    typical_row,
    without,
    write_artifact,
)

if TYPE_CHECKING:
    from ecomai.learning.classifiers.boosted import BoostedClassifier

#: Of the policy's time budget, for the model's answer on this machine.
BUDGET_SHARE = 0.5


def train_ensemble(run: Run) -> Candidate:
    """Train the model of a kind from outcomes that were known at the cutoff. Forbidden features are blank."""
    kind = run.model_name.partition(".")[2]
    as_of = run.cutoff or timezone.now()
    run.report(0.02, _("Reading assessments"))
    dataset = read_dataset(kind, as_of=as_of)
    check_enough(dataset)
    training = _Training(
        run, kind, dataset, split_periods(dataset, run.hyperparameters), forbidden_columns(kind),
        Events(dataset.ids, as_of),
    )  # fmt: skip
    return training.candidate()


@dataclass(eq=False)
class _Training:
    """What is learned of one dataset, and how it is judged."""

    run: Run
    kind: str
    dataset: RiskDataset
    periods: Periods
    forbidden: Sequence[str]
    events: Events

    def candidate(self) -> Candidate:
        run, periods, y = self.run, self.periods, self.dataset.y
        self.X = without(self.dataset.X, self.forbidden)
        run.report(0.2, _("Growing trees"))
        self.trees = self._grow()
        self.margins = self.trees.decision_function(self.X)
        self.card = fit_scorecard(self.X[periods.train], y[periods.train], forbidden=self.forbidden)
        self.network, self.about = self._learn_network()
        run.report(0.72, _("Calibrating"))
        folder = self._write()
        run.report(0.8, _("Judging"))
        return self._judged(folder)

    def _grow(self) -> "BoostedClassifier":
        from ecomai.learning.classifiers.boosted import BoostedClassifier

        y = self.dataset.y
        return BoostedClassifier(
            n_trees=self.run.hyperparameters["n_trees"], n_leaves=self.run.hyperparameters["n_leaves"],
            negative_share=1.0 if y.mean() > 0.02 else 0.2, random_state=self.run.random_state,
        ).fit(self.X[self.periods.train], y[self.periods.train], feature_names=FEATURE_NAMES)  # fmt: skip

    def _learn_network(self) -> tuple[Network | None, dict[str, Any]]:
        """Return the network, and what is said of it."""
        y, minutes = self.dataset.y, float(self.run.hyperparameters["sequence_minutes"])
        if why := why_not(int(y[self.periods.train].sum()), minutes):
            return None, {"is_used": False, "why_not": why}
        network = learn_network(self.run, self.events, y, self.periods.train, self.forbidden)
        if network is None:
            return None, {
                "is_used": False,
                "why_not": _("Too few of the newest events are such cases."),
            }
        about = {
            "minutes": minutes, "n_epochs": network.model.n_epochs_, "is_pretrained": network.is_pretrained,
            "reads": network.numbers,
        }  # fmt: skip
        return network, about

    # -- what serves --

    def _write(self) -> Path:
        """Write the better one: chosen on the middle part, and within the time of an answer."""
        valid, y = self.periods.valid, self.dataset.y
        if self.network is not None:
            is_better, found = better_together(
                self.margins[valid],
                self.network.log_odds[valid],
                y[valid],
                random_state=self.run.random_state,
            )
            self.about["chosen_by"] = found
            if is_better:
                folder = self._write_ensemble(self.network)
                self.about["ms_per_answer"] = self._milliseconds(load_predictor(folder))
                self.about["is_used"] = self.about["ms_per_answer"] <= self._most_milliseconds()
                if self.about["is_used"]:
                    return folder
                self.about["why_not"] = _("Its answers take longer than the policy's time allows.")
            else:
                self.about |= {"is_used": False, "why_not": _("Trees alone did as well on later cases.")}
        return write_artifact(
            self.run.folder / "artifact", self.trees, self._calibrated("trees"), self._typical(), self.card
        )

    def _write_ensemble(self, network: Network) -> Path:
        from ecomai.learning.export import export_event_ensemble

        train, y = self.periods.train, self.dataset.y
        honest = network.log_odds[train][y[train] == 0]
        return export_event_ensemble(
            self.trees,
            network.model,
            self._calibrated("ensemble").calibration,
            self.run.folder / "ensemble",
            typical=self._typical(),
            typical_log_odds=float(np.nanmedian(honest)),
            groups={code: kind.features for code, kind in REASONS.items() if kind.features},
            numbers=network.numbers,
            streams=network.streams,
            simple=self.card.as_json(),
            features_version=FEATURES_VERSION,
        )

    def _typical(self) -> NDArray[np.float32]:
        return typical_row(self.X, self.dataset.y, self.periods.train)

    def _columns(self, name: str) -> NDArray[np.float64]:
        """Log odds of all cases, of shape (n_samples, n_models)."""
        columns = {"trees": [self.margins]}
        if self.network is not None:
            columns["transformer"] = [self.network.log_odds]
            columns["ensemble"] = [self.margins, self.network.log_odds]
        return np.column_stack(columns[name])

    def _calibrated(self, name: str) -> Any:
        valid = self.periods.valid
        return calibrated(self._columns(name)[valid], self.dataset.y[valid], self.run.random_state)

    def _most_milliseconds(self) -> float:
        policies = Policy.objects.filter(kind=self.kind, is_current=True)
        budgets = [*policies.values_list("time_budget_ms", flat=True)] or [
            Policy._meta.get_field("time_budget_ms").get_default()
        ]
        return BUDGET_SHARE * min(budgets)

    # -- how it is judged --

    def _judged(self, folder: Path) -> Candidate:
        """Judge the files as they will serve, beside the simple model and the version that serves now."""
        predictor, test = load_predictor(folder), self.periods.test
        found = self._probabilities(predictor, self.X[test], test)
        y = self.dataset.y[test]
        rows = self._rows()
        return Candidate(
            folder=folder,
            kind=predictor.kind,
            metrics=report(y, found),
            baseline_metrics=rows["simple"],
            live_metrics=self._live_metrics(),
            group_metrics=group_metrics(self.dataset, test, found),
            window_start=self.dataset.received[0],
            window_end=self.dataset.received[-1],
            data_fingerprint=self.dataset.fingerprint,
            hyperparameters=self.run.hyperparameters,
            card={
                "intended_use": _("Deciding about orders and the like together with people and rules."),
                "features": predictor.used_columns,  # type: ignore[attr-defined]
                "forbidden_features": list(self.forbidden),
                "label_delay_days": app_settings.LABEL_DELAY_DAYS,
                "ms_per_answer": self._milliseconds(predictor),
                "rows": rows,
                "transformer": self.about,
                "split": split_of(self.dataset, self.periods),
            },
        )  # fmt: skip

    def _rows(self) -> dict[str, dict[str, float]]:
        """Metrics of each part on the test period."""
        train, test, y = self.periods.train, self.periods.test, self.dataset.y
        names = ("trees",) if self.network is None else ("trees", "transformer", "ensemble")
        rows = {name: self._calibrated(name).predict_proba(self._columns(name)[test])[:, 1] for name in names}
        rows["simple"] = score_rows(self.card, self.X[test])
        rows["prior"] = np.full(len(rows["simple"]), y[train].mean())
        return {name: report(y[test], found) for name, found in rows.items()}

    def _live_metrics(self) -> dict[str, float]:
        """Judge the version that serves; nothing is said of one that takes other features."""
        folder = self.run.live_artifact()
        if folder is None:
            return {}
        predictor, test = load_predictor(folder), self.periods.test
        if not is_readable(predictor) or (reads_events(predictor) and (self.events.places(test) < 0).any()):
            return {}
        return report(self.dataset.y[test], self._probabilities(predictor, self.dataset.X[test], test))

    def _probabilities(self, predictor: Any, X: NDArray[np.float32], rows: slice) -> NDArray[np.float64]:
        if not reads_events(predictor):
            return predictor.predict_proba(X)
        return probabilities(predictor, X, self.events.sequences, self.events.places(rows))

    def _milliseconds(self, predictor: Any) -> float:
        """How long an answer with its reasons takes, without reading what it is about."""
        test = self.periods.test
        rows = list(self.X[test])
        if not reads_events(predictor):
            return median_milliseconds(predictor.assess, rows)
        table = self.events.sequences.table_of(predictor.numbers, predictor.streams)
        places = self.events.places(test)
        few = _few(table, places, predictor.lengths)
        return median_milliseconds(lambda row: predictor.assess(row, *few), rows)


def _few(table: Any, places: NDArray[np.int64], lengths: Sequence[int]) -> tuple[Any, int]:
    """Return a table as short as those of an answer, and a case in it."""
    n = sum(lengths) + 1
    start = max(int(places[-1]) + 1 - n, 0)
    part = slice(start, int(places[-1]) + 1)
    arrays = {name: array[part] for name, array in vars(table).items() if array is not None}
    few = replace(table, **arrays)
    return few, len(few) - 1
