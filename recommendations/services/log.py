"""Keep what was answered, so that promise and outcome can be compared and a shadow be judged."""

import atexit
import logging
import os
import random
import threading
import time
import uuid
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from ecomai.commerce.bulk import insert_rows
from ecomai.reading import in_transaction
from ecomai.registry.request_ids import current_request_id

from ..app_settings import app_settings
from ..models import Answer

if TYPE_CHECKING:
    from .answers import AnswerList
    from .rankers import Context

logger = logging.getLogger(__name__)

#: The fields of an `Answer`; an object of a model for each would be most of the work of logging it.
Row = dict[str, Any]

FLUSH_SECONDS = 0.5
ROWS_AT_ONCE = 500
#: While the database is away, so many answers wait for it; the oldest are given up first.
MOST_WAITING = 10_000


def keep_answer(answer: "AnswerList", context: "Context", *, milliseconds: float) -> uuid.UUID | None:
    """Put one answer into the log and return its key. A log that cannot be written never costs the answer.

    The row is written in the background, at most about half a second later and many in one statement;
    an orderly end of the process writes what waits, a kill loses it. Inside a transaction the row is
    written at once, for what it refers to may be part of it.
    """
    if not answer.picks or random.random() >= app_settings.LOG_SHARE:  # noqa: S311  (a sample, no secret)
        return None
    key, shadow = uuid.uuid4(), answer.shadow
    row = {
        "key": key,
        "storefront": context.storefront,
        "customer": context.customer_key,
        "session_id": context.session_id,
        "placement": answer.placement,
        "seed_keys": context.seed_keys,
        "item_keys": [pick.item.pk for pick in answer.picks],
        "source": answer.source,
        "model_name": answer.model_name,
        "model_version": answer.model_version_id,
        "shadow_version": shadow.model_version_id if shadow else None,
        "shadow_item_keys": list(shadow.keys[: context.n]) if shadow else [],
        "milliseconds": milliseconds,
        "request_id": current_request_id.get(),
        "created_at": timezone.now(),
    }
    if not in_transaction():
        _writer.add(row)
        return key
    return key if _write([row]) else None


def flush() -> None:
    """Write what waits, now."""
    _writer.flush()


def _write(rows: list[Row]) -> bool:
    """Write rows, or those among them that can be: a customer may have been erased meanwhile."""
    try:
        with transaction.atomic():
            insert_rows(Answer, list(rows[0]), [tuple(row.values()) for row in rows])
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError:
        if len(rows) > 1:
            written = [_write([row]) for row in rows]
            return all(written)
        logger.exception("An answer could not be kept in the log.")
        return False
    return True


class _Writer:
    """Rows that wait, and the one thread that writes them."""

    def __init__(self) -> None:
        self._waiting: deque[Row] = deque(maxlen=MOST_WAITING)
        self._has_rows = threading.Event()
        self._lock = threading.Lock()  # one writer at a time, and one thread
        self._thread: threading.Thread | None = None

    def add(self, row: Row) -> None:
        self._waiting.append(row)
        if self._thread is None:
            self._start()
        self._has_rows.set()

    def flush(self) -> None:
        with self._lock:
            while self._waiting:
                rows = [self._waiting.popleft() for _ in range(min(ROWS_AT_ONCE, len(self._waiting)))]
                try:
                    _write(rows)
                except (OperationalError, InterfaceError) as error:
                    self._waiting.extendleft(reversed(rows))
                    self._has_rows.set()
                    logger.warning("The log of answers waits for the database (%s).", error)
                    return

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ecomai-answer-log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._has_rows.wait()
            self._has_rows.clear()
            time.sleep(FLUSH_SECONDS)  # more rows come meanwhile
            try:
                self.flush()
            except Exception:
                logger.exception("Answers could not be kept in the log.")
            finally:
                connection.close()


_writer = _Writer()


def _forget_thread() -> None:
    """Start anew in a forked process: the thread did not come along, and the rows are the parent's."""
    global _writer
    _writer = _Writer()


os.register_at_fork(after_in_child=_forget_thread)
atexit.register(flush)


def forget_old_answers() -> int:
    """Remove answers that are older than LOG_DAYS, a few thousand at a time."""
    oldest = timezone.now() - timedelta(days=app_settings.LOG_DAYS)
    n_removed = 0
    while keys := list(Answer.objects.filter(created_at__lt=oldest).values_list("pk", flat=True)[:5000]):
        n_removed += Answer.objects.filter(pk__in=keys).delete()[0]
    return n_removed
