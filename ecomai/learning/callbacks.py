"""How a training tells its surroundings what it does, and how they stop it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .exceptions import TrainingCancelledError


class Callback:
    """Base of what watches a training. Override what you need; the defaults do nothing."""

    def on_start(self, step: int) -> None:
        """Called before the first step with the number of steps taken before: 0, or where a killed training
        goes on. Points of the curve beyond `step` come again."""

    def on_end(self) -> None:
        """Called once after the last step, also when an exception ends the training."""

    def on_progress(self, progress: float) -> None:
        """Called after each step. `progress` rises from 0 to 1 over the epochs asked for."""

    def on_log(self, step: int, metrics: dict[str, float]) -> None:
        """Called with points of the live curve, such as `{"loss": 5.2}` or `{"ndcg@10": 0.1}`."""

    def should_stop(self) -> bool:
        """Asked after each step; True ends the training with `TrainingCancelledError`."""
        return False


class Reporter(Protocol):
    """What `ReportTo` talks to. The registry's run has these methods."""

    def report(self, progress: float, message: str = "") -> None: ...

    def log(self, step: int, **metrics: float) -> None: ...

    def check_cancelled(self) -> None: ...


class ReportTo(Callback):
    """Pass progress and curve on to a run; whatever its `check_cancelled` raises ends the training.

    Parameters
    ----------
    reporter : Reporter
        Takes `report(progress, message)`, `log(step, **metrics)` and `check_cancelled()`.
    start, end : float in [0, 1], default 0 and 1
        Which part of the whole run this training is.
    message : str, default ""
        Shown beside the progress.
    """

    def __init__(
        self, reporter: Reporter, *, start: float = 0.0, end: float = 1.0, message: str = ""
    ) -> None:
        self.reporter = reporter
        self.start = start
        self.end = end
        self.message = message

    def on_progress(self, progress: float) -> None:
        self.reporter.check_cancelled()
        self.reporter.report(self.start + progress * (self.end - self.start), self.message)

    def on_log(self, step: int, metrics: dict[str, float]) -> None:
        self.reporter.log(step, **metrics)


@dataclass
class Curve(Callback):
    """Keep the live curve in memory.

    Attributes
    ----------
    points : list of (step, metrics)
        In the order in which they came.
    """

    points: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    def on_start(self, step: int) -> None:
        """Forget points that come again."""
        self.points = [point for point in self.points if point[0] <= step]

    def on_log(self, step: int, metrics: dict[str, float]) -> None:
        self.points.append((step, metrics))


def raise_if_stopped(callbacks: Sequence[Callback]) -> None:
    """Raise where a callback wants the training to end.

    Raises
    ------
    TrainingCancelledError
        If any callback's `should_stop` says so.
    """
    if any(callback.should_stop() for callback in callbacks):
        raise TrainingCancelledError("The training was cancelled.")
