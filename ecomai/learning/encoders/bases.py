"""Published transformers, loaded once per process however many encoders stand on them."""

import copy
import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import nn
from transformers import AutoModel, AutoTokenizer

from ecomai.learning.exceptions import MissingEncoderError
from ecomai.learning.quiet import silence_transformers

# Weights that published encoders may lack, because nothing here reads them.
UNUSED_WEIGHTS = "pooler"

silence_transformers()


@dataclass(eq=False)
class Base:
    """A transformer as it was published. Its weights are frozen and may be shared; they never change.

    Attributes
    ----------
    source : str
        Folder or id it came from.
    digest : str
        SHA-256 of weights, architecture and tokenizer.
    backbone : nn.Module
        Without dropout (evaluation mode), without gradients.
    tokenizer
    """

    source: str
    digest: str
    backbone: nn.Module
    tokenizer: Any


_bases: WeakValueDictionary[tuple[str, str], Base] = WeakValueDictionary()
_digests: dict[tuple[Any, ...], str] = {}
_lock = threading.Lock()


def load_base(source: str, device: torch.device) -> Base:
    """Return a published transformer, the one in memory where its weights are there already.

    Parameters
    ----------
    source : str
        A folder, or an id in the local Hugging Face cache.
    device : torch.device

    Returns
    -------
    Base
        Lives as long as anything refers to it.

    Raises
    ------
    MissingEncoderError
        If a file is missing, cut off, or of an architecture that transformers does not know.
    """
    with _lock:
        stamp = _stamp(source)
        known = _bases.get((_digests.get(stamp, ""), str(device)))
        if known is not None:
            return known
        base = _read(source)
        _digests[stamp] = base.digest
        # The same weights may lie in another folder too.
        base = _bases.setdefault((base.digest, str(device)), base)
        base.backbone.to(device)
        return base


def share(backbone: nn.Module) -> nn.Module:
    """Return a module of the same structure on the very same tensors, to be changed without harm.

    Parameters
    ----------
    backbone : nn.Module

    Returns
    -------
    nn.Module
    """
    tensors = [*backbone.parameters(), *backbone.buffers()]
    return copy.deepcopy(backbone, {id(tensor): tensor for tensor in tensors})


def make_own(module: nn.Module, *, is_trainable: bool = True) -> None:
    """Give a module weights of its own, equal to those that it shares.

    Parameters
    ----------
    module : nn.Module
    is_trainable : bool, default True
    """
    for part in module.modules():
        for name, tensor in part.named_parameters(recurse=False):
            own = nn.Parameter(tensor.detach().clone(), requires_grad=is_trainable)
            setattr(part, name, own)


def find_layers(backbone: nn.Module) -> nn.ModuleList:
    """Return a transformer's layers, the lowest first.

    Raises
    ------
    MissingEncoderError
        If it has no list of layers, as where all share their weights.
    """
    n_layers = getattr(backbone.config, "num_hidden_layers", 0)
    for module in backbone.modules():
        if isinstance(module, nn.ModuleList) and len(module) == n_layers:
            return module
    raise MissingEncoderError(
        f"{type(backbone).__name__} has no list of layers that could be told apart; use layers='head'."
    )


def is_offline() -> bool:
    """Return whether downloads are off, also where the Hugging Face libraries were imported before us.

    Returns
    -------
    bool
        False only with HF_HUB_OFFLINE=0.
    """
    return os.environ.get("HF_HUB_OFFLINE", "1") != "0"


def _read(source: str) -> Base:
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=is_offline())
        # Where its file is missing, transformers makes an empty one without a word.
        if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
            raise ValueError("The tokenizer has no words.")
        backbone, found = AutoModel.from_pretrained(
            source, dtype=torch.float32, output_loading_info=True, local_files_only=is_offline()
        )
        missing = [name for name in found["missing_keys"] if UNUSED_WEIGHTS not in name]
        if missing:  # transformers would go on with random numbers in their place
            raise ValueError(f"{len(missing)} weights are missing, such as {min(missing)}.")
    except Exception as error:  # a file that is cut off raises whatever its parser does
        raise MissingEncoderError(
            f"No text encoder could be loaded from {source!r}. Give a folder with a tokenizer and "
            f"weights, or an id that is in the local Hugging Face cache."
        ) from error
    backbone.eval().requires_grad_(False)
    return Base(source, _digest(backbone, tokenizer), backbone, tokenizer)


def _digest(backbone: Any, tokenizer: Any) -> str:
    digest = hashlib.sha256(type(backbone).__name__.encode())
    digest.update(tokenizer.backend_tokenizer.to_str().encode())
    for name, tensor in sorted(backbone.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().numpy())
    return digest.hexdigest()


def _stamp(source: str) -> tuple[Any, ...]:
    """Return what changes when the files of a folder do."""
    return (source, *sorted(_file_stamps(Path(source))))


def _file_stamps(folder: Path) -> Iterator[tuple[str, int, int]]:
    for path in folder.glob("*"):
        facts = path.stat()
        yield path.name, facts.st_size, facts.st_mtime_ns
