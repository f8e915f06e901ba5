"""Rows written soon after what they tell of, by a thread, so that no page of the shop waits for them.

An orderly end of the process writes what waits; a kill loses it, and a back-fill brings what the shop has.
"""

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError, connections, transaction

from ecomai.reading import in_transaction

logger = logging.getLogger(__name__)

Write = Callable[[Sequence[Any]], None]

FLUSH_SECONDS = 0.2
ROWS_AT_ONCE = 500
#: While the database is away, so many rows wait for it; the oldest are given up first.
MOST_WAITING = 10_000


def add(write: Write, row: Any) -> None:
    """Let `write` be called, after the commit, with a list of this row and others that came meanwhile."""
    transaction.on_commit(partial(_add_committed, write, row), robust=True)


def flush() -> None:
    """Write what waits, now."""
    _writer.flush()


def _add_committed(write: Write, row: Any) -> None:
    # A test that only plays a commit: another connection would see nothing of it.
    if in_transaction():
        _call(write, [row])
    else:
        _writer.add(write, row)


def _call(write: Write, rows: Sequence[Any]) -> None:
    try:
        write(rows)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("What happened in the shop could not be written.")


class _Writer:
    """Rows that wait, and the one thread that writes them."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Write, Any]] = deque(maxlen=MOST_WAITING)
        self._has_rows = threading.Event()
        self._lock = threading.Lock()  # one writer at a time, and one thread
        self._thread: threading.Thread | None = None

    def add(self, write: Write, row: Any) -> None:
        self._waiting.append((write, row))
        if self._thread is None:
            self._start()
        self._has_rows.set()

    def flush(self) -> None:
        with self._lock:
            while self._waiting:
                taken = [self._waiting.popleft() for _ in range(min(ROWS_AT_ONCE, len(self._waiting)))]
                grouped: dict[Write, list[Any]] = {}
                for write, row in taken:
                    grouped.setdefault(write, []).append(row)
                try:
                    for write, rows in grouped.items():
                        _call(write, rows)
                except (OperationalError, InterfaceError) as error:
                    # Those that were written already are known by their keys.
                    self._waiting.extendleft(reversed(taken))
                    logger.warning("What happened in the shop waits for the database (%s).", error)
                    time.sleep(FLUSH_SECONDS)
                    self._has_rows.set()
                    return

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ecomai-shop-events", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._has_rows.wait()
            self._has_rows.clear()
            time.sleep(FLUSH_SECONDS)  # more rows come meanwhile
            try:
                self.flush()
            except Exception:
                logger.exception("What happened in the shop could not be written.")
            finally:
                connections.close_all()


_writer = _Writer()


def _forget_thread() -> None:
    """Start anew in a forked process: the thread did not come along, and the rows are the parent's."""
    global _writer
    _writer = _Writer()


os.register_at_fork(after_in_child=_forget_thread)
atexit.register(flush)
