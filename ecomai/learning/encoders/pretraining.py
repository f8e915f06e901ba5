"""Continued pretraining on a shop's unlabelled text."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoModelForMaskedLM

from ecomai.learning.exceptions import InvalidDataError

from .bases import Base, is_offline
from .pretrained import PooledEncoder
from .tasks import IGNORED, PretrainingTask, TokenHead
from .tokens import TokenisedTexts

OBJECTIVES = ("masked", "contrastive", "both")
MASKED_SHARE = 0.15
# Of the tokens asked for, this share is replaced by the mask, and this one by another word.
REPLACED_BY_MASK, REPLACED_BY_WORD = 0.8, 0.1


class PretrainingTexts:
    """Training rows: texts with tokens masked, or two views of each.

    Parameters
    ----------
    texts : TokenisedTexts
        All different, each with something to say.
    objective : {"masked", "contrastive", "both"}
    strength : float in [0, 1)
        Of the change from view to view; dropout changes them too.
    random_state : int
    """

    def __init__(self, texts: TokenisedTexts, objective: str, strength: float, random_state: int) -> None:
        self.texts = texts
        self.objective = objective
        self.strength = strength
        self.random_state = random_state
        self.lengths = texts.lengths

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, row: int) -> dict[str, Tensor]:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> dict[str, Tensor]:
        # The rows decide, so that a resumed training sees what it would have seen.
        rng = np.random.default_rng([self.random_state % 2**32, *rows])
        batch = {}
        if self.objective == "contrastive":
            input_ids, attention_mask = self.texts.changed_batch(rows, rng, self.strength)
        else:
            input_ids, attention_mask = self.texts.batch(rows)
            batch["labels"] = self._mask(rows, input_ids, rng)
        batch |= {"input_ids": input_ids, "attention_mask": attention_mask}
        if self.objective != "masked":
            batch["other_ids"], batch["other_mask"] = self.texts.changed_batch(rows, rng, self.strength)
        return batch

    def _mask(self, rows: list[int], input_ids: Tensor, rng: np.random.Generator) -> Tensor:
        """Mask tokens in place; return what stood there."""
        labels = np.full(input_ids.shape, IGNORED, dtype=np.int64)
        tokens = input_ids.numpy()
        tokenizer = self.texts.tokenizer
        for place, row in enumerate(rows):
            columns = _choose_masked(self.texts.frame(row), rng)
            labels[place, columns] = tokens[place, columns]
            fate = rng.random(len(columns))
            tokens[place, columns[fate < REPLACED_BY_MASK]] = tokenizer.mask_token_id
            by_word = columns[fate >= 1 - REPLACED_BY_WORD]
            tokens[place, by_word] = rng.integers(0, len(tokenizer), size=len(by_word))
        return torch.from_numpy(labels)


def _choose_masked(is_frame: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    columns = np.flatnonzero(~is_frame)
    n_masked = max(1, round(MASKED_SHARE * len(columns)))
    return rng.choice(columns, size=min(n_masked, len(columns)), replace=False)


def choose_texts(texts: Sequence[str], max_texts: int, rng: np.random.Generator) -> list[str]:
    """Return different texts in a random order, no more than asked for.

    Parameters
    ----------
    texts : sequence of str
    max_texts : int
    rng : numpy Generator

    Returns
    -------
    list of str
    """
    different = list(dict.fromkeys(texts))
    return [different[row] for row in rng.permutation(len(different))[:max_texts]]


def make_pretraining_task(
    network: PooledEncoder, base: Base, objective: str, contrastive_weight: float, temperature: float
) -> PretrainingTask:
    """Return what continued pretraining minimises.

    Parameters
    ----------
    network : PooledEncoder
        Stands on `base`.
    base : Base
    objective : {"masked", "contrastive", "both"}
    contrastive_weight : float
        Weight of the contrastive loss beside the masked one.
    temperature : float

    Returns
    -------
    PretrainingTask

    Raises
    ------
    InvalidDataError
        If masked tokens are asked for, and the transformer has no head or no mask for them.
    """
    if objective == "contrastive":
        return PretrainingTask(network, None, 1.0, temperature)
    weight = contrastive_weight if objective == "both" else 0.0
    return PretrainingTask(network, _token_head(network, base), weight, temperature)


def _token_head(network: PooledEncoder, base: Base) -> TokenHead:
    advice = "Choose pretraining='contrastive', which every encoder can do."
    if base.tokenizer.mask_token_id is None:
        raise InvalidDataError(f"The tokenizer of {base.source!r} has no mask token. {advice}")
    backbone: Any = network.backbone
    try:
        model = AutoModelForMaskedLM.from_pretrained(
            base.source, dtype=torch.float32, local_files_only=is_offline()
        )
    except ValueError as error:
        name = type(backbone).__name__
        raise InvalidDataError(f"{name} has no masked language model. {advice}") from error
    return TokenHead(model, backbone.get_input_embeddings())
