"""Reads that a busy web process asks again and again: over a few warm connections, planned once."""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections

from . import warm_connections
from .warm_connections import is_postgresql

__all__ = ["in_transaction", "is_postgresql", "read_rows"]


def in_transaction() -> bool:
    """Whether this thread is inside a transaction, and so must read what that transaction wrote."""
    opened = connections.all(initialized_only=True)
    return any(one.in_atomic_block for one in opened if one.alias == DEFAULT_DB_ALIAS)


def read_rows(statement: str, parameters: Sequence[Any] = ()) -> list[tuple]:
    """Return the rows of a SELECT; inside a transaction as that transaction sees them.

    What a warm connection cannot answer is asked the usual way, which also says what is wrong.
    """
    rows = None if in_transaction() else _read_warm(statement, parameters)
    if rows is not None:
        return rows
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _read_warm(statement: str, parameters: Sequence[Any]) -> list[tuple] | None:
    """Return the rows, or None where no connection is free or the reading failed."""
    warm = warm_connections.take()
    if warm is None:
        return None
    try:
        return warm.cursor(binary=True).execute(statement, parameters).fetchall()
    except psycopg.DataError:
        return None
    except psycopg.Error:
        warm.close()
        return None
    finally:
        warm_connections.give_back(warm)
