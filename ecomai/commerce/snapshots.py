"""What was known at a moment, frozen as Parquet files: all that learning ever reads of the shop.

No id of a customer leaves the database: `user_key` is the row's number, or a negative number made from
the session where the customer is not known.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.db import connection, transaction
from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Cast, Coalesce, Lower

from .models import Event, Item

ROWS_AT_ONCE = 20_000
#: What fewer people searched for may name one of them, and nobody else learns from it.
MIN_PEOPLE_OF_A_QUERY = 2
MOMENT = pa.timestamp("us", tz="UTC")
EVENT_SCHEMA = pa.schema(
    [
        ("user_key", pa.int64()), ("item_key", pa.int64()), ("type", pa.string()), ("occurred_at", MOMENT),
        ("quantity", pa.int32()), ("value", pa.float64()), ("currency", pa.string()), ("query", pa.string()),
    ]
)  # fmt: skip
# What is read of an event, before a session becomes a number.
READ_SCHEMA = pa.schema(
    [
        ("customer_id", pa.int64()), ("storefront", pa.string()), ("session_id", pa.string()),
        ("item_id", pa.int64()), ("type", pa.string()), ("occurred_at", MOMENT), ("quantity", pa.int32()),
        ("value", pa.float64()), ("currency", pa.string()), ("query", pa.string()),
    ]
)  # fmt: skip
ITEM_SCHEMA = pa.schema(
    [
        ("item_key", pa.int64()), ("external_id", pa.string()), ("storefront", pa.string()),
        ("title", pa.string()), ("description", pa.string()), ("category_path", pa.string()),
        ("brand", pa.string()), ("attributes", pa.string()), ("price", pa.float64()),
        ("currency", pa.string()), ("is_active", pa.bool_()), ("listed_at", MOMENT),
    ]
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A frozen past: `events.parquet` and `items.parquet` in `folder`, and a fingerprint of their content."""

    folder: Path
    fingerprint: str
    n_events: int
    n_items: int
    n_customers: int
    window_start: datetime | None
    window_end: datetime | None


def freeze(
    folder: Path, *, cutoff: datetime, event_types: Iterable[str] | None = None, storefront: str | None = None
) -> Snapshot:
    """Write what had happened before `cutoff`; memory does not grow with the number of rows.

    Items are those listed before the cutoff, and those that an event before it names, as they are
    described today. `storefront` None takes all. The same rows give the same fingerprint. What somebody
    searched for is there where others did so too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    events = Event.objects.filter(occurred_at__lt=cutoff)
    items = Item.objects.all()
    if event_types is not None:
        events = events.filter(type__in=sorted(event_types))
    if storefront is not None:
        events, items = events.filter(storefront=storefront), items.filter(storefront=storefront)
    named = Event.objects.filter(item=OuterRef("pk"), occurred_at__lt=cutoff)
    items = items.filter(Q(listed_at__lt=cutoff) | Exists(named))
    with transaction.atomic():
        frozen_events = _Table(folder / "events.parquet", EVENT_SCHEMA)
        window = _Window()
        frozen_events.write(map(window.note, _event_batches(events)))
        frozen_items = _Table(folder / "items.parquet", ITEM_SCHEMA)
        frozen_items.write(_batches(_item_rows(items), ITEM_SCHEMA))
        n_customers = events.filter(customer__isnull=False).values("customer").distinct().count()
    return Snapshot(
        folder=folder,
        fingerprint=hashlib.sha256(f"{frozen_events.digest} {frozen_items.digest}".encode()).hexdigest(),
        n_events=frozen_events.n_rows,
        n_items=frozen_items.n_rows,
        n_customers=n_customers,
        window_start=window.first,
        window_end=window.last,
    )


def session_key(storefront: str, session_id: str) -> int:
    """Return the negative number that stands for a session whose customer is not known."""
    text = f"{storefront}\x1f{session_id}".encode()
    return -1 - int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()[:7], "big")


@dataclass
class _Window:
    """The first and the last moment of batches that come in the order of time."""

    first: datetime | None = None
    last: datetime | None = None

    def note(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        moments = batch.column("occurred_at")
        self.first = self.first or moments[0].as_py()
        self.last = moments[-1].as_py()
        return batch


class _Table:
    """One Parquet file written in pieces, with a hash of what went in."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.schema = schema
        self.n_rows = 0
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def write(self, batches: Iterable[pa.RecordBatch]) -> None:
        with pq.ParquetWriter(self.path, self.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
                self._hash.update(batch.serialize())
                self.n_rows += len(batch)


def _event_batches(events: Any) -> Iterator[pa.RecordBatch]:
    names = ["shared_query" if name == "query" else name for name in READ_SCHEMA.names]
    told = Case(When(asked__in=_shared_queries(events), then=F("query")), default=Value(""))
    events = events.annotate(asked=Lower("query"), shared_query=told)
    ordered = events.order_by("occurred_at", "key").values_list(*names)
    read = _copied if connection.vendor == "postgresql" else _fetched
    for batch in read(ordered):
        columns = [_user_keys(batch), *batch.columns[3:]]
        yield pa.record_batch(columns, schema=EVENT_SCHEMA)


def _shared_queries(events: Any) -> Any:
    """Return what several people searched for, without regard to capitals."""
    person = Coalesce(Cast("customer_id", CharField()), "session_id")
    searches = events.exclude(query="").order_by().annotate(asked=Lower("query")).values("asked")
    return (
        searches.annotate(n=Count(person, distinct=True)).filter(n__gte=MIN_PEOPLE_OF_A_QUERY).values("asked")
    )


def _copied(rows: Any) -> Iterator[pa.RecordBatch]:
    """Stream rows by COPY and let Arrow read them: a tenth of what a Python object per value costs."""
    from pyarrow import csv

    names = csv.ReadOptions(column_names=READ_SCHEMA.names)
    # A session's id is any text, so it may hold a line's end.
    texts = csv.ParseOptions(newlines_in_values=True)
    types = csv.ConvertOptions(column_types=READ_SCHEMA)
    sql, values = rows.query.sql_with_params()
    with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", values) as lines:
        while chunk := b"".join(islice(lines, ROWS_AT_ONCE)):
            table = csv.read_csv(pa.BufferReader(chunk), names, texts, types)
            yield table.combine_chunks().to_batches()[0]


def _fetched(rows: Any) -> Iterator[pa.RecordBatch]:
    at = READ_SCHEMA.names.index("value")
    fetched = rows.iterator(chunk_size=ROWS_AT_ONCE)
    return _batches(((*row[:at], _float(row[at]), *row[at + 1 :]) for row in fetched), READ_SCHEMA)


def _batches(rows: Iterator[Sequence[Any]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while chunk := list(islice(rows, ROWS_AT_ONCE)):
        columns = zip(*chunk, strict=True)
        arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
        yield pa.record_batch(arrays, schema=schema)


def _user_keys(batch: pa.RecordBatch) -> pa.Array:
    """Return who did it: the customer's row, else the number of the session, else nobody."""
    customers = batch.column("customer_id")
    if not customers.null_count:
        return customers
    people = zip(*(batch.column(name).to_pylist() for name in READ_SCHEMA.names[:3]), strict=True)
    return pa.array([_user_key(*person) for person in people], type=pa.int64())


def _item_rows(items: Any) -> Iterator[Sequence[Any]]:
    names = (
        "pk", "external_id", "storefront", "title", "description", "category_path", "brand", "attributes",
        "price", "currency", "is_active", "listed_at",
    )  # fmt: skip
    for row in items.order_by("pk").values_list(*names).iterator(chunk_size=ROWS_AT_ONCE):
        *texts, attributes, price, currency, is_active, listed_at = row
        yield (
            *texts,
            json.dumps(attributes, sort_keys=True, ensure_ascii=False),
            _float(price),
            currency,
            is_active,
            listed_at,
        )


def _user_key(customer_pk: int | None, storefront: str, session_id: str) -> int | None:
    if customer_pk is not None:
        return customer_pk
    return session_key(storefront, session_id) if session_id else None


def _float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
