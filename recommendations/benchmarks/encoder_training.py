"""How fast a text encoder of all-MiniLM-L6-v2's size is fine-tuned through our loop."""

import time
from typing import Any

import numpy as np

from ecomai.learning.callbacks import Callback

SIZE = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
N_TOKENS, BATCH_SIZE, N_STEPS, WARM_UP_STEPS = 64, 256, 60, 10


def encoder_row(
    device: str, size: dict[str, int] = SIZE, *, batch_size: int = BATCH_SIZE, n_steps: int = N_STEPS
) -> dict[str, float]:
    """Return tokens per second and more, of random weights and texts: their speed is that of real ones.

    The loss is contrastive: each text must find itself, after other dropout, among those of its batch.
    """
    import torch

    from ecomai.learning.flops import count_flops, matrix_rate
    from ecomai.learning.trainer import TrainingPlan, train

    rows = _Texts(n_steps * batch_size)
    module = _contrastive(size)
    watch = _Stopwatch(device)
    plan = TrainingPlan(max_epochs=1, batch_size=batch_size, learning_rate=1e-5, device=device)
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    train(module, rows, plan, callbacks=[watch])
    steps_per_second = watch.steps_per_second()
    batch = {name: tensor.to(device) for name, tensor in rows.__getitems__(list(range(batch_size))).items()}
    row = {
        "steps_per_second": steps_per_second,
        "tokens_per_second": steps_per_second * batch_size * N_TOKENS,
        "matrix_share": count_flops(module, batch) * steps_per_second / matrix_rate(device),
    }
    if device != "cpu":
        row["peak_device_memory_mb"] = torch.cuda.max_memory_allocated() / 2**20
    return row


def _contrastive(size: dict[str, int]) -> Any:
    import torch
    from torch.nn import functional
    from transformers import BertConfig, BertModel

    class Contrastive(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = BertModel(BertConfig(**size), add_pooling_layer=False)

        def forward(self, input_ids: torch.Tensor) -> dict[str, torch.Tensor]:
            one, other = (
                functional.normalize(self.encoder(input_ids=input_ids).last_hidden_state.mean(1), dim=-1)
                for _ in range(2)
            )  # (B, D)
            wanted = torch.arange(len(one), device=one.device)
            return {"loss": functional.cross_entropy(one @ other.T / 0.05, wanted)}

    return Contrastive()


class _Texts:
    def __init__(self, n_rows: int) -> None:
        self.ids = np.random.default_rng(0).integers(1000, 30_000, size=(n_rows, N_TOKENS))
        self.lengths = np.full(n_rows, N_TOKENS)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitems__(self, rows: list[int]) -> dict[str, Any]:
        import torch

        return {"input_ids": torch.from_numpy(self.ids[rows])}


class _Stopwatch(Callback):
    def __init__(self, device: str) -> None:
        self.device = device
        self.n_steps = 0

    def on_progress(self, progress: float) -> None:
        self.n_steps += 1
        if self.n_steps == WARM_UP_STEPS:
            self._wait()
            self.started = time.perf_counter()

    def steps_per_second(self) -> float:
        self._wait()
        return (self.n_steps - WARM_UP_STEPS) / (time.perf_counter() - self.started)

    def _wait(self) -> None:
        import torch

        if self.device != "cpu":
            torch.cuda.synchronize()
