"""Which weights of a transformer training moves: its own, or those of adapters beside them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft import AdaLoraConfig, LoraConfig, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from ecomai.learning.exceptions import InvalidDataError

from .bases import find_layers, make_own, share
from .bottleneck import add_bottleneck
from .prefix import add_prefixes
from .pretrained import PooledEncoder

KINDS = ("full", "lora", "adalora", "prefix", "bottleneck")
#: Kinds whose weights can be added to those of the transformer, so that serving them costs nothing.
MERGEABLE = ("lora", "adalora")
#: As far as each kind can be hurried without falling apart.
LEARNING_RATES = {
    "full": 5e-5, "lora": 1e-3, "adalora": 2e-3, "prefix": 5e-3, "bottleneck": 1e-3, "head": 1e-3,
}  # fmt: skip
#: AdaLoRA begins with this many times the rank it ends with.
EXTRA_RANK = 1.5
# Shares of the steps before ranks are taken away, and after the last one was.
ADALORA_START, ADALORA_END = 0.1, 0.3
ORTHOGONALITY = 0.5


def build_network(
    backbone: nn.Module, *, kind: str, layers: str | int, rank: int, n_steps: int = 100
) -> tuple[PooledEncoder, Any]:
    """Return an encoder that shares what stays frozen, and owns what training moves.

    Parameters
    ----------
    backbone : nn.Module
        A frozen transformer; it is left as it is.
    kind : {"full", "lora", "adalora", "prefix", "bottleneck"}
    layers : {"all", "head"} or int
        Which layers learn: all, the top ones, or a square matrix on top of the pooled vector.
    rank : int
        Rank of LoRA, width of a bottleneck, number of prefix positions.
    n_steps : int, default 100
        How long AdaLoRA's training will be.

    Returns
    -------
    network : PooledEncoder
    tuner
        What peft knows of LoRA's or AdaLoRA's adapters; None for other kinds.

    Raises
    ------
    InvalidDataError
        If the kind, or the number of layers, does not exist, or the transformer cannot take it.
    """
    shared: Any = share(backbone)
    if layers == "head":
        head = nn.Linear(shared.config.hidden_size, shared.config.hidden_size, bias=False)
        nn.init.eye_(head.weight)
        return PooledEncoder(shared, head), None
    chosen = _choose_layers(shared, layers)
    tuner = None
    if kind == "full":
        _own_weights(shared, chosen, layers)
    elif kind in MERGEABLE:
        tuner = get_peft_model(shared, _low_rank_config(shared, chosen, kind, rank, n_steps))
    elif kind == "bottleneck":
        for layer in chosen:
            add_bottleneck(layer, shared.config.hidden_size, rank)
    elif kind == "prefix":
        add_prefixes(shared, chosen, rank)
    else:
        raise InvalidDataError(f"There is no kind {kind!r} of fine-tuning; there are {', '.join(KINDS)}.")
    return PooledEncoder(shared), tuner


def own_tensors(network: nn.Module, backbone: nn.Module) -> dict[str, Tensor]:
    """Return what a network does not share with the transformer it stands on.

    Parameters
    ----------
    network : nn.Module
    backbone : nn.Module

    Returns
    -------
    dict of str to tensor
        On the CPU.
    """
    shared = {id(tensor) for tensor in (*backbone.parameters(), *backbone.buffers())}
    tensors = dict(network.named_parameters())
    return {
        name: tensor.detach().cpu().clone().contiguous()
        for name, tensor in tensors.items()
        if id(tensor) not in shared
    }


def merge(network: PooledEncoder, tuner: Any) -> PooledEncoder:
    """Return the network with low-rank adapters added to the weights they adapt.

    Parameters
    ----------
    network : PooledEncoder
    tuner
        From `build_network`.

    Returns
    -------
    PooledEncoder
        It owns the weights that changed, and shares the others.
    """
    for module in network.modules():
        if isinstance(module, BaseTunerLayer):
            make_own(module.get_base_layer(), is_trainable=False)
    return PooledEncoder(tuner.merge_and_unload(), network.head)


@contextmanager
def allocating_ranks(tuner: Any) -> Iterator[None]:
    """Let AdaLoRA move its ranks to where they matter, after each step of the optimiser.

    Parameters
    ----------
    tuner
        From `build_network`; others than AdaLoRA's need nothing.
    """
    model: Any = getattr(tuner, "base_model", None)
    if not hasattr(model, "update_and_allocate"):
        yield
        return
    n_steps = 0

    def allocate(*args: Any) -> None:
        nonlocal n_steps
        n_steps += 1
        model.update_and_allocate(n_steps)

    hook = register_optimizer_step_post_hook(allocate)  # gradients are still there
    try:
        yield
    finally:
        hook.remove()


def orthogonality_loss(network: nn.Module) -> Tensor | float:
    """Return what keeps AdaLoRA's directions apart, so that each rank can be judged alone; 0 without any.

    Parameters
    ----------
    network : nn.Module

    Returns
    -------
    tensor of shape () or 0
    """
    losses = []
    for name, weight in network.named_parameters():
        if weight.requires_grad and (".lora_A." in name or ".lora_B." in name):
            products = weight @ weight.T if ".lora_A." in name else weight.T @ weight
            losses.append(torch.dist(products, torch.eye(len(products), device=weight.device)))
    return ORTHOGONALITY * torch.stack(losses).mean() if losses else 0.0


def _choose_layers(backbone: nn.Module, layers: str | int) -> list[nn.Module]:
    found = list(find_layers(backbone))
    if layers == "all":
        return found
    if not isinstance(layers, int) or isinstance(layers, bool) or not 1 <= layers <= len(found):
        raise InvalidDataError(f"layers must be 'all', 'head' or a number from 1 to {len(found)}.")
    return found[-layers:]


def _own_weights(backbone: nn.Module, chosen: list[nn.Module], layers: str | int) -> None:
    if layers != "all":
        for layer in chosen:
            make_own(layer)
        return
    for name, part in backbone.named_children():
        make_own(part, is_trainable="pooler" not in name)  # whose output nothing here reads


def _low_rank_config(
    backbone: nn.Module, chosen: list[nn.Module], kind: str, rank: int, n_steps: int
) -> LoraConfig | AdaLoraConfig:
    inside = {id(module) for layer in chosen for module in layer.modules()}
    targets = [
        name
        for name, module in backbone.named_modules()
        if id(module) in inside and isinstance(module, nn.Linear)
    ]
    if kind == "lora":
        return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets)
    start, end = int(ADALORA_START * n_steps), int(ADALORA_END * n_steps)
    return AdaLoraConfig(
        init_r=max(rank + 1, round(EXTRA_RANK * rank)), target_r=rank, lora_alpha=2 * rank,
        tinit=start, tfinal=end, deltaT=max(1, n_steps // 50), total_step=max(n_steps, start + end + 1),
        target_modules=targets,
    )  # fmt: skip
