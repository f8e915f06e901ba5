"""Rows written soon after what they tell of, by one thread of the process, so that no request waits for them.

An orderly end of the process writes what waits; `kill -9` loses it.
"""

import atexit
import logging
import os
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError, connections, transaction

from ecomai.reading import in_transaction

logger = logging.getLogger(__name__)

#: Writes rows; what it raises, besides that the database is away, is logged and costs the rows.
Write = Callable[[Sequence[Any]], None]

FLUSH_SECONDS = 0.5
ROWS_AT_ONCE = 500
#: While the database is away, so many rows of each kind wait for it; the oldest are given up first.
MOST_WAITING = 10_000


def write_soon(write: Write, row: Any) -> None:
    """Let `write` be called in a moment, with a list of this row and others that came meanwhile.

    Inside a transaction it is called at once, for what the row refers to may be part of it.
    """
    if in_transaction():
        _call(write, [row])
    else:
        _writer.add(write, row)


def write_after_commit(write: Write, row: Any) -> None:
    """As `write_soon`, once what the row tells of is committed."""
    transaction.on_commit(partial(write_soon, write, row), robust=True)


def flush() -> None:
    """Write what waits, now."""
    _writer.flush()


def _call(write: Write, rows: Sequence[Any]) -> None:
    try:
        write(rows)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("%d rows could not be written.", len(rows))


class _Writer:
    """Rows that wait, and the one thread that writes them."""

    def __init__(self) -> None:
        self._waiting: dict[Write, deque[Any]] = defaultdict(lambda: deque(maxlen=MOST_WAITING))
        self._has_rows = threading.Event()
        self._lock = threading.Lock()  # one writer at a time, and one thread
        self._thread: threading.Thread | None = None

    def add(self, write: Write, row: Any) -> None:
        self._waiting[write].append(row)
        if self._thread is None:
            self._start()
        self._has_rows.set()

    def flush(self) -> None:
        with self._lock:
            for write, waiting in list(self._waiting.items()):
                while waiting:
                    rows = [waiting.popleft() for _ in range(min(ROWS_AT_ONCE, len(waiting)))]
                    try:
                        _call(write, rows)
                    except (OperationalError, InterfaceError) as error:
                        waiting.extendleft(reversed(rows))
                        logger.warning("Rows wait for the database (%s).", error)
                        self._has_rows.set()
                        return

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ecomai-writer", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._has_rows.wait()
            self._has_rows.clear()
            time.sleep(FLUSH_SECONDS)  # more rows come meanwhile
            try:
                self.flush()
            except Exception:
                logger.exception("Rows could not be written.")
            finally:
                connections.close_all()


_writer = _Writer()


def _forget_thread() -> None:
    """Start anew in a forked process: the thread did not come along, and the rows are the parent's."""
    global _writer
    _writer = _Writer()


os.register_at_fork(after_in_child=_forget_thread)
atexit.register(flush)
