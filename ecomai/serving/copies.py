"""A process's copy of rows that change: at most a moment old, and read by requests that never wait for it."""

import threading
import time
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

T = TypeVar("T")


class ProcessCopy(ABC, Generic[T]):
    """Keeps what `refresh` returns, and asks for it again after `poll_seconds`.

    One thread at a time refreshes; the others go on with what is known. Only the first load is waited for.
    """

    poll_seconds = 0.5

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    @abstractmethod
    def refresh(self, known: T | None) -> T:
        """Return what holds now; `known` is the copy there is, or None at first."""

    def forget(self) -> None:
        """Load anew at the next reading; for tests and after a restore."""
        self._copy: T | None = None
        self._looked_at = float("-inf")

    def current(self) -> T:
        known = self._copy
        if known is not None and self._is_fresh():
            return known
        if known is not None and not self._lock.acquire(blocking=False):
            return known
        if known is None:
            self._lock.acquire()
        try:
            if self._copy is not None and self._is_fresh():  # another thread was faster
                return self._copy
            looked_at = time.monotonic()
            self._copy = self.refresh(self._copy)
            self._looked_at = looked_at
            return self._copy
        finally:
            self._lock.release()

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._looked_at < self.poll_seconds
