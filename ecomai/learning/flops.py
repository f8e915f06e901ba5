"""How much a training step multiplies, and how fast this device could."""

import time
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

MATRIX_SIZES = {"cpu": 1024, "cuda": 8192}
N_PRODUCTS = 10


def count_flops(module: nn.Module, batch: Mapping[str, Tensor]) -> int:
    """Return the floating point operations of a step's matrix products, forwards and backwards.

    Parameters
    ----------
    module : nn.Module
        `module(**batch)` returns `{"loss": tensor}`. Its gradients are gone afterwards.
    batch : mapping of str to tensor
        On the module's device.

    Returns
    -------
    int
        A multiplication and its addition are two. What is no matrix product is not counted.

    Examples
    --------
    >>> class Sum(nn.Linear):
    ...     def forward(self, x):
    ...         return {"loss": super().forward(x).sum()}
    >>> count_flops(Sum(4, 3, bias=False), {"x": torch.ones(2, 4)})  # the output and the weights' gradient
    96
    """
    with FlopCounterMode(display=False) as counter:
        module(**batch)["loss"].backward()
    module.zero_grad()
    return int(counter.get_total_flops())


def matrix_rate(device: str) -> float:
    """Return the floating point operations per second that large matrix products reach.

    In the precision that `train` uses: bfloat16 on a GPU, 32 bits on a CPU.

    Parameters
    ----------
    device : str

    Returns
    -------
    float
    """
    kind = torch.device(device).type
    size = MATRIX_SIZES[kind]
    matrix = torch.randn(size, size, device=device, dtype=torch.bfloat16 if kind == "cuda" else torch.float32)
    times = []
    for _ in range(N_PRODUCTS):
        _wait(kind)
        started = time.perf_counter()
        matrix @ matrix
        _wait(kind)
        times.append(time.perf_counter() - started)
    return 2 * size**3 / min(times)


def _wait(kind: str) -> None:
    if kind == "cuda":
        torch.cuda.synchronize()
