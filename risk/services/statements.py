"""The statements that a checkout waits for: their text is made once, and several travel together.

Half of an assessment's time were the ORM's compilers and the way to the database and back, so its
transaction is made here of plain SQL over the models' own fields.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import Field, Model

#: Text with placeholders, and what goes into them.
Statement = tuple[str, Sequence[Any]]


def insert(rows: Sequence[Model], *, ending: str = "") -> Statement:
    """Return the statement that inserts rows of one model; keys that the database gives are left to it."""
    text, fields = _insert_text(type(rows[0]), rows[0].pk is not None)
    places = ", ".join([f"({', '.join(['%s'] * len(fields))})"] * len(rows))
    return f"{text} VALUES {places} {ending}", [_value(row, field) for row in rows for field in fields]


def run(statements: Sequence[Statement]) -> list[tuple[Any, ...]]:
    """Run statements one after the other, in one round trip where the database takes them so.

    Returns the rows of the last one that has any. Each sees what was committed before it began.
    """
    found: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        if not _travel_together():
            for text, values in statements:
                cursor.execute(text, values)
                if cursor.description:
                    found = cursor.fetchall()
            return found
        cursor.execute(
            "; ".join(text for text, _values in statements),
            [value for _text, values in statements for value in values],
        )
        while True:
            if cursor.description:
                found = cursor.fetchall()
            if not cursor.nextset():
                return found


def _travel_together() -> bool:
    """Where the server binds the parameters it takes one statement at a time."""
    options = connection.settings_dict.get("OPTIONS", {})
    return connection.vendor == "postgresql" and not options.get("server_side_binding")


def _value(row: Model, field: Field) -> Any:
    return field.get_db_prep_save(getattr(row, field.attname), connection)


@lru_cache
def _insert_text(model: type[Model], has_key: bool) -> tuple[str, list[Field]]:
    fields = [field for field in model._meta.concrete_fields if has_key or not field.primary_key]
    columns = ", ".join(_quoted(field.column) for field in fields)
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({columns})", fields


def _quoted(name: str | None) -> str:
    return connection.ops.quote_name(name or "")
