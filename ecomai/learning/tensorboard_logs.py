"""The live curve as TensorBoard's event files, and back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .callbacks import Callback

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

EVENT_FILES = "events.out.tfevents.*"


class TensorBoardLogs(Callback):
    """Write the live curve as event files, which `tensorboard --logdir` shows.

    A training that goes on after a kill goes on in the same folder: what it had written beyond the
    checkpoint is marked as void, so that no step counts twice. Each training needs a folder of its own.

    Parameters
    ----------
    folder : path
        Created where it is missing.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._writer: SummaryWriter | None = None

    def on_start(self, step: int) -> None:
        """Open a file whose first record voids what is later than `step`."""
        self._open(step)

    def on_log(self, step: int, metrics: dict[str, float]) -> None:
        """Write the points at once, so that a kill loses none that a checkpoint holds."""
        writer = self._writer or self._open(0)
        for name, value in metrics.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    def on_end(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _open(self, step: int) -> SummaryWriter:
        # Here, because torch takes seconds to import and a process that only reads has no need of it.
        from torch.utils.tensorboard import SummaryWriter

        self.on_end()
        while self._has_file_of_this_second():
            time.sleep(0.02)
        self._writer = SummaryWriter(str(self.folder), purge_step=step + 1)
        return self._writer

    def _has_file_of_this_second(self) -> bool:
        """Files are read in the order of their names, which begin with the second: each needs its own."""
        return any(self.folder.glob(f"{EVENT_FILES[:-1]}{int(time.time())}.*"))


def read_curves(folder: str | Path) -> dict[str, list[tuple[int, float]]]:
    """Return what `TensorBoardLogs` wrote, without what was voided.

    Needs the package `tensorboard`, but neither torch nor TensorFlow. A file whose end was cut off by
    a kill is read up to there.

    Parameters
    ----------
    folder : path
        One training's; the folders in it are not looked into.

    Returns
    -------
    dict of str to list of (int, float)
        Step and value by name, in the order of the steps. Values have 32 bits. Empty where there is
        no event file.

    Examples
    --------
    >>> import tempfile
    >>> logs = TensorBoardLogs(tempfile.mkdtemp())
    >>> logs.on_log(1, {"loss": 0.5})
    >>> logs.on_end()
    >>> read_curves(logs.folder)
    {'loss': [(1, 0.5)]}
    """
    folder = Path(folder)
    if not any(folder.glob(EVENT_FILES)):
        return {}
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    everything: Mapping[str, int] = {SCALARS: 0}  # by default it keeps a sample of long curves
    events = EventAccumulator(str(folder), size_guidance=everything).Reload()
    return {
        name: sorted((event.step, event.value) for event in events.Scalars(name))
        for name in events.Tags()[SCALARS]
    }
