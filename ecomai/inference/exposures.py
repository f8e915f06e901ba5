"""What is known of an advertisement when it is shown: arrays and numpy, so that a web process can do it."""

import hashlib
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Contents:
    """Items and texts of advertisements: what they say, and which they are.

    Parameters
    ----------
    vectors : float32 array of shape (n_contents, n_text)
        Of a frozen text encoder.
    keys : int64 array of shape (n_contents,)
        A hash of the item's id; -1 where the vector alone counts.
    """

    vectors: Floats
    keys: Positions

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def of(cls, vectors: ArrayLike, keys: ArrayLike) -> Self:
        """Return contents of arrays of any fitting type; ValueError where their numbers differ."""
        known = cls(np.asarray(vectors, dtype=np.float32), np.asarray(keys, dtype=np.int64))
        if known.vectors.ndim != 2 or known.keys.shape != (len(known.vectors),):
            raise ValueError("There must be one key for each vector.")
        return known


@dataclass(frozen=True, eq=False)
class Exposures:
    """Advertisements, each as it was or would be shown to somebody.

    Parameters
    ----------
    categories : int64 array of shape (n_exposures, n_categories)
        Hashes of names, such as the place's; -1 is a missing one.
    numbers : float32 array of shape (n_exposures, n_numbers)
        NaN is a missing one.
    items, texts : int64 arrays of shape (n_exposures,)
        Which of `contents` is advertised, and with which words; -1 for none.
    histories : int64 array of shape (n_exposures, n_steps)
        Which items the customer turned to before, newest first; -1 for none.
    contents : Contents
    """

    categories: Positions
    numbers: Floats
    items: Positions
    texts: Positions
    histories: Positions
    contents: Contents

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def of(
        cls, *, categories: ArrayLike, numbers: ArrayLike, items: ArrayLike, texts: ArrayLike,
        histories: ArrayLike, contents: Contents,
    ) -> Self:  # fmt: skip
        """Return exposures of arrays of any fitting type.

        Raises
        ------
        ValueError
            If sizes differ, a number is infinite, or there is no such content.
        """
        as_positions = [np.asarray(each, dtype=np.int64) for each in (categories, items, texts, histories)]
        shown = cls(
            categories=as_positions[0],
            numbers=np.asarray(numbers, dtype=np.float32),
            items=as_positions[1],
            texts=as_positions[2],
            histories=as_positions[3],
            contents=contents,
        )
        shown._check()
        return shown

    def _check(self) -> None:
        n = len(self.items)
        flat, wide = (self.items, self.texts), (self.categories, self.numbers, self.histories)
        if any(each.shape != (n,) for each in flat) or any(each.ndim != 2 or len(each) != n for each in wide):
            raise ValueError("There must be a row of each kind for every exposure.")
        if np.isinf(self.numbers).any():
            raise ValueError("A number is infinite.")
        for each in (*flat, self.histories):
            if each.size and not -1 <= each.min() <= each.max() < len(self.contents):
                raise ValueError("An exposure names a content that is not there.")

    def take(self, rows: Any) -> Self:
        """Return some of the exposures; the contents stay whole."""
        return type(self)(
            self.categories[rows], self.numbers[rows], self.items[rows], self.texts[rows],
            self.histories[rows], self.contents,
        )  # fmt: skip


def hash_of(name: object) -> int:
    """Return a number of 63 bits that is always the same for a name, and -1 for ''."""
    text = str(name)
    if not text:
        return -1
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()) >> 1


def bucket_of(keys: Positions, n_buckets: int) -> Positions:
    """Return which of `n_buckets` embeddings a hash has; 0 is that of a missing one."""
    return np.where(keys < 0, 0, 1 + keys % (n_buckets - 1))
