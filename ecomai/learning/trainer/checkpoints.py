"""Where a training goes on after a kill."""

import json
import shutil
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import transformers
from safetensors import SafetensorError, safe_open
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from .ranks import Ranks

FINGERPRINT = "fingerprint.json"
STATE = "trainer_state.json"
STATE_FILES = ("optimizer.pt", "scheduler.pt")


def newest_complete_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint that can be read in full, and remove the newer broken ones.

    A process that is killed while it writes leaves a folder of the highest number with files cut off.

    Parameters
    ----------
    folder : Path
        Where a training keeps its checkpoints.

    Returns
    -------
    Path or None
        None where there is no complete checkpoint.
    """
    found = [path for path in _checkpoints(folder) if path.name.rsplit("-")[-1].isdigit()]
    for path in sorted(found, key=lambda path: int(path.name.rsplit("-")[-1]), reverse=True):
        if _is_complete(path):
            return path
        shutil.rmtree(path)
    return None


def _checkpoints(folder: Path) -> list[Path]:
    return list(folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"))


def _is_complete(checkpoint: Path) -> bool:
    try:
        read_state(checkpoint)
    except (OSError, ValueError):
        return False
    if not is_readable(checkpoint / "model.safetensors"):
        return False
    # A zip's directory is at its end, so a file that was cut is no zip file.
    randomness = list(checkpoint.glob("rng_state*.pth"))
    zips = [*(checkpoint / name for name in STATE_FILES), *randomness, *checkpoint.glob("scaler.pt")]
    return bool(randomness) and all(zipfile.is_zipfile(path) for path in zips)


def read_state(checkpoint: Path) -> dict[str, Any]:
    """Return what transformers noted of a training: `global_step`, `epoch`, `log_history` and more."""
    state: dict[str, Any] = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    return state


def is_readable(weights: Path) -> bool:
    """Whether a safetensors file is there in full: its header says how long it must be."""
    try:
        with safe_open(weights, "pt") as file:
            file.keys()
    except (OSError, SafetensorError):
        return False
    return True


def keep_only_if_equal(folder: Path, fingerprint: Mapping[str, Any]) -> None:
    """Remove what another training left in the folder: its weights would not fit, or fit by mistake."""
    wanted = json.dumps(fingerprint, sort_keys=True)
    note = folder / FINGERPRINT
    if not (note.exists() and note.read_text(encoding="utf-8", errors="replace") == wanted):
        clear(folder)
        write_whole(note, lambda path: path.write_text(wanted, encoding="utf-8"))


def clear(folder: Path) -> None:
    """Remove checkpoints, best weights and judgements."""
    for path in _checkpoints(folder):
        shutil.rmtree(path)
    for pattern in ("best-*.safetensors", "judgements.json", FINGERPRINT):
        for path in folder.glob(pattern):
            path.unlink()


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file so that a kill in the middle leaves the one before it."""
    unfinished = path.with_name(f"{path.name}.part")
    write(unfinished)
    unfinished.replace(path)


class Checkpoints(transformers.TrainerCallback):
    """Asks for a checkpoint when the last one is old enough.

    Only right after a point of the curve: the next point is then the mean of the same steps as without
    a kill, and weights of a loss that is no number are never kept. And never between an epoch and its
    judgement, which would be left out after a resume.
    """

    def __init__(self, seconds: float, ranks: Ranks) -> None:
        self.seconds = seconds
        self.ranks = ranks
        self.saved_at = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Ask in the middle of an epoch."""
        if control.should_log and not float(state.epoch).is_integer():
            control.should_save |= self.ranks.run_on_main(self._is_time)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Ask after the judgement."""
        if state.global_step % state.logging_steps == 0:
            control.should_save |= self.ranks.run_on_main(self._is_time)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Note the time."""
        self.saved_at = time.monotonic()

    def _is_time(self) -> bool:
        return time.monotonic() - self.saved_at >= self.seconds
