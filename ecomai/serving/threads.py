"""How the threads of a process that answers share its processors."""

import sys

from threadpoolctl import ThreadpoolController

from .app_settings import serving_settings


def prepare_threads() -> None:
    """Set, for all of this process, what answers need; called where the first model is loaded."""
    _limit_blas_threads()
    _shorten_turns()


def _shorten_turns() -> None:
    """Let a thread that has waited take the interpreter soon from one that is busy, such as with an import.

    An answer gives the interpreter away at each read and each visit to a model, a dozen times, and would
    wait for up to Python's 5 ms each time. A host that set a shorter turn keeps it.
    """
    seconds = serving_settings.SWITCH_INTERVAL_SECONDS
    if seconds:
        sys.setswitchinterval(min(seconds, sys.getswitchinterval()))


def _limit_blas_threads() -> None:
    """Let numpy multiply with so many threads as the settings say, in all of this process.

    The products of an answer are too small to be shared, and a thread of OpenBLAS that waits for its next
    part spins: it takes a core from the other requests.
    """
    if serving_settings.BLAS_THREADS:
        ThreadpoolController().limit(limits=serving_settings.BLAS_THREADS, user_api="blas")
