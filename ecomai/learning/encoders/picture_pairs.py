"""Training rows of picture encoders: two views of a picture, and the text of its item."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ecomai.inference.pictures import Preparation

from .augmentation import changed
from .base import says_something
from .tokens import distinct

# Of pictures that are kept in memory from one epoch to the next.
KEPT_BYTES = 200_000_000


class PicturePairs:
    """A row for each item.

    Parameters
    ----------
    images : sequence of n_items PIL.Image.Image
        May lie on disk: each is asked for when its batch is.
    texts : sequence of n_items str
        Items of equal texts never count as wrong for each other.
    prepare : Preparation
    tokenize : callable
        Returns int64 tensors of shape (n_texts, n_tokens).
    strength : float in [0, 1]
        Of the change of pictures.
    random_state : int
    """

    def __init__(
        self,
        images: Sequence[Image.Image],
        texts: Sequence[str],
        *,
        prepare: Preparation,
        tokenize: Callable[[Sequence[str]], Tensor],
        strength: float,
        random_state: int,
    ) -> None:
        self.images = images
        self._kept: dict[int, Image.Image] = {}
        self.prepare = prepare
        self.strength = strength
        self.random_state = random_state
        self.lengths: NDArray[np.int64] = np.ones(len(images), dtype=np.int64)
        self.groups = distinct(texts)
        self.has_text = np.array([says_something(text) for text in texts], dtype=bool)
        self.input_ids = tokenize(texts)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> dict[str, Tensor]:
        return self.__getitems__([row])

    def __getitems__(self, rows: list[int]) -> dict[str, Tensor]:
        # The rows decide, so that a resumed training sees what it would have seen.
        rng = np.random.default_rng([self.random_state % 2**32, *rows])
        pictures = [self._reduced(row) for row in rows]
        views = [changed(picture, rng, self.strength) for _ in range(2) for picture in pictures]
        is_same = (self.groups[rows][:, None] == self.groups[rows]) & self.has_text[rows]
        return {
            "pixel_values": torch.from_numpy(self.prepare(views)),
            "input_ids": self.input_ids[rows],
            "has_text": torch.from_numpy(self.has_text[rows]),
            "is_allowed": torch.from_numpy(~is_same),
        }

    def _reduced(self, row: int) -> Image.Image:
        """Return a picture not much larger than what is read: it takes less to change, and to keep."""
        if row in self._kept:
            return self._kept[row]
        side = 2 * max(self.prepare.height, self.prepare.width)
        reduced = self.images[row].convert("RGB")
        reduced.thumbnail((side, side), Image.Resampling.BOX)
        if (len(self._kept) + 1) * 3 * side**2 <= KEPT_BYTES:
            self._kept[row] = reduced
        return reduced
