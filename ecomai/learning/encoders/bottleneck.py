"""Bottleneck adapters: narrow detours behind the layers of a transformer."""

from typing import Any

from torch import Tensor, nn


class Bottleneck(nn.Module):
    """A narrow detour behind a layer; it changes nothing until it has learned.

    References
    ----------
    Houlsby et al., "Parameter-efficient transfer learning for NLP", 2019; Pfeiffer et al.,
    "AdapterFusion", 2021, for one per layer.
    """

    def __init__(self, width: int, narrow: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, narrow)
        self.up = nn.Linear(narrow, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, D) -> (B, T, D)
        """Add what few dimensions learned to tokens of shape (B, T, D)."""
        return x + self.up(nn.functional.gelu(self.down(x)))


def add_bottleneck(layer: nn.Module, width: int, narrow: int) -> None:
    """Put a bottleneck adapter behind a layer.

    Parameters
    ----------
    layer : nn.Module
        Returns hidden states, alone or first of a tuple.
    width : int
        Of the hidden states.
    narrow : int
        Of the bottleneck.
    """
    layer.add_module("bottleneck", Bottleneck(width, narrow))
    layer.register_forward_hook(_through_bottleneck)


def _through_bottleneck(layer: Any, inputs: Any, output: Any) -> Any:
    if isinstance(output, tuple):
        return (layer.bottleneck(output[0]), *output[1:])
    return layer.bottleneck(output)
