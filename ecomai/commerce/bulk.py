"""Many rows in one statement: `INSERT ... ON CONFLICT ... RETURNING` with a text of constant length.

Django's `bulk_create` cannot tell which rows a conflict left out, and its cost per row is some ten times
higher; both matter where a batch of events is taken in and where a history of millions is imported.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, models

# Their text has no character that an array would need quoted.
PLAIN_TYPES = frozenset({int, bool, Decimal, UUID})


def insert_rows(
    model: type[models.Model],
    fields: Sequence[str],
    rows: Sequence[tuple],
    *,
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
    returning: Sequence[str] = (),
) -> list[tuple]:
    """Insert tuples of values in the order of `fields`; return the columns `returning` of what was written.

    A row whose `unique` fields exist already is left as it is, or has its `update` fields set.
    Without `unique`, a conflict is an error. Rows of one call must differ in their `unique` fields.
    """
    if not rows:
        return []
    chosen = [model._meta.get_field(name) for name in fields]
    tail = _conflict_clause(model, unique, update) + _returning_clause(model, returning)
    insert_chunk = _insert_arrays if connection.vendor == "postgresql" else _insert_values
    written = insert_chunk(model, chosen, rows, tail, bool(returning))
    return (
        [_to_python(model, returning, row) for row in written]
        if connection.vendor != "postgresql"
        else written
    )


def _insert_arrays(
    model: Any, fields: list, rows: Sequence[tuple], tail: str, has_result: bool
) -> list[tuple]:
    """One array per column: PostgreSQL plans one short statement, however many rows there are."""
    given, values = rows_as_arrays(fields, rows)
    sql = (
        f"INSERT INTO {_quoted(model._meta.db_table)} ({_columns(fields)}) "  # noqa: S608
        f"SELECT {_columns(fields)} FROM ({given}) AS given{tail}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if has_result else []


def rows_as_arrays(fields: Sequence[Any], rows: Sequence[tuple]) -> tuple[str, list[Any]]:
    """Return a SELECT of rows under the columns of `fields`, numbered from 1 as `number`, and its parameters.

    A column with one value throughout is sent once: of an event's, most are.
    """
    selected, arrays, names, values, constants = [], [], [], [], []
    for field, column in zip(fields, zip(*rows, strict=True), strict=True):
        name, is_json = _quoted(field.column), isinstance(field, models.JSONField)
        kind = "jsonb" if is_json else _array_type(field)
        if column.count(column[0]) == len(column):
            selected.append(f"%s::{kind} AS {name}")
            constants.append(_json_text(column[0]) if is_json else column[0])
            continue
        selected.append(f"{name}::jsonb" if is_json else name)
        names.append(name)
        arrays.append(f"%s::{'text' if is_json else kind}[]")
        values.append(array_literal(map(_json_text, column) if is_json else column))
    arrays.append("%s::int[]")
    values.append("{" + ",".join(map(str, range(1, len(rows) + 1))) + "}")
    unnested = f"unnest({', '.join(arrays)}) AS given({', '.join([*names, 'number'])})"
    sql = f"SELECT {', '.join(selected)}, number FROM {unnested}"  # noqa: S608
    return sql, [*constants, *values]


def array_literal(column: Iterable[Any]) -> str:
    """Return a column as PostgreSQL's array text; psycopg's own dumper of lists takes ten times as long."""
    values = list(column)
    kinds = set(map(type, values))
    if kinds <= PLAIN_TYPES:
        return "{" + ",".join(map(str, values)) + "}"
    if type(None) not in kinds:
        quoted = '","'.join(map(str, values))
        if "\\" not in quoted and quoted.count('"') == 2 * (len(values) - 1):
            return '{"' + quoted + '"}'
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if type(value) in PLAIN_TYPES:
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _json_text(value: Any) -> str:
    return "{}" if value == {} else json.dumps(value, default=str)


def _insert_values(
    model: Any, fields: list, rows: Sequence[tuple], tail: str, has_result: bool
) -> list[tuple]:
    written: list[tuple] = []
    one = "(" + ", ".join(["%s"] * len(fields)) + ")"
    size = max((connection.features.max_query_params or 10_000) // len(fields), 1)
    with connection.cursor() as cursor:
        for chunk in _chunks(rows, size):
            sql = (
                f"INSERT INTO {_quoted(model._meta.db_table)} ({_columns(fields)}) "  # noqa: S608
                f"VALUES {', '.join([one] * len(chunk))}{tail}"
            )
            cursor.execute(
                sql,
                [
                    field.get_db_prep_save(value, connection)
                    for row in chunk
                    for field, value in zip(fields, row, strict=True)
                ],
            )
            written += cursor.fetchall() if has_result else []
    return written


def _conflict_clause(model: Any, unique: Sequence[str], update: Sequence[str]) -> str:
    if not unique:
        return ""
    target = _columns([model._meta.get_field(name) for name in unique])
    if not update:
        return f" ON CONFLICT ({target}) DO NOTHING"
    columns = [_quoted(model._meta.get_field(name).column) for name in update]
    return f" ON CONFLICT ({target}) DO UPDATE SET " + ", ".join(
        f"{column} = EXCLUDED.{column}" for column in columns
    )


def _returning_clause(model: Any, returning: Sequence[str]) -> str:
    return f" RETURNING {_columns([model._meta.get_field(name) for name in returning])}" if returning else ""


def _array_type(field: Any) -> str:
    if isinstance(field, models.CharField | models.TextField):
        return "text"
    if isinstance(field, models.DecimalField):
        return "numeric"
    stored = field.target_field if field.is_relation else field
    return str(stored.rel_db_type(connection))


def _to_python(model: Any, names: Sequence[str], row: tuple) -> tuple:
    return tuple(model._meta.get_field(name).to_python(value) for name, value in zip(names, row, strict=True))


def _columns(fields: Sequence[Any]) -> str:
    return ", ".join(_quoted(field.column) for field in fields)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def _chunks(rows: Sequence[tuple], size: int) -> Iterator[Sequence[tuple]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
