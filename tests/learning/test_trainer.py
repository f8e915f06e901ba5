"""A training that is killed goes on where it was, to the same end."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ecomai.learning.callbacks import Callback
from ecomai.learning.interactions import Interactions
from ecomai.learning.recommenders.sequence import SequenceRecommender
from ecomai.learning.splits import leave_last_out
from ecomai.learning.trainer import (
    LengthBuckets,
    TrainingPlan,
    checkpoints,
    newest_complete_checkpoint,
    train,
)

OPTIONS = {"dim": 8, "n_layers": 1, "max_length": 8, "batch_size": 32, "max_epochs": 3, "device": "cpu"}


class KilledError(Exception):
    pass


class KillAt(Callback):
    """Ends the process's work at a share of the steps, as a signal would."""

    def __init__(self, share: float) -> None:
        self.share = share

    def on_progress(self, progress: float) -> None:
        if progress >= self.share:
            raise KilledError


class Count(Callback):
    def __init__(self) -> None:
        self.n_steps = 0

    def on_progress(self, progress: float) -> None:
        self.n_steps += 1


@pytest.fixture(autouse=True)
def _a_checkpoint_at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SequenceRecommender, "_plan", _frequent(SequenceRecommender._plan))


def _frequent(plan: Any) -> Any:
    return lambda model: TrainingPlan(**{**vars(plan(model)), "checkpoint_seconds": 0.0})


def fit(X: Interactions, folder: Path | None, **options: Any) -> SequenceRecommender:
    split = leave_last_out(X)
    model = SequenceRecommender(**{**OPTIONS, **options.pop("hyperparameters", {})})
    return model.fit(split.train, valid=split, checkpoint_folder=folder, **options)


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_resumed_training_ends_with_the_same_weights(
    loyal_users: Interactions, tmp_path: Path, share: float
) -> None:
    whole = fit(loyal_users, tmp_path / "whole")
    with pytest.raises(KilledError):
        fit(loyal_users, tmp_path / "killed", callbacks=[KillAt(share)])
    count = Count()
    resumed = fit(loyal_users, tmp_path / "killed", callbacks=[count])
    np.testing.assert_allclose(resumed.scores([[0, 1]]), whole.scores([[0, 1]]), rtol=0, atol=1e-6)
    assert resumed.best_epoch_ == whole.best_epoch_
    assert count.n_steps < 12 * (1 - share) + 2  # 4 steps an epoch


def test_a_checkpoint_that_was_cut_off_is_passed_over(loyal_users: Interactions, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        fit(loyal_users, tmp_path, callbacks=[KillAt(0.5)])
    newest = newest_complete_checkpoint(tmp_path)
    assert newest is not None
    for name in ("model.safetensors", "optimizer.pt", "trainer_state.json", "rng_state.pth"):
        broken = newest.with_name(f"checkpoint-{10_000}")
        shutil.copytree(newest, broken)
        content = (broken / name).read_bytes()
        (broken / name).write_bytes(content[: len(content) // 2])
        assert newest_complete_checkpoint(tmp_path) == newest
        assert not broken.exists()
    np.testing.assert_allclose(
        fit(loyal_users, tmp_path).scores([[0]]), fit(loyal_users, None).scores([[0]]), atol=1e-6
    )


def test_checkpoints_of_another_training_are_not_taken_up(loyal_users: Interactions, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        fit(loyal_users, tmp_path, callbacks=[KillAt(0.5)])
    other = {"random_state": 9}
    count = Count()
    model = fit(loyal_users, tmp_path, hyperparameters=other, callbacks=[count])
    np.testing.assert_allclose(
        model.scores([[0]]), fit(loyal_users, None, hyperparameters=other).scores([[0]]), atol=1e-6
    )


def test_only_the_newest_checkpoints_are_kept(loyal_users: Interactions, tmp_path: Path) -> None:
    fit(loyal_users, tmp_path)
    assert len(list(tmp_path.glob("checkpoint-*"))) <= 2


def test_nothing_is_printed(loyal_users: Interactions, capfd: pytest.CaptureFixture[str]) -> None:
    fit(loyal_users, None)
    assert capfd.readouterr() == ("", "")


def test_buckets_hold_each_row_once_with_rows_of_like_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 1000)
    sampler = LengthBuckets(lengths, 16, 3)
    batches = list(sampler)
    assert len(batches) == len(sampler) == 63
    assert [len(batch) for batch in batches] == [16] * 62 + [8]
    assert sorted(row for batch in batches for row in batch) == list(range(1000))
    assert np.mean([np.ptp(lengths[batch]) for batch in batches[:-1]]) < 20
    sampler.set_epoch(1)
    assert list(sampler) != batches


@pytest.mark.parametrize("n_ranks", [2, 3])
def test_devices_share_the_rows_of_each_batch(n_ranks: int) -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 49)
    whole = list(LengthBuckets(lengths, 16, 3))
    shares = [list(LengthBuckets(lengths, 16, 3, rank, n_ranks)) for rank in range(n_ranks)]
    for number, batch in enumerate(whole):
        parts = [share[number] for share in shares]
        assert sorted(row for part in parts for row in part) == sorted(batch)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_judging_sees_the_module_without_dropout(loyal_users: Interactions) -> None:
    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            assert self.training
            return {"loss": ((self.weight - x) ** 2).mean()}

    class Rows:
        lengths = np.ones(8, dtype=np.int64)

        def __len__(self) -> int:
            return 8

        def __getitems__(self, rows: list[int]) -> dict[str, torch.Tensor]:
            return {"x": torch.ones(len(rows))}

    seen = []

    def judge(module: torch.nn.Module) -> dict[str, float]:
        seen.append(module.training)
        return {"closeness": -abs(1 - float(module.weight))}

    module = Module()
    plan = TrainingPlan(max_epochs=4, batch_size=4, learning_rate=0.1, device="cpu")
    result = train(module, Rows(), plan, judge=judge, metric="closeness")
    assert seen == [False] * 4
    assert result.n_steps == 8
    assert result.best_epoch == 4
    assert module.weight > 0


def test_a_kill_while_a_note_is_written_leaves_the_note_before_it(tmp_path):
    note = tmp_path / "judgements.json"
    note.write_text("{}")

    def cut(path):
        path.write_text('{"1": 0.')
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checkpoints.write_whole(note, cut)
    assert note.read_text() == "{}"
