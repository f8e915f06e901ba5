"""Where tensors live, and randomness that leaves the caller's alone."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from .exceptions import InvalidDataError


def find_device(device: str = "auto") -> torch.device:
    """Return the device to compute on.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", ...}, default "auto"
        `"auto"` takes the GPU where there is one.

    Returns
    -------
    torch.device

    Raises
    ------
    InvalidDataError
        If a GPU is asked for and there is none.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found = torch.device(device)
    if found.type == "cuda" and not torch.cuda.is_available():
        raise InvalidDataError(f"This machine has no device {device!r}; use 'auto' or 'cpu'.")
    return found


def narrow_maths(device: torch.device, *, is_wanted: bool = True) -> torch.autocast:
    """Return a context in which linear maps multiply numbers of 16 bits, where the device is fast at it.

    A processor without instructions for them takes three times as long as with 32 bits.

    Parameters
    ----------
    device : torch.device
    is_wanted : bool, default True
        False keeps 32 bits.

    Returns
    -------
    torch.autocast
    """
    is_fast = device.type != "cpu"
    if not is_fast:
        can = torch.cpu.get_capabilities()
        is_fast = bool(can.get("amx_bf16") or can.get("avx512_bf16"))
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_wanted and is_fast)


@contextmanager
def seeded(random_state: int) -> Iterator[None]:
    """Seed every generator for a while, then put the caller's state back.

    Parameters
    ----------
    random_state : int
        The same seed gives the same numbers.
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        random.seed(random_state)
        np.random.seed(random_state % 2**32)
        torch.manual_seed(random_state)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


@contextmanager
def threads(n_threads: int | None) -> Iterator[None]:
    """Let torch use so many threads of the CPU for a while; None leaves their number as it is.

    Parameters
    ----------
    n_threads : int or None
    """
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def detached_state(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return a module's weights as tensors that can be written: on the CPU, contiguous, without gradient.

    Parameters
    ----------
    module : nn.Module

    Returns
    -------
    dict of str to tensor
    """
    return {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
