"""Files of a network that is a published transformer with a small head of ours on it."""

from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import nn

from ecomai.learning.devices import detached_state

from .pretrained import BACKBONE_FOLDER

HEAD_FILE = "head.safetensors"


def save_headed(folder: Path, *, backbone: Any, tokenizer: Any, head: nn.Module) -> None:
    """Write transformer and tokenizer as they are published, and the head's weights beside them.

    Parameters
    ----------
    folder : Path
        There already.
    backbone : transformers.PreTrainedModel
    tokenizer : transformers.PreTrainedTokenizerBase
    head : nn.Module
    """
    backbone.save_pretrained(folder / BACKBONE_FOLDER)
    tokenizer.save_pretrained(folder / BACKBONE_FOLDER)
    save_file(detached_state(head), folder / HEAD_FILE)


def load_head(folder: Path, head: nn.Module) -> None:
    """Read weights that `save_headed` wrote into a head of the same shape."""
    head.load_state_dict(load_file(folder / HEAD_FILE))
