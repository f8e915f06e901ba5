"""The part of a model that reads the order of events: learned where there is enough, as long as asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from ecomai.inference.event_windows import EventTable
from ecomai.learning.callbacks import ReportTo
from ecomai.registry.runs import Run

from ..features.tokens import STREAM_TOKENS, TOKENS
from ..sequences import LENGTHS, Sequences, read_sequences

if TYPE_CHECKING:
    from ecomai.learning.classifiers.ensemble import CalibratedEnsemble
    from ecomai.learning.classifiers.event_sequence import EventSequenceClassifier

#: The network learns from frauds alone what trees are told by their features; of fewer it learns nothing.
LEAST_FRAUD = 300
#: From so many minutes on, a third of them go to what events look like, without labels.
PRETRAINING_MINUTES = 30
PRETRAINING_SHARE = 1 / 3
#: Chosen by the `fraud` benchmark on its choosing weeks.
NETWORK: dict[str, Any] = {
    "dim": 32, "n_layers": 2, "n_heads": 2, "n_edges": 8, "n_buckets": 16, "dropout": 0.3, "max_epochs": 30,
    "batch_size": 128,
}  # fmt: skip
LEAST_KNOWN = 0.001  # share of the events
RARE = 0.02  # below, most negatives are left out, and the others weigh as much as all


@dataclass(frozen=True, eq=False)
class Network:
    """A learned network, and what it says of each case: log odds of shape (n_samples,)."""

    model: "EventSequenceClassifier"
    numbers: list[str]
    streams: dict[str, str]
    log_odds: NDArray[np.float64]
    is_pretrained: bool


class Events:
    """Events of a training's cases, read where somebody looks at them."""

    def __init__(self, ids: NDArray[np.int64], as_of: datetime) -> None:
        self._ids, self._as_of = ids, as_of
        self._found: Sequences | None = None

    @property
    def sequences(self) -> Sequences:
        if self._found is None:
            self._found = read_sequences(as_of=self._as_of)
        return self._found

    def places(self, rows: slice) -> NDArray[np.int64]:
        """Where cases are among the events; -1 for those that are too old."""
        return self.sequences.places(self._ids[rows])


def why_not(n_fraud: int, minutes: float) -> str:
    """Return why no network is learned; empty where one is."""
    if minutes <= 0:
        return _("It was not asked for.")
    if n_fraud < LEAST_FRAUD:
        return _("It takes %(need)s known frauds to learn from, and there are %(have)s.") % {
            "need": LEAST_FRAUD, "have": n_fraud,
        }  # fmt: skip
    return ""


def learn_network(
    run: Run, events: Events, y: NDArray[np.int64], train: slice, forbidden: Sequence[str]
) -> Network | None:
    """Learn from the cases of `train`, of which no later event is seen; None where they are too old.

    Unlabelled history that is younger than `train` teaches nothing: it is what the network is judged by.
    """
    from ecomai.learning.classifiers.event_sequence import EventSequenceClassifier

    places = events.places(slice(0, len(y)))
    is_there = places >= 0
    if not is_there[train.stop :].all():
        return None
    before = _before(events.sequences.table, places[train.stop])
    numbers = known_tokens(events.sequences.table.numbers[before], forbidden)
    streams = {stream: name for stream, name in STREAM_TOKENS.items() if name not in forbidden}
    if not numbers or not is_there[train].any():
        return None
    table = events.sequences.table_of(numbers, streams)
    learned = np.flatnonzero(is_there[train])
    minutes = float(run.hyperparameters["sequence_minutes"])
    is_pretrained = minutes >= PRETRAINING_MINUTES
    model = EventSequenceClassifier(
        **NETWORK,
        lengths=LENGTHS,
        negative_share=1.0 if y[learned].mean() > RARE else 0.1,
        pretraining_minutes=PRETRAINING_SHARE * minutes,
        max_minutes=(1 - PRETRAINING_SHARE) * minutes if is_pretrained else minutes,
        random_state=run.random_state,
    )
    if is_pretrained:
        report = ReportTo(run, start=0.4, end=0.5, message=_("Reading history without labels"))
        model.pretrain(table, before, callbacks=[report])
    report = ReportTo(run, start=0.5, end=0.7, message=_("Reading the order of events"))
    model.fit(table, places[learned], y[learned], callbacks=[report])
    found = np.full(len(y), np.nan)
    found[is_there] = model.decision_function(table, places[is_there])
    return Network(model, numbers, streams, found, is_pretrained)


def known_tokens(numbers: NDArray[np.float32], forbidden: Sequence[str]) -> list[str]:
    """Return what a model may learn from. What is hardly ever known teaches nothing and is not read."""
    is_known = np.isfinite(numbers).mean(axis=0) >= LEAST_KNOWN
    return [name for name, known in zip(TOKENS, is_known, strict=True) if known and name not in forbidden]


def _before(table: EventTable, place: int) -> NDArray[np.int64]:
    return np.arange(int(np.searchsorted(table.times, table.times[place])))


def better_together(
    trees: NDArray[np.float64], network: NDArray[np.float64], y: NDArray[np.int64], random_state: int
) -> tuple[bool, dict[str, float]]:
    """Say whether the ensemble orders later cases better than the trees, by average precision.

    Weights and calibration are learned on the first half of the cases, and both are judged on the second.
    """
    from ecomai.learning.metrics.classification import average_precision

    middle = len(y) // 2
    first, second = slice(0, middle), slice(middle, len(y))
    if min(y[first].sum(), y[second].sum(), (1 - y[first]).sum(), (1 - y[second]).sum()) < 2:
        return False, {}
    columns = {"trees": trees[:, None], "ensemble": np.column_stack([trees, network])}
    found = {}
    for name, each in columns.items():
        ensemble = calibrated(each[first], y[first], random_state)
        found[name] = average_precision(y[second], ensemble.calibration.combine(each[second]))
    return found["ensemble"] > found["trees"], found


def calibrated(columns: NDArray[np.float64], y: NDArray[np.int64], random_state: int) -> "CalibratedEnsemble":
    """Learn weights and calibration of log odds of shape (n_samples, n_models)."""
    from ecomai.learning.classifiers.ensemble import CalibratedEnsemble

    return CalibratedEnsemble(random_state=random_state).fit(columns, y)
