"""What may be shown, in columns: so that hundreds of items go through all steps in a millisecond."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, eq=False)
class Candidates:
    """Items best first. `said` has for each source a score above 0 and up to 1, and 0 where it is silent.

    `places` are where the items stand in the catalogue, as columns of it are asked for at every step.
    """

    keys: np.ndarray  # (n,) int64
    places: np.ndarray  # (n,) int64
    scores: np.ndarray  # (n,) float64, greater is better
    sources: Sequence[str]
    said: np.ndarray  # (n, n_sources) float64
    fits: np.ndarray | None = None  # (n,) scores before any step moved them

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, at: np.ndarray) -> "Candidates":
        """Return some of them, or all in another order."""
        fits = None if self.fits is None else self.fits[at]
        return replace(
            self, keys=self.keys[at], places=self.places[at], scores=self.scores[at], said=self.said[at],
            fits=fits,
        )  # fmt: skip

    def scored(self, scores: np.ndarray) -> "Candidates":
        """Return them in the order of new scores; of equal ones the earlier stays first."""
        order = np.argsort(-scores, kind="stable")
        return replace(self, scores=scores).take(order)

    def leading(self, *, general: Collection[str] = ()) -> list[str]:
        """Return the source that says most of each item; "" where none named it.

        Sources that say the same to everybody lead only where no other named the item.
        """
        if not self.sources:
            return [""] * len(self)
        is_general = np.array([source in general for source in self.sources])
        said = self.said + np.where((self.said > 0) & ~is_general, 1.0, 0.0)
        best = said.argmax(axis=1).tolist()
        is_named = (said.max(axis=1) > 0).tolist()
        return [self.sources[at] if known else "" for at, known in zip(best, is_named, strict=True)]
