"""A transaction that somebody waits for: plain SQL over models' fields, in as few round trips as can be.

Half of what a checkout's question cost were the ORM's compilers, a connection for the thread of the request,
and the way to the database and back. Here the text of a statement is made once, a warm connection has its
plan, and statements that need nothing of each other travel together.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model
from django.db.utils import DatabaseError, IntegrityError, OperationalError

from . import warm_connections
from .reading import in_transaction

#: Text with placeholders, and what goes into them as the database takes it.
Statement = tuple[str, Sequence[Any]]


class Statements:
    """Runs statements in a transaction of Django's own connection."""

    def send(self, *statements: Statement) -> None:
        """Run statements; one that fails may say so only later in the transaction."""
        with connection.cursor() as cursor:
            for text, values in statements:
                cursor.execute(text, values)

    def ask(self, *statements: Statement) -> list[tuple[Any, ...]]:
        """Run statements and return the last one's rows. Each sees what was committed before it began."""
        with connection.cursor() as cursor:
            for text, values in statements:
                cursor.execute(text, values)
            return list(cursor.fetchall())


class _WarmStatements(Statements):
    """Runs them in a pipeline of a warm connection: only what is asked for rows waits."""

    def __init__(self, warm: psycopg.Connection) -> None:
        self._warm = warm

    def send(self, *statements: Statement) -> None:
        for text, values in statements:
            self._warm.execute(text, values)

    def ask(self, *statements: Statement) -> list[tuple[Any, ...]]:
        *others, (text, values) = statements
        self.send(*others)
        return self._warm.execute(text, values).fetchall()


@contextmanager
def quick_transaction() -> Iterator[Statements]:
    """Yield what runs statements; all of them are kept, or none.

    Over a warm connection where one is free, else over Django's own: inside of a transaction of the caller,
    and on SQLite. Raises django.db.IntegrityError, OperationalError or DatabaseError. The ORM must not write
    inside: it may be another connection's.
    """
    warm = None if in_transaction() else warm_connections.take()
    if warm is None:
        with transaction.atomic():
            yield Statements()
        return
    try:
        with warm.pipeline(), warm.transaction():
            yield _WarmStatements(warm)
    except psycopg.IntegrityError as error:
        raise IntegrityError(*error.args) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise OperationalError(*error.args) from error
    except psycopg.Error as error:
        raise DatabaseError(*error.args) from error
    finally:
        warm_connections.give_back(warm)


def insert(row: Model, *, ending: str = "") -> Statement:
    """Return the statement that inserts a row; a key that the database gives is left to it."""
    text, fields = _insert_text(type(row), row.pk is not None)
    return f"{text} {ending}", [prepared(field, field.pre_save(row, True)) for field in fields]


def prepared(field: Field, value: Any) -> Any:
    """Return the value of a field as the database takes it."""
    return field.get_db_prep_save(value, _backend())


@lru_cache
def _insert_text(model: type[Model], has_key: bool) -> tuple[str, list[Field]]:
    fields = [field for field in model._meta.concrete_fields if has_key or not field.primary_key]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    table = quote(model._meta.db_table)
    return f"INSERT INTO {table} ({columns}) VALUES ({places})", fields  # noqa: S608


@lru_cache(maxsize=1)
def _backend() -> BaseDatabaseWrapper:
    """Only how values are written is asked of it, which any thread may; a thread's own costs much to make."""
    return connections[DEFAULT_DB_ALIAS]
