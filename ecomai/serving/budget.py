"""An answer in time: the model's where it is fast enough, the fallback's where it is not."""

import contextvars
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from .app_settings import serving_settings

logger = logging.getLogger(__name__)

T = TypeVar("T")
Source = Literal["model", "fallback"]
Reason = Literal["", "timed_out", "busy", "failed"]


@dataclass(frozen=True)
class Budgeted(Generic[T]):
    """An answer, who gave it, and why the model did not."""

    value: T
    source: Source = "model"
    reason: Reason = ""


def run_with_budget(
    function: Callable[[], T], fallback: Callable[[], T], *, seconds: float | None = None
) -> Budgeted[T]:
    """Run a computation within a time budget; without an answer by then, the fallback's is taken.

    `function` runs in another thread and must not touch the database: a connection belongs to its
    thread. One that is late goes on there until it ends, and its answer is thrown away. `fallback` runs
    in the caller's thread, and also answers where all threads are taken or `function` raises, which
    is logged. `seconds` defaults to `ECOMAI["SERVING"]["TIME_BUDGET_SECONDS"]`.
    """
    seconds = serving_settings.TIME_BUDGET_SECONDS if seconds is None else seconds
    pool = _pool()
    if not pool.places.acquire(blocking=False):
        return Budgeted(fallback(), "fallback", "busy")
    future = pool.submit(contextvars.copy_context().run, function)
    try:
        return Budgeted(future.result(timeout=seconds))
    except FutureTimeoutError:
        # Also what a computation raises that waited for something itself; the fallback is right then too.
        logger.warning("A model did not answer within %.3f s; the fallback did.", seconds)
        return Budgeted(fallback(), "fallback", "timed_out")
    except Exception:
        logger.exception("A model failed to answer; the fallback did.")
        return Budgeted(fallback(), "fallback", "failed")


class _Pool:
    """Threads, and as many places: what finds no place must not queue behind slow work."""

    def __init__(self, n_threads: int) -> None:
        self.executor = ThreadPoolExecutor(n_threads, thread_name_prefix="ecomai-serving")
        self.places = threading.Semaphore(n_threads)

    def submit(self, function: Callable[..., T], *arguments: object) -> "Future[T]":
        try:
            future = self.executor.submit(function, *arguments)
        except RuntimeError:
            self.places.release()
            raise
        future.add_done_callback(lambda _future: self.places.release())
        return future


_current: _Pool | None = None
_lock = threading.Lock()


def _pool() -> _Pool:
    global _current
    with _lock:
        if _current is None:
            _current = _Pool(serving_settings.BUDGET_THREADS)
        return _current


def forget_threads() -> None:
    """Start with fresh threads at the next question: after a fork, or when their number was changed."""
    global _current, _lock
    _lock = threading.Lock()
    _current = None


os.register_at_fork(after_in_child=forget_threads)
