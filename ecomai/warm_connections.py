"""Connections that any thread of a web process may take for a moment, besides the host's own pool.

A request of an ASGI server has a thread of its own, in which Django takes a connection from its pool, asks
whether it still lives, and gives it back; that costs several times what a small read costs. And a statement
over a year of monthly partitions takes longer to plan than to run, so it is prepared.
"""

import os
import select
import threading
from collections import deque
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.signals import connection_created
from psycopg import pq, sql

#: Besides the host's own pool. A process waits for the database in few threads at a time.
MOST_CONNECTIONS = 4


def is_postgresql() -> bool:
    return _warm.is_postgresql()


def take() -> psycopg.Connection | None:
    """Return a connection in autocommit mode to give back, or None where none is free or can be had."""
    return _warm.take()


def give_back(warm: psycopg.Connection) -> None:
    """Let others have a connection; one that is broken, or inside a transaction, is closed."""
    _warm.give_back(warm)


def close_connections() -> None:
    """Close the warm connections that are idle."""
    _warm.close()


class _WarmConnections:
    """The one used last comes first."""

    def __init__(self) -> None:
        self._idle: deque[psycopg.Connection] = deque()
        self._n_open = 0
        self._lock = threading.Lock()
        self._vendor = ""

    def is_postgresql(self) -> bool:
        # Asked once, because to know it Django makes an object of many parts for each thread.
        self._vendor = self._vendor or connection.vendor
        return self._vendor == "postgresql"

    def take(self) -> psycopg.Connection | None:
        while True:
            try:
                warm = self._idle.pop()
            except IndexError:
                return self._open()
            if not _has_ended(warm):
                return warm
            self._drop(warm)

    def give_back(self, warm: psycopg.Connection) -> None:
        if warm.closed or warm.info.transaction_status != pq.TransactionStatus.IDLE:
            self._drop(warm)
        else:
            self._idle.append(warm)

    def _open(self) -> psycopg.Connection | None:
        with self._lock:
            if self._n_open >= MOST_CONNECTIONS or not self.is_postgresql():
                return None
            self._n_open += 1
        try:
            return _connect()
        except psycopg.Error:
            with self._lock:
                self._n_open -= 1
            return None

    def _drop(self, warm: psycopg.Connection) -> None:
        warm.close()
        with self._lock:
            self._n_open -= 1

    def close(self) -> None:
        """The next one who takes connects anew."""
        while self._idle:
            self._drop(self._idle.pop())


def _has_ended(warm: psycopg.Connection) -> bool:
    """Whether the server spoke without being asked: it does so when it ends a connection."""
    if not hasattr(select, "poll"):  # Windows: the first statement will tell
        return False
    asked = select.poll()
    asked.register(warm.fileno(), select.POLLIN)
    return bool(asked.poll(0))


def _connect() -> psycopg.Connection:
    parameters = {**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}
    warm = psycopg.connect(**parameters, autocommit=True)
    if role := connection.settings_dict["OPTIONS"].get("assume_role"):
        warm.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    if _may_prepare():
        warm.prepare_threshold = 0
        # One plan serves all customers, and compiling it would take longer than running it.
        warm.execute("SET plan_cache_mode = force_generic_plan")
        warm.execute("SET jit = off")
    return warm


def _may_prepare() -> bool:
    """A pooler that lends a connection per transaction keeps no statements; a setting of Django says so."""
    return not connections.settings[DEFAULT_DB_ALIAS].get("DISABLE_SERVER_SIDE_CURSORS")


_warm = _WarmConnections()


def _make_way(connection: Any, **_kwargs: Any) -> None:
    """Django connects to no database in order to make or drop one, which nobody may be using then."""
    if connection.alias == NO_DB_ALIAS:
        close_connections()


def _forget() -> None:
    """Start anew in a forked process: the connections are the parent's."""
    global _warm
    _warm = _WarmConnections()


connection_created.connect(_make_way, dispatch_uid="ecomai.warm_connections")
os.register_at_fork(after_in_child=_forget)
