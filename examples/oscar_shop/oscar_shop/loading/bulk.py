"""Writing many rows at once, with the times that a history brings along."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection
from msgspec import UNSET

ROWS_AT_ONCE = 2_000


def in_chunks(rows: Iterable[Any], size: int = ROWS_AT_ONCE) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk


def given(value: Any, otherwise: Any) -> Any:
    """Return what a row says, or `otherwise` where it says nothing."""
    return otherwise if value is UNSET or value is None else value


def set_times(model: Any, field: str, times: Sequence[tuple[int, datetime]]) -> None:
    """Give rows their own time where Oscar's field takes the present one at each insert (`auto_now_add`)."""
    if not times:
        return
    table, column = model._meta.db_table, model._meta.get_field(field).column
    quote = connection.ops.quote_name
    statement = f"UPDATE {quote(table)} SET {quote(column)} = %s WHERE id = %s"  # noqa: S608 - names of Oscar's
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.executemany(statement, [(adapt(moment), pk) for pk, moment in times])
