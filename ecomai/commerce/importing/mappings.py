"""Declarative mappings: which column of a file is which field of ours, and what is left out and why."""

import fnmatch
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ecomai.commerce.exceptions import BadMappingError, MissingColumnError, UnknownFileError

FOLDER = Path(__file__).resolve().parent.parent / "mappings"
JSON_FIELDS = frozenset({"attributes", "traits", "properties", "image_urls"})
DATE_FIELDS = frozenset(
    {"listed_at", "first_seen_at", "placed_at", "changed_at", "occurred_at", "valid_from"}
)
LINE_FIELDS = frozenset(
    {
        "order_id", "position", "customer_id", "session_id", "item_id", "description", "quantity", "country",
        "returned_quantity", "unit_price", "currency", "status", "channel", "placed_at", "changed_at",
    }
)  # fmt: skip
REQUIRED = {
    "item": ("external_id", "title"),
    "customer": ("external_id",),
    "order_lines": ("order_id", "quantity", "unit_price", "currency", "placed_at"),
    "event": ("type", "occurred_at"),
    "rate": ("currency", "valid_from", "rate"),
}
ORDER_OF_KINDS = ("rate", "item", "customer", "order_lines", "event")


class LeftOut(msgspec.Struct, forbid_unknown_fields=True):
    """Rows that are no sales: all fields of `when` match their regular expression ('' is an empty cell)."""

    code: str
    reason: str
    when: dict[str, str]


class Recognise(msgspec.Struct, forbid_unknown_fields=True):
    """A file is this mapping's if its name matches one of `files` and it has all of `columns`."""

    files: list[str] = []
    columns: list[str] = []


class Mapping(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One mapping file; docs/data-in.md explains each field."""

    name: str
    kind: Literal["item", "customer", "order_lines", "event", "rate"]
    columns: dict[str, str]
    recognise: Recognise = msgspec.field(default_factory=Recognise)
    constants: dict[str, str] = {}
    timezone: str = "UTC"
    left_out: list[LeftOut] = []
    item_ids_of_no_product: str = ""
    order_ids_of_credit_notes: str = ""
    leave_out_exact_duplicates: bool = False
    guest_orders_are_sessions: bool = False
    derive_items: bool = False
    derive_customers: bool = False
    choices: list[str] = []

    @property
    def row_kind(self) -> str:
        """What a bad row of this file is called in `RejectedRow.kind`."""
        return "order" if self.kind == "order_lines" else self.kind

    def missing_columns(self, present: Sequence[str]) -> list[str]:
        needed = {self.columns[field] for field in REQUIRED[self.kind] if field in self.columns}
        unmapped = [field for field in REQUIRED[self.kind] if field not in self.columns | self.constants]
        return sorted(needed - set(present)) + unmapped


class RowReader:
    """Turns the cells of a row into fields; made once per file."""

    def __init__(self, mapping: Mapping, columns: Sequence[str], file: str) -> None:
        missing = mapping.missing_columns(columns)
        if missing:
            raise MissingColumnError(file=file, columns=", ".join(missing), present=", ".join(columns))
        self.n_columns = len(columns)
        self.columns = columns
        self._places = [
            (field, columns.index(column)) for field, column in mapping.columns.items() if column in columns
        ]
        self._constants = mapping.constants
        self.parse_date = DateParser(mapping.timezone)

    def fields(self, cells: Sequence[Any]) -> dict[str, Any]:
        """Return the fields that have a value, as they stand in the file."""
        values = dict(self._constants)
        for field, place in self._places:
            cell = cells[place]
            if cell is not None and cell != "":
                values[field] = cell
        return values

    def parsed(self, cells: Sequence[Any]) -> dict[str, Any]:
        """Return the fields with dates and JSON read; what cannot be read stays text, and is rejected."""
        values = self.fields(cells)
        for field in values.keys() & DATE_FIELDS:
            values[field] = self.parse_date(values[field])
        for field in values.keys() & JSON_FIELDS:
            values[field] = _json_cell(field, values[field])
        return values


class DateParser:
    """ISO dates with or without time and zone; those without a zone are in the mapping's."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._parse_text = lru_cache(maxsize=8192)(self._parse)

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._parse_text(value)
        return self._in_zone(value) if isinstance(value, datetime) else value

    def _parse(self, text: str) -> Any:
        try:
            return self._in_zone(datetime.fromisoformat(text.strip()))
        except ValueError:
            return text

    def _in_zone(self, moment: datetime) -> datetime:
        return moment if moment.tzinfo else moment.replace(tzinfo=self._zone)


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file and check that its expressions, fields and time zone make sense."""
    try:
        mapping = msgspec.json.decode(path.read_bytes(), type=Mapping)
        ZoneInfo(mapping.timezone)
        for expression in _expressions(mapping):
            re.compile(expression)
    except (OSError, msgspec.MsgspecError, re.error, ZoneInfoNotFoundError, ValueError) as error:
        raise BadMappingError(file=path.name, reason=str(error)) from error
    unknown = {*mapping.columns, *mapping.constants} - known_fields(mapping.kind)
    if unknown:
        raise BadMappingError(file=path.name, reason=f"unknown fields: {', '.join(sorted(unknown))}")
    return mapping


def known_fields(kind: str) -> frozenset[str]:
    from ecomai.commerce.records import KINDS

    return LINE_FIELDS if kind == "order_lines" else frozenset(KINDS[kind].__struct_fields__)


def built_in_mappings() -> Iterator[Mapping]:
    for path in sorted(FOLDER.glob("*.json")):
        yield load_mapping(path)


def recognise(path: Path, columns: Sequence[str]) -> Mapping:
    """Return the built-in mapping of a file, by its name and columns; raises `UnknownFileError`."""
    by_name = [mapping for mapping in built_in_mappings() if _is_called_like(path, mapping)]
    for mapping in by_name:
        if set(mapping.recognise.columns) <= set(columns):
            return mapping
    for mapping in by_name:  # the name is right, so the columns are the mistake: say which are missing
        RowReader(mapping, columns, path.name)
    by_columns = [mapping for mapping in built_in_mappings() if _has_columns_of(columns, mapping)]
    if len(by_columns) == 1:
        return by_columns[0]
    raise UnknownFileError(file=path.name)


def _is_called_like(path: Path, mapping: Mapping) -> bool:
    return any(fnmatch.fnmatch(path.name.lower(), pattern) for pattern in mapping.recognise.files)


def _has_columns_of(columns: Sequence[str], mapping: Mapping) -> bool:
    return bool(mapping.recognise.columns) and set(mapping.recognise.columns) <= set(columns)


def _expressions(mapping: Mapping) -> Iterator[str]:
    yield from (mapping.item_ids_of_no_product, mapping.order_ids_of_credit_notes)
    for rule in mapping.left_out:
        yield from rule.when.values()


def _json_cell(field: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if field == "image_urls" and not value.lstrip().startswith("["):
        return [url.strip() for url in value.split("|") if url.strip()]
    try:
        return json.loads(value)
    except ValueError:
        return value
