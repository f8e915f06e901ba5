"""What a model may know of an event besides its item; read alike in training and when it answers."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Buckets of time between events, each twice as long as the one before: up to 16 years.
N_GAPS = 24
MINUTES_PER_DAY = 24 * 60


class EventContext(NamedTuple):
    """An event's type, and when it was: `day` counts from any moment, and is NaN where it is not known."""

    type: str
    day: float


def gap_buckets(days: ArrayLike) -> NDArray[np.int64]:
    """Return the bucket of each time between two events: from 1, and 0 where it is not known (NaN).

    Times below 0, as of events that came out of order, count as none.
    """
    gaps: NDArray[Any] = np.asarray(days, dtype=np.float64)
    minutes = np.maximum(np.nan_to_num(gaps), 0) * MINUTES_PER_DAY
    buckets = 1 + np.minimum(np.log2(1 + minutes).astype(np.int64), N_GAPS - 1)
    return np.where(np.isnan(gaps), 0, buckets)
