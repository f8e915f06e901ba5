"""`training`: how fast the sequence model learns, beside a bare loop of torch and beside RecBole."""

import copy
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ecomai.benchmarking import Report
from ecomai.learning.callbacks import Callback
from ecomai.learning.interactions import Interactions
from ecomai.learning.splits import leave_last_out

from .sequential import read_folder

RECBOLE_PYTHON = "ECOMAI_RECBOLE_PYTHON"
PEER = Path(__file__).with_name("recbole_peer.py")

SETTINGS: dict[str, Any] = {
    "dim": 64,
    "n_layers": 2,
    "n_heads": 2,
    "max_length": 50,
    "dropout": 0.2,
    "n_negatives": 0,
    "learning_rate": 1e-3,
}
BATCH_SIZE = 128
SHORT_BATCH_SIZE = 16  # steps not far above 10 ms, where what the loop adds weighs most
PEER_BATCH_SIZE = 256
STEPS_A_TURN, N_TURNS, WARM_UP_TURNS = 5, 24, 2
PEER_STEPS_A_TURN, PEER_TURNS = 2, 6


def training(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Steps per second of the sequence model, beside a bare loop over the same batches of the same module.

    `data` is a folder as `sequential` reads it; titles are not looked at. The two take turns of a few steps
    within one process, so that what else the machine does meets both; the ratio is the median over the
    turns. `matrix_share` is what the steps' matrix products are of the rate that large products reach on
    this device. With the environment variable `ECOMAI_RECBOLE_PYTHON`, an interpreter that can import
    RecBole, its SASRec of equal size is a peer. On a GPU a text encoder is trained too.
    """
    from ecomai.learning.devices import find_device

    X = read_folder(data, seed=seed)[0]
    for _ in range(2):  # what the last two items of each user are judged by in `sequential`
        X = leave_last_out(X, min_history=1).train
    settings = {**SETTINGS, "device": str(find_device(device)), "random_state": seed}
    rows = {}
    for n, (name, batch_size) in enumerate({"default": BATCH_SIZE, "short_steps": SHORT_BATCH_SIZE}.items()):
        report(0.05 + 0.35 * n, f"{name}: batches of {batch_size}")
        rows[name] = _beside_a_bare_loop(X, {**settings, "batch_size": batch_size})
    metrics = rows.pop("default")
    if settings["device"] != "cpu":
        from .encoder_training import encoder_row

        report(0.75, "text encoder")
        rows["encoder"] = encoder_row(settings["device"])
    report(0.8, "RecBole")
    peers, notes = _recbole(X, {**settings, "batch_size": PEER_BATCH_SIZE})
    if peers:
        metrics["ratio_to_recbole"] = (
            peers["recbole"]["epoch_seconds"] / peers["recbole"]["our_epoch_seconds"]
        )
    return {
        "metrics": metrics,
        "rows": rows,
        "splits": {},
        "peers": peers,
        "settings": {**settings, "batch_size": BATCH_SIZE, "n_users": len(X), "n_items": X.n_items, **notes},
    }


class Turns(Callback):
    """After each few steps of a training lets something else have its turn, and times both."""

    def __init__(self, other: Callable[[], None], *, n_steps: int, n_turns: int) -> None:
        self.other = other
        self.n_steps = n_steps
        self.n_turns = n_turns
        self.n_taken = 0
        self.ours: list[Clock] = []
        self.others: list[Clock] = []

    def on_start(self, step: int) -> None:
        self.clock = Clock()

    def on_progress(self, progress: float) -> None:
        self.n_taken += 1
        if self.n_taken % self.n_steps == 0 and not self.should_stop():
            self.ours.append(self.clock.stop())
            clock = Clock()
            self.other()
            self.others.append(clock.stop())
            self.clock = Clock()

    def should_stop(self) -> bool:
        return len(self.ours) >= self.n_turns

    def seconds(self, kind: str, clocks: "list[Clock]") -> np.ndarray:
        return np.array([getattr(clock, kind) for clock in clocks[WARM_UP_TURNS:]])


class Clock:
    """Seconds on the wall and of the processor, the GPU's work included."""

    def __init__(self) -> None:
        self._wait()
        self.wall, self.processor = time.perf_counter(), time.process_time()

    def stop(self) -> "Clock":
        """Turn the moments into durations."""
        self._wait()
        self.wall = time.perf_counter() - self.wall
        self.processor = time.process_time() - self.processor
        return self

    def _wait(self) -> None:
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()


def _beside_a_bare_loop(X: Interactions, settings: dict[str, Any]) -> dict[str, float]:
    import torch

    from ecomai.learning.flops import count_flops, matrix_rate
    from ecomai.learning.recommenders.sequence import SequenceRecommender

    if settings["device"] != "cpu":
        torch.cuda.reset_peak_memory_stats()
    model = SequenceRecommender(**settings, max_epochs=1000)
    bare = _BareLoop(X, model)
    turns = Turns(lambda: bare.take(STEPS_A_TURN), n_steps=STEPS_A_TURN, n_turns=N_TURNS)
    _fit(model, X, turns)
    ours, bares = turns.seconds("wall", turns.ours), turns.seconds("wall", turns.others)
    ours_busy, bares_busy = (
        turns.seconds("processor", turns.ours),
        turns.seconds("processor", turns.others),
    )
    steps_per_second = STEPS_A_TURN / float(np.median(ours))
    flops = np.mean([count_flops(bare.module, bare.move(batch)) for batch in bare.some_batches(4)])
    row = {
        "steps_per_second": steps_per_second,
        "ratio_to_bare": float(np.median(bares / ours)),
        "ratio_of_processor_time": float(np.median(bares_busy / ours_busy)),
        "tokens_per_second": steps_per_second * bare.n_tokens / bare.n_steps,
        "matrix_share": float(flops) * steps_per_second / matrix_rate(settings["device"]),
    }
    if settings["device"] != "cpu":
        row["peak_device_memory_mb"] = torch.cuda.max_memory_allocated() / 2**20
    return row


def _fit(model: Any, X: Interactions, turns: Turns) -> None:
    from ecomai.learning.exceptions import TrainingCancelledError

    try:
        model.fit(X, callbacks=[turns])
    except TrainingCancelledError:
        return


class _BareLoop:
    """What one would write by hand: the same module, batches, optimizer, schedule and clipping."""

    def __init__(self, X: Interactions, model: Any) -> None:
        from ecomai.learning.recommenders.sequence_windows import SequenceWindows

        self.model = model
        self.windows = SequenceWindows(X, model.max_length)
        self.n_tokens = 0
        self.n_steps = 0

    def take(self, n_steps: int) -> None:
        """Take so many steps, with a copy of the module as it is at the first."""
        import torch

        if self.n_steps == 0:
            self._begin()
        for _ in range(n_steps):
            batch = self.move(next(self.batches))
            with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
                loss = self.module(**batch)["loss"]
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
            self.optimizer.step()
            self.schedule.step()
            self.optimizer.zero_grad()
            self.n_tokens += int((batch["targets"] >= 0).sum())
            self.n_steps += 1

    def _begin(self) -> None:
        import torch

        self.module = copy.deepcopy(self.model.network).train()
        self.device = next(self.module.parameters()).device
        self.optimizer = torch.optim.AdamW(self.module.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
        self.schedule = torch.optim.lr_scheduler.LinearLR(self.optimizer, total_iters=1000)
        self.batches = self._forever()

    def some_batches(self, n: int) -> Iterator[dict[str, Any]]:
        """Yield the batches that come next."""
        for _ in range(n):
            yield next(self.batches)

    def _forever(self) -> Iterator[dict[str, Any]]:
        from ecomai.learning.trainer import LengthBuckets

        sampler = LengthBuckets(self.windows.lengths, self.model.batch_size, self.model.random_state)
        while True:
            for rows in sampler:
                yield self.windows.__getitems__(rows)

    def move(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return a batch on the module's device."""
        return {name: tensor.to(self.device) for name, tensor in batch.items()}


def _recbole(X: Interactions, settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Epochs of both at equal size and equal data, in turns; each step of an epoch costs what the sample did.

    RecBole makes a row of each prefix of a history and predicts its one next item, ours predicts each
    next item of a history in one row: both are a full softmax over the same targets.
    """
    python = os.environ.get(RECBOLE_PYTHON)
    if not python:
        return {}, {"recbole": f"left out: {RECBOLE_PYTHON} names no interpreter"}
    with tempfile.TemporaryDirectory(prefix="ecomai-recbole-") as folder:
        _write_atomic(X, Path(folder))
        try:
            return {"recbole": _race(python, folder, X, settings)}, {}
        except (OSError, ValueError) as error:
            return {}, {"recbole": f"left out: {error}"}


def _race(python: str, folder: str, X: Interactions, settings: dict[str, Any]) -> dict[str, float]:
    import torch

    from ecomai.learning.recommenders.sequence import SequenceRecommender

    asked = {**settings, "seed": settings["random_state"], "n_threads": torch.get_num_threads()}
    with subprocess.Popen(
        [python, str(PEER), folder, json.dumps(asked)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        size = json.loads(_answer(process))
        answers: list[dict[str, float]] = []
        turns = Turns(
            lambda: answers.append(json.loads(_answer(process, PEER_STEPS_A_TURN))),
            n_steps=STEPS_A_TURN,
            n_turns=PEER_TURNS + WARM_UP_TURNS,
        )
        model = SequenceRecommender(**settings, max_epochs=1000)
        _fit(model, X, turns)
        process.terminate()
    theirs = np.array([[answer["seconds"], answer["processor_seconds"]] for answer in answers])
    theirs = theirs[WARM_UP_TURNS:] / PEER_STEPS_A_TURN * size["n_steps"]
    n_steps = -(-len(X) // settings["batch_size"])
    ours = np.array([turns.seconds(kind, turns.ours) for kind in ("wall", "processor")]).T
    ours = ours / STEPS_A_TURN * n_steps
    return {
        "epoch_seconds": float(np.median(theirs[:, 0])),
        "our_epoch_seconds": float(np.median(ours[:, 0])),
        "epoch_processor_seconds": float(np.median(theirs[:, 1])),
        "our_epoch_processor_seconds": float(np.median(ours[:, 1])),
        "n_rows": size["n_rows"],
        "n_steps": size["n_steps"],
        "our_n_steps": n_steps,
    }


def _answer(process: "subprocess.Popen[str]", n_steps: int | None = None) -> str:
    line = ""
    if process.stdin and process.stdout:
        if n_steps is not None:
            print(n_steps, file=process.stdin, flush=True)
        line = process.stdout.readline()
    if not line:
        raise ValueError("the process ended early; run recommendations/benchmarks/recbole_peer.py by hand")
    return line


def _write_atomic(X: Interactions, folder: Path) -> None:
    """Write RecBole's format, with two items more for each user, which it leaves out of its training."""
    (folder / "interactions").mkdir()
    with (folder / "interactions" / "interactions.inter").open("w") as file:
        file.write("user_id:token\titem_id:token\ttimestamp:float\n")
        for user, (start, stop) in enumerate(zip(X.offsets[:-1], X.offsets[1:], strict=True)):
            items = [*X.items[start:stop], *X.items[start : start + 1].repeat(2)]
            file.writelines(f"u{user}\ti{item}\t{time}\n" for time, item in enumerate(items))
