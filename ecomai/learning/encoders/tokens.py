"""Texts as rows of tokens, ready to be cut, masked, shuffled and batched."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

# A very long text would be tokenised in full only to be cut.
LETTERS_PER_TOKEN = 32
TEXTS_AT_ONCE = 1024
# What stands between the attributes in a title.
SEPARATORS = frozenset(",;|/·、，；。")


class TokenisedTexts:
    """Texts, tokenised once and kept in flat arrays.

    Parameters
    ----------
    tokenizer
        Of the Hugging Face kind.
    texts : sequence of n_texts str
    max_length : int
        Tokens of a text that are kept.

    Attributes
    ----------
    tokens : int32 array of shape (n_tokens,)
    is_frame : bool array of shape (n_tokens,)
        What the tokenizer put around a text, such as `[CLS]`.
    offsets : int64 array of shape (n_texts + 1,)
    """

    def __init__(self, tokenizer: Any, texts: Sequence[str], max_length: int) -> None:
        self.tokenizer = tokenizer
        self.separators = _separators(tokenizer)
        tokens, frames = [], []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            part = [text[: LETTERS_PER_TOKEN * max_length] for text in texts[start : start + TEXTS_AT_ONCE]]
            found = tokenizer(part, truncation=True, max_length=max_length, return_special_tokens_mask=True)
            tokens += [np.array(row, dtype=np.int32) for row in found["input_ids"]]
            frames += [np.array(row, dtype=bool) for row in found["special_tokens_mask"]]
        self.tokens = np.concatenate(tokens) if tokens else np.empty(0, dtype=np.int32)
        self.is_frame = np.concatenate(frames) if frames else np.empty(0, dtype=bool)
        self.offsets = np.concatenate([[0], np.cumsum([len(row) for row in tokens])]).astype(np.int64)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        return self.tokens[self.offsets[row] : self.offsets[row + 1]]

    def frame(self, row: int) -> NDArray[np.bool_]:
        """Return which tokens of a text are its frame."""
        return self.is_frame[self.offsets[row] : self.offsets[row + 1]]

    def batch(self, rows: Sequence[int] | NDArray[np.integer]) -> tuple[Tensor, Tensor]:
        """Return some texts as they are.

        Parameters
        ----------
        rows : sequence of B int

        Returns
        -------
        input_ids, attention_mask : int64 tensors of shape (B, T)
        """
        return self.pad([self[int(row)] for row in rows])

    def changed_batch(
        self, rows: Sequence[int] | NDArray[np.integer], rng: np.random.Generator, strength: float
    ) -> tuple[Tensor, Tensor]:
        """Return some texts, each changed by chance: see `change`.

        Parameters
        ----------
        rows : sequence of B int
        rng : numpy Generator
        strength : float in [0, 1)

        Returns
        -------
        input_ids, attention_mask : int64 tensors of shape (B, T)
        """
        return self.pad([self.change(int(row), rng, strength) for row in rows])

    def change(self, row: int, rng: np.random.Generator, strength: float) -> NDArray[np.int32]:
        """Return a text with attributes in another order, an end cut off and tokens left out.

        Parameters
        ----------
        row : int
        rng : numpy Generator
        strength : float in [0, 1)
            Share of the tokens that are left out, and at most that of the span that is cut off; 0
            changes nothing.

        Returns
        -------
        int32 array
            At least one token stands within the frame, where one did.
        """
        tokens, frame = self[row], self.frame(row)
        words = tokens[~frame]
        if strength == 0 or len(words) < 2:
            return tokens
        words = self._shuffle_attributes(words, rng)
        n_kept = len(words) - int(rng.uniform(0, strength) * len(words))
        start = int(rng.integers(0, len(words) - n_kept + 1))
        words = words[start : start + n_kept]
        is_kept = rng.random(len(words)) >= strength
        is_kept[rng.integers(len(words))] = True
        first, last = np.flatnonzero(~frame)[[0, -1]]
        return np.concatenate([tokens[:first], words[is_kept], tokens[last + 1 :]])

    def _shuffle_attributes(self, words: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int32]:
        cuts = np.flatnonzero(np.isin(words, self.separators))
        if len(cuts) == 0:
            return words
        parts = np.split(words, cuts + 1)
        return np.concatenate([parts[part] for part in rng.permutation(len(parts))])

    def pad(self, rows: Sequence[NDArray[np.int32]]) -> tuple[Tensor, Tensor]:
        """Return rows of tokens as one batch, padded on the right.

        Parameters
        ----------
        rows : sequence of B int arrays

        Returns
        -------
        input_ids, attention_mask : int64 tensors of shape (B, T)
        """
        lengths = np.array([len(row) for row in rows])
        is_token = np.arange(lengths.max(initial=1)) < lengths[:, None]
        input_ids = np.full(is_token.shape, self.tokenizer.pad_token_id or 0, dtype=np.int64)
        input_ids[is_token] = np.concatenate(rows)
        return torch.from_numpy(input_ids), torch.from_numpy(is_token.astype(np.int64))


def mean_of_tokens(tokens: Tensor, weights: Tensor) -> Tensor:  # (B, T, D), (B, T) -> (B, D)
    """Return the weighted mean of each text's token vectors: (B, T, D) and weights (B, T) to (B, D)."""
    shares = weights.unsqueeze(-1).to(tokens.dtype)  # (B, T, 1)
    return (tokens * shares).sum(1) / shares.sum(1).clamp_min(1e-9)


def encode_rows(
    network: nn.Module, texts: TokenisedTexts, rows: NDArray[np.integer], *, batch_size: int = 64
) -> NDArray[np.float32]:
    """Return a network's vectors of some texts.

    Parameters
    ----------
    network : PooledEncoder
        In evaluation mode.
    texts : TokenisedTexts
    rows : int array of shape (n,)
    batch_size : int, default 64

    Returns
    -------
    float32 array of shape (n, n_features)
    """
    device = next(network.parameters()).device
    # Texts of like length share a batch, so that little is spent on padding.
    order = np.argsort(texts.lengths[rows], kind="stable")
    vectors = []
    with torch.no_grad():
        for start in range(0, len(rows), batch_size):
            batch = texts.batch(rows[order[start : start + batch_size]])
            vectors.append(network(*(tensor.to(device) for tensor in batch)).float().cpu().numpy())
    sorted_vectors = np.concatenate(vectors)
    restored = np.empty_like(sorted_vectors)
    restored[order] = sorted_vectors
    return restored


def distinct(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return which text each text equals, so that equal ones can be told.

    Parameters
    ----------
    texts : sequence of n_texts str

    Returns
    -------
    int64 array of shape (n_texts,)
        Equal numbers for equal texts.

    Examples
    --------
    >>> distinct(["mug", "lamp", "mug"]).tolist()
    [0, 1, 0]
    """
    first: dict[str, int] = {}
    return np.array([first.setdefault(text, row) for row, text in enumerate(texts)], dtype=np.int64)


def _separators(tokenizer: Any) -> NDArray[np.int64]:
    tokens = tokenizer.get_vocab().items()
    return np.array([number for token, number in tokens if token.strip("▁Ġ# ") in SEPARATORS], dtype=np.int64)
