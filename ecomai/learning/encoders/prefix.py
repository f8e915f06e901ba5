"""Prefix tuning: learned keys and values in a transformer's attention."""

from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from ecomai.learning.exceptions import InvalidDataError

PREFIX_ATTENTION = "ecomai_prefix"

# Heads and their width by attention, while a transformer is read to find them.
_readings: ContextVar[dict[nn.Module, tuple[int, int]] | None] = ContextVar("readings", default=None)


class Prefix(nn.Module):
    """Learned keys and values that every text of a layer's attention may look at.

    References
    ----------
    Li and Liang, "Prefix-tuning: optimizing continuous prompts for generation", 2021; Liu et al.,
    "P-tuning v2", 2022, for encoders.
    """

    def __init__(self, n_heads: int, n_positions: int, width: int) -> None:
        super().__init__()
        shape = (1, n_heads, n_positions, width)
        self.key = nn.Parameter(torch.randn(shape) * 0.02)
        self.value = nn.Parameter(torch.zeros(shape))

    def forward(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:  # (B, H, T, D) each
        """Put P learned keys and values before those of the tokens: (B, H, T, D) to (B, H, P + T, D)."""
        n_texts = len(key)
        key = torch.cat([self.key.expand(n_texts, -1, -1, -1), key], dim=2)
        return key, torch.cat([self.value.expand(n_texts, -1, -1, -1), value], dim=2)


def add_prefixes(backbone: Any, chosen: list[nn.Module], n_positions: int) -> None:
    """Give the attention of some layers a prefix.

    The prefix enters through transformers' attention interface. peft's prefix tuning hands it over as a
    cache of past keys, which encoders other than BERT ignore without a word.

    Parameters
    ----------
    backbone : nn.Module
    chosen : list of nn.Module
        Its layers.
    n_positions : int

    Raises
    ------
    InvalidDataError
        If the transformer does not use the interface.
    """
    inside = {id(module) for layer in chosen for module in layer.modules()}
    device = next(backbone.parameters()).device
    try:
        backbone.set_attn_implementation(PREFIX_ATTENTION)
        shapes = _attention_shapes(backbone, device)
    except (ValueError, NotImplementedError):
        shapes = {}
    shapes = {module: shape for module, shape in shapes.items() if id(module) in inside}
    if not shapes:
        raise InvalidDataError(
            f"{type(backbone).__name__} does not take a prefix; choose kind='lora' or kind='bottleneck'."
        )
    for module, (n_heads, width) in shapes.items():
        module.add_module("prefix", Prefix(n_heads, n_positions, width).to(device))


def _attention_shapes(backbone: Any, device: torch.device) -> dict[nn.Module, tuple[int, int]]:
    """Return each attention with its number of heads and their width, as one reading shows them."""
    shapes: dict[nn.Module, tuple[int, int]] = {}
    reading = _readings.set(shapes)
    try:
        with torch.no_grad():
            ids = torch.ones(1, 2, dtype=torch.long, device=device)
            backbone(input_ids=ids, attention_mask=torch.ones_like(ids))
    finally:
        _readings.reset(reading)
    return shapes


def _attend_with_prefix(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **kwargs: Any
) -> Any:
    shapes = _readings.get()
    if shapes is not None:
        shapes[module] = (key.shape[1], key.shape[3])
    if hasattr(module, "prefix"):
        n_tokens = key.shape[2]
        key, value = module.prefix(key, value)
        if attention_mask is not None:
            n_positions = key.shape[2] - n_tokens
            attention_mask = nn.functional.pad(attention_mask, (n_positions, 0), value=True)
    return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)


AttentionInterface.register(PREFIX_ATTENTION, _attend_with_prefix)
AttentionMaskInterface.register(PREFIX_ATTENTION, sdpa_mask)
