"""What the processes of one training agree on; one alone agrees with itself at no cost."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
import transformers
from torch import distributed, nn

from ecomai.learning.exceptions import TrainingCancelledError

T = TypeVar("T")


class Ranks:
    """The processes that train together, one for each device.

    Callbacks, judging and files are the first one's, rank 0. What ends the training there ends it
    everywhere: a process left alone would wait for the others for ever.

    Parameters
    ----------
    arguments : transformers.TrainingArguments
        Reads from the environment what `accelerate launch` or `torchrun` put there.
    """

    def __init__(self, arguments: transformers.TrainingArguments) -> None:
        self.device = arguments.device
        self.rank: int = arguments.process_index
        self.n_ranks: int = arguments.world_size
        self._failure: Exception | None = None

    @property
    def is_main(self) -> bool:
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        return self.n_ranks == 1

    def run_on_main(self, function: Callable[[], T]) -> T:
        """Run on rank 0 and return its result to all.

        Parameters
        ----------
        function : callable

        Raises
        ------
        TrainingCancelledError
            On the others, where the function raises anything on rank 0.
        """
        if self.is_alone:
            return function()
        outcome: list[Any] = [None, None]
        if self.is_main:
            self.attempt(lambda: outcome.__setitem__(0, function()))
            outcome[1] = None if self._failure is None else str(self._failure)
        distributed.broadcast_object_list(outcome, device=self.device)
        self._raise_if(outcome[1] is not None, outcome[1] or "")
        result: T = outcome[0]
        return result

    def attempt(self, action: Callable[[], Any]) -> None:
        """Run on rank 0; of several processes all raise what it raises when they next agree.

        Parameters
        ----------
        action : callable
        """
        if self.is_alone:
            action()
        elif self.is_main and self._failure is None:
            try:
                action()
            except Exception as failure:
                self._failure = failure

    def agree(self, is_wanted: bool) -> bool:
        """Return whether any process wants it; raise on all what an attempt on rank 0 raised.

        Parameters
        ----------
        is_wanted : bool

        Returns
        -------
        bool

        Raises
        ------
        TrainingCancelledError
            On the others, where rank 0 failed.
        """
        if self.is_alone:
            return is_wanted
        flags = torch.tensor([is_wanted, self._failure is not None], dtype=torch.int32, device=self.device)
        distributed.all_reduce(flags, op=distributed.ReduceOp.MAX)
        any_wants, has_failed = flags.tolist()
        self._raise_if(bool(has_failed), "Another process ended the training.")
        return bool(any_wants)

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor by its sum over the processes.

        Parameters
        ----------
        tensors : sequence of tensor
        """
        if not self.is_alone:
            for work in [distributed.all_reduce(tensor, async_op=True) for tensor in tensors]:
                work.wait()

    def copy_from_main(self, module: nn.Module) -> None:
        """Give all processes the weights of rank 0.

        Parameters
        ----------
        module : nn.Module
        """
        if not self.is_alone:
            for tensor in module.state_dict().values():
                distributed.broadcast(tensor, src=0)

    def _raise_if(self, has_failed: bool, reason: str) -> None:
        if has_failed:
            raise self._failure or TrainingCancelledError(reason)
