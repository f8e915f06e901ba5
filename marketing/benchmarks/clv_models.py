"""The models that the benchmark of customer value measures."""

from typing import Any

from ecomai.benchmarking import Report
from ecomai.learning.callbacks import Callback

SEQUENCE: dict[str, Any] = {"max_length": 16, "dim": 32, "n_layers": 2, "max_epochs": 4, "n_windows": 4}
TREES: dict[str, Any] = {"n_trees": 150, "n_leaves": 8, "learning_rate": 0.03, "n_windows": 5}
PEERS = ("bg_nbd", "pareto_nbd")


def member_settings(device: str, seed: int) -> dict[str, dict[str, Any]]:
    """Return the ensemble's members and their hyperparameters."""
    return {
        "bg_nbd": {},
        "pareto_nbd": {},
        "boosted": {**TREES, "random_state": seed},
        "sequence": {**SEQUENCE, "device": device, "random_state": seed},
    }


class Steps(Callback):
    """Tell of the network's two trainings, the one to choose weights and the one that counts."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.n_ended = 0
        self.last = 0.0

    def on_progress(self, progress: float) -> None:
        """Report halves of what lies between reading and judging, each hundredth once."""
        done = round(0.1 + 0.4 * (self.n_ended + progress), 2)
        if done > self.last:
            self.last = done
            self.report(done, "learning")

    def on_end(self) -> None:
        """Count the training."""
        self.n_ended += 1
