"""Emptying the database after a test of several connections, which rolling back cannot undo.

Django truncates all tables and then writes again what every shop begins with: content types, permissions,
prompts, flows, schedules. With two hundred tables that takes seconds, and some hundred tests wait for it.
Here the few tables that have rows are emptied, and what every shop begins with stays where it was left alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations

#: With more rows than this, truncating is the faster way.
MOST_ROWS = 5_000
_truncate = DatabaseOperations.sql_flush
_begin = flush.emit_post_migrate_signal


class Beginning:
    """What every shop begins with in the database of this process: the digest of each table's rows."""

    digests: dict[str, str] | None = None  # None: it is not known, and has to be written again

    def sql_flush(
        self, operations: DatabaseOperations, style: Any, tables: Sequence[str], **options: Any
    ) -> list[str]:
        """Return what empties tables; keys are checked at the end, when nothing is left that points."""
        if not self._is_untouched():
            self.digests = None
        counted = _count([name for name in tables if name not in (self.digests or ())])
        if max(counted.values(), default=0) > MOST_ROWS:
            self.digests = None
            return _truncate(operations, style, tables, **options)
        return [f"DELETE FROM {_quoted(name)}" for name, n in counted.items() if n]

    def write_again(self, *args: Any, **options: Any) -> None:
        """As Django after a flush, where anything of it is missing."""
        if self.digests is None:
            _begin(*args, **options)
            tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
            self.digests = _digests([name for name, n in _count(tables).items() if n])

    def _is_untouched(self) -> bool:
        return self.digests is not None and _digests(list(self.digests)) == self.digests


@contextmanager
def quick_flush() -> Iterator[None]:
    beginning = Beginning()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            DatabaseOperations, "sql_flush", lambda *args, **options: beginning.sql_flush(*args, **options)
        )
        patch.setattr(flush, "emit_post_migrate_signal", beginning.write_again)
        yield


def _count(tables: Sequence[str]) -> dict[str, int]:
    """Return how many rows tables have, counted up to what is too many."""
    return _ask(tables, "count(*) FROM (SELECT FROM {table} LIMIT " + f"{MOST_ROWS + 1}) AS few")


def _digests(tables: Sequence[str]) -> dict[str, str]:
    return _ask(
        tables, "md5(coalesce(string_agg(whole::text, '|' ORDER BY whole::text), '')) FROM {table} whole"
    )


def _ask(tables: Sequence[str], what: str) -> dict[str, Any]:
    if not tables:
        return {}
    parts = [f"SELECT '{name}', {what.format(table=_quoted(name))}" for name in tables]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts))
        return dict(cursor.fetchall())


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
