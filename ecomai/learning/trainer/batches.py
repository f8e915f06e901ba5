"""Which rows are in which step, and on which device."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

BATCHES_IN_BUCKET = 16


class LengthBuckets(torch.utils.data.Sampler[list[int]]):
    """Batches of random rows, those of like length together, so that little is spent on padding.

    Rows are drawn in buckets of several batches, sorted there, and the batches shuffled. Of several
    devices each gets every n-th row of a batch, so that together they see what one alone would see.

    Parameters
    ----------
    lengths : int array of shape (n_rows,)
    batch_size : int
        Over all devices.
    random_state : int
        The order depends on it and on the epoch only, so that a resumed epoch has the same batches.
    rank, n_ranks : int, default 0 and 1
        Which device of how many.
    """

    def __init__(
        self,
        lengths: NDArray[np.int64],
        batch_size: int,
        random_state: int,
        rank: int = 0,
        n_ranks: int = 1,
    ) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.random_state = random_state
        self.rank = rank
        self.n_ranks = n_ranks
        self.epoch = 0

    def __len__(self) -> int:
        return math.ceil(len(self.lengths) / self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Shuffle anew.

        Parameters
        ----------
        epoch : int
        """
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.random_state % 2**32, self.epoch])
        rows = rng.permutation(len(self.lengths))
        n_in_bucket = self.batch_size * BATCHES_IN_BUCKET
        buckets = [rows[start : start + n_in_bucket] for start in range(0, len(rows), n_in_bucket)]
        rows = np.concatenate([bucket[np.argsort(self.lengths[bucket], kind="stable")] for bucket in buckets])
        n_full = len(rows) // self.batch_size
        batches = rows[: n_full * self.batch_size].reshape(n_full, self.batch_size)
        for batch in rng.permutation(n_full):
            yield batches[batch, self.rank :: self.n_ranks].tolist()
        # What does not fill a batch comes last, where a schedule is at its end.
        if n_full < len(self):
            yield rows[n_full * self.batch_size :][self.rank :: self.n_ranks].tolist()


class RowNumbers(torch.utils.data.DataLoader[list[int]]):
    """Gives the numbers of a step's rows; the step fetches them itself, in as many parts as memory allows.

    Fetched there, rows that a dataset changes at random are the same after a resume: nothing is drawn
    ahead of the checkpoint.

    Parameters
    ----------
    batches : LengthBuckets
    """

    def __init__(self, batches: LengthBuckets) -> None:
        rows: Any = range(len(batches.lengths))
        super().__init__(rows, batch_sampler=batches, collate_fn=list)
        self.batches = batches

    def set_epoch(self, epoch: int) -> None:
        """Shuffle anew; transformers calls it before each epoch.

        Parameters
        ----------
        epoch : int
        """
        self.batches.set_epoch(epoch)
