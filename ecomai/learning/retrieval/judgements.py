"""How well texts answer queries, as people said."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecomai.learning.exceptions import InvalidDataError


@dataclass(frozen=True)
class Judgements:
    """Pairs of a query and a text, each with a grade.

    Parameters
    ----------
    rows, items : int64 arrays of shape (n,)
        Positions of the query and of the text.
    grades : float32 array of shape (n,)
        From 0, which is useless, to 1, which is perfect.
    good : float, default 0.66
        From this grade on a text should be found.
    """

    rows: NDArray[np.int64]
    items: NDArray[np.int64]
    grades: NDArray[np.float32]
    good: float = 0.66

    def of(self, start: int, n_queries: int) -> "Judgements":
        """Return those of some queries, counted from the first of them."""
        is_in = (self.rows >= start) & (self.rows < start + n_queries)
        return Judgements(self.rows[is_in] - start, self.items[is_in], self.grades[is_in], self.good)


def select_queries(
    queries: Sequence[str],
    query_vectors: NDArray[np.float32],
    judgements: Judgements,
    drawn: NDArray[np.int64],
) -> tuple[list[str], NDArray[np.float32], Judgements]:
    """Return some queries with their vectors and judgements, counted anew.

    Parameters
    ----------
    queries : sequence of n_queries str
    query_vectors : float32 array of shape (n_queries, d)
    judgements : Judgements
    drawn : int64 array of shape (n_drawn,)
        Positions of different queries.

    Returns
    -------
    queries : list of n_drawn str
    query_vectors : float32 array of shape (n_drawn, d)
    judgements : Judgements
    """
    place = np.full(len(queries), -1, dtype=np.int64)
    place[drawn] = np.arange(len(drawn))
    is_kept = place[judgements.rows] >= 0
    chosen = Judgements(
        place[judgements.rows[is_kept]],
        judgements.items[is_kept],
        judgements.grades[is_kept],
        judgements.good,
    )
    return [queries[row] for row in drawn], query_vectors[drawn], chosen


def check_judgements(judgements: Judgements, n_queries: int, n_texts: int) -> None:
    """Raise unless each judgement is of a query and a text that are there.

    Parameters
    ----------
    judgements : Judgements
    n_queries, n_texts : int

    Raises
    ------
    InvalidDataError
        If a position is outside, or a query, a text or a grade is missing.
    """
    sizes = {len(judgements.rows), len(judgements.items), len(judgements.grades)}
    if len(sizes) != 1:
        raise InvalidDataError("Judgements need a query, a text and a grade each.")
    for places, n in ((judgements.rows, n_queries), (judgements.items, n_texts)):
        if len(places) and (places.min() < 0 or places.max() >= n):
            raise InvalidDataError("A judgement is of a query or a text that is not there.")
