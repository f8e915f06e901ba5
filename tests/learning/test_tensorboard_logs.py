"""The curve is in TensorBoard's files once, however often the training was killed."""

import subprocess
import sys
import time
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from ecomai.learning.tensorboard_logs import TensorBoardLogs, read_curves


def write(folder: Path, start: int, steps: range, scale: float = 1.0) -> None:
    logs = TensorBoardLogs(folder)
    logs.on_start(start)
    for step in steps:
        logs.on_log(step, {"loss": scale * step})
    logs.on_end()


def test_curves_are_read_as_they_were_written(tmp_path: Path) -> None:
    logs = TensorBoardLogs(tmp_path / "logs")
    logs.on_start(0)
    logs.on_log(10, {"loss": 2.0, "learning_rate": 0.5})
    logs.on_log(12, {"ndcg@10": 0.25})
    logs.on_log(20, {"loss": 1.0})
    assert read_curves(tmp_path / "logs") == {
        "loss": [(10, 2.0), (20, 1.0)],
        "learning_rate": [(10, 0.5)],
        "ndcg@10": [(12, 0.25)],
    }
    logs.on_end()


def test_a_resumed_curve_has_each_step_once(tmp_path: Path) -> None:
    write(tmp_path, 0, range(1, 8))
    write(tmp_path, 4, range(5, 11), scale=-1.0)
    expected = [(step, float(step)) for step in range(1, 5)] + [(step, -float(step)) for step in range(5, 11)]
    assert read_curves(tmp_path) == {"loss": expected}


def test_what_goes_on_within_the_second_in_which_it_was_killed_is_read_last(tmp_path: Path) -> None:
    """Names of one second are told apart by the number of the process, which may have been greater."""
    write(tmp_path, 0, range(1, 8))
    (file,) = tmp_path.iterdir()
    file.rename(tmp_path / f"events.out.tfevents.{int(time.time())}.zzz.99999999.0")
    write(tmp_path, 4, range(5, 11), scale=-1.0)
    assert [step for step, _ in read_curves(tmp_path)["loss"]] == list(range(1, 11))


def test_a_training_that_starts_anew_voids_what_was_there(tmp_path: Path) -> None:
    write(tmp_path, 0, range(1, 8))
    write(tmp_path, 0, range(1, 3), scale=5.0)
    assert read_curves(tmp_path) == {"loss": [(1, 5.0), (2, 10.0)]}


def test_a_file_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    write(tmp_path, 0, range(1, 8))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    assert read_curves(tmp_path) == {"loss": [(step, float(step)) for step in range(1, 7)]}


def test_a_long_curve_is_read_whole(tmp_path: Path) -> None:
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(12_000):
            writer.add_scalar("loss", 1.0, step)
    assert len(read_curves(tmp_path)["loss"]) == 12_000


def test_a_folder_without_files_has_no_curves(tmp_path: Path) -> None:
    assert read_curves(tmp_path) == {}
    assert read_curves(tmp_path / "missing") == {}


def test_reading_imports_neither_torch_nor_tensorflow(tmp_path: Path) -> None:
    write(tmp_path, 0, range(1, 3))
    code = (
        "import sys; from ecomai.learning.tensorboard_logs import read_curves;"
        "print(read_curves(sys.argv[1]));"
        "assert not {'torch', 'tensorflow', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "{'loss': [(1, 1.0), (2, 2.0)]}"
