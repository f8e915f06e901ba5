"""Imports of files and folders: streamed, resumable, and the second time without effect."""

import gc
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce import services, signals
from ecomai.commerce.checking import Bounds, rejected
from ecomai.commerce.exceptions import UnknownFileError, UnreadableFileError
from ecomai.commerce.models import Customer, Event, EventKey, ImportCheckpoint, Item, Order, OrderLine
from ecomai.commerce.records import RowResult
from ecomai.memory import peak_memory_mb

from .files import fingerprint, is_table, open_table
from .lines import BadRow, OrderAssembler, in_chunks, without_bad_lines
from .mappings import ORDER_OF_KINDS, Mapping, RowReader, load_mapping, recognise
from .progress import Progress
from .survey import Survey

ROWS_AT_ONCE = 5_000
LINES_AT_ONCE = 20_000
WORTH_ANALYZING = 10_000

Service = Callable[..., list[RowResult]]


def import_path(
    path: Path,
    *,
    mapping_path: Path | None = None,
    storefront: str = "",
    progress_stream: TextIO = sys.stderr,
) -> list[dict[str, Any]]:
    """Import a file, or all tables of a folder in the order they need each other; return their summaries."""
    mapping = load_mapping(mapping_path) if mapping_path else None
    if not path.exists():
        raise UnreadableFileError(file=str(path), reason=_("there is no such file or folder"))
    imports = [FileImport(file, mapping, storefront, progress_stream) for file in tables_in(path)]
    imports.sort(key=lambda one: ORDER_OF_KINDS.index(one.mapping.kind))
    with collecting_rarely():
        summaries = [one.run() for one in imports]
    signals.history_imported.send(sender=import_path)
    return summaries


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Rows have no reference cycles, and looking for them took a quarter of the time (measured)."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def tables_in(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [file for file in sorted(path.iterdir()) if file.is_file() and is_table(file)]
    if not found:
        raise UnknownFileError(file=path.name)
    return found


class FileImport:
    """One file on its way in. `run()` goes on where an interrupted run of the same file ended."""

    def __init__(self, path: Path, mapping: Mapping | None, storefront: str, stream: TextIO) -> None:
        self.table = open_table(path)
        self.mapping = mapping or recognise(path, self.table.columns)
        self.reader = RowReader(self.mapping, self.table.columns, path.name)
        self.storefront = storefront
        self.stream = stream
        self.source = f"file:{path.name}"
        self.counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("written", "left_out", "rejected", "items", "customers")
        }
        self.file_holds: dict[str, Any] = {}

    def run(self) -> dict[str, Any]:
        started, cpu_started = time.monotonic(), time.process_time()
        checkpoint = self._open_checkpoint()
        resumed_at = checkpoint.rows_done
        if self.mapping.derive_items or self.mapping.derive_customers:
            self._derive()
        n_rows = self._take_lines(checkpoint) if self._is_lines else self._take_rows(checkpoint)
        if n_rows >= WORTH_ANALYZING:
            refresh_statistics()
        summary = self._summary(n_rows, resumed_at, started, cpu_started)
        checkpoint.rows_done, checkpoint.finished_at, checkpoint.summary = n_rows, timezone.now(), summary
        checkpoint.position = str(n_rows)
        checkpoint.save()
        return summary

    @property
    def _is_lines(self) -> bool:
        return self.mapping.kind == "order_lines"

    def _open_checkpoint(self) -> ImportCheckpoint:
        """Take up an interrupted import; one that is finished begins anew, and finds nothing to change."""
        source = f"{self.storefront}:{self.table.path.name[:120]}:{fingerprint(self.table.path)}"
        checkpoint, _created = ImportCheckpoint.objects.get_or_create(source=source)
        if checkpoint.finished_at:
            checkpoint.rows_done, checkpoint.finished_at, checkpoint.summary = 0, None, {}
            checkpoint.save()
        for name, counts in checkpoint.summary.get("counts", {}).items():
            self.counts[name].update(counts)
        return checkpoint

    def _note(self, checkpoint: ImportCheckpoint, rows_done: int) -> None:
        checkpoint.rows_done, checkpoint.position = rows_done, str(rows_done)
        checkpoint.summary = {"counts": {name: dict(counts) for name, counts in self.counts.items()}}
        checkpoint.save()

    def _rows(self, progress: Progress) -> Iterator[tuple[int, Sequence[Any]]]:
        """Yield number and cells of the rows that have the right number of cells; set the others aside."""
        for number, cells in enumerate(self.table.rows(), start=1):
            if number % 1000 == 0:
                progress.report(number, self.table.fraction_read)
            yield number, cells

    def _derive(self) -> None:
        """Read the file through once for the items and customers in it, and write those."""
        progress = Progress(self.stream, _("%(file)s, items and customers") % {"file": self.table.path.name})
        survey = Survey(self.mapping, self.reader)
        for _number, cells in self._rows(progress):
            if len(cells) == self.reader.n_columns:
                survey.add(cells)
        progress.finish(survey.n_rows)
        self.file_holds = survey.numbers()
        self.counts["items"].clear()
        self.counts["customers"].clear()
        if self.mapping.derive_items:
            self._write_derived("items", survey.found_items(), services.upsert_items)
        if self.mapping.derive_customers:
            self._write_derived("customers", survey.found_customers(), services.upsert_customers)

    def _write_derived(self, name: str, records: list[Any], service: Service) -> None:
        for start in range(0, len(records), ROWS_AT_ONCE):
            chunk = records[start : start + ROWS_AT_ONCE]
            results = service(chunk, storefront=self.storefront, source=self.source)
            self.counts[name].update(result.code for result in results)

    def _take_rows(self, checkpoint: ImportCheckpoint) -> int:
        """Files whose rows stand for themselves: items, customers, events, rates."""
        progress = Progress(self.stream, self.table.path.name)
        done = checkpoint.rows_done
        for chunk in in_chunks(islice(self._rows(progress), done, None), ROWS_AT_ONCE):
            whole = self._whole_rows(chunk)
            rows = [self.reader.parsed(cells) for _number, cells in whole]
            if rows:
                results = self._service()(rows, row_numbers=[number for number, _cells in whole])
                self._count(results)
            done = chunk[-1][0]
            self._note(checkpoint, done)
        progress.finish(done - checkpoint.rows_done or done)
        return done

    def _service(self) -> Service:
        def call(rows: Sequence[Any], **options: Any) -> list[RowResult]:
            if self.mapping.kind == "rate":
                return services.set_exchange_rates(rows, source=self.source, **options)
            service = {
                "item": services.upsert_items,
                "customer": services.upsert_customers,
                "event": services.ingest_events,
            }[self.mapping.kind]
            return service(rows, storefront=self.storefront, source=self.source, **options)

        return call

    def _take_lines(self, checkpoint: ImportCheckpoint) -> int:
        """Files of order lines; what was done before is read again for its positions, and not written."""
        progress = Progress(self.stream, self.table.path.name)
        assembler, done, already = OrderAssembler(self.mapping, self.reader), 0, checkpoint.rows_done
        rows = self._rows(progress)
        for number, cells in islice(rows, already):
            if len(cells) == self.reader.n_columns:
                assembler.add(number, cells)
            done = number
        assembler.take(is_last=True)
        assembler.bad_rows.clear()
        for chunk in in_chunks(rows, LINES_AT_ONCE):
            for number, cells in self._whole_rows(chunk):
                if code := assembler.add(number, cells):
                    self._count_left_out(code, assembler)
            done = chunk[-1][0]
            self._write_orders(assembler)
            first_open = assembler.first_pending_row()
            self._note(checkpoint, first_open - 1 if first_open else done)
        self._write_orders(assembler, is_last=True)
        progress.finish(done - already or done)
        self.counts["written"]["orders_in_file"] = assembler.n_orders
        return done

    def _count_left_out(self, code: str, assembler: OrderAssembler) -> None:
        if not assembler.bad_rows or assembler.bad_rows[-1].result.code != code:
            self.counts["left_out"][code] += 1

    def _write_orders(self, assembler: OrderAssembler, *, is_last: bool = False) -> None:
        bounds, orders, numbers = Bounds(), [], []
        bad_rows, assembler.bad_rows = assembler.bad_rows, []
        for pending in assembler.take(is_last=is_last):
            order, bad = without_bad_lines(pending, bounds)
            bad_rows += bad
            if order:
                orders.append(order)
                numbers.append(pending.numbers[0])
        self._set_aside(bad_rows)
        if orders:
            results = services.upsert_orders(
                orders, storefront=self.storefront, source=self.source, row_numbers=numbers
            )
            self._count(results)
            for order, result in zip(orders, results, strict=True):
                if result.status != "rejected":
                    self.counts["written"]["lines"] += len(order.lines)

    def _whole_rows(self, chunk: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
        whole = [row for row in chunk if len(row[1]) == self.reader.n_columns]
        if len(whole) < len(chunk):
            self._set_aside([self._torn(*row) for row in chunk if len(row[1]) != self.reader.n_columns])
        return whole

    def _torn(self, number: int, cells: Sequence[Any]) -> BadRow:
        reason = _("The row has %(have)s cells, and the file has %(need)s columns.")
        result = rejected("wrong_number_of_cells", reason, have=len(cells), need=self.reader.n_columns)
        return BadRow({"cells": list(cells)}, result, number)

    def _set_aside(self, bad_rows: list[BadRow]) -> None:
        if not bad_rows:
            return
        services.keep_rejected(
            kind=self.mapping.row_kind,
            rows=[bad.payload for bad in bad_rows],
            results=[bad.result for bad in bad_rows],
            storefront=self.storefront,
            source=self.source,
            row_numbers=[bad.number for bad in bad_rows],
        )
        self.counts["rejected"].update(bad.result.code for bad in bad_rows)

    def _count(self, results: Sequence[RowResult]) -> None:
        for result in results:
            if result.status == "rejected":
                self.counts["rejected"][result.code] += 1
            else:
                self.counts["written"][result.code or _PLAIN[result.status]] += 1

    def _summary(self, n_rows: int, resumed_at: int, started: float, cpu_started: float) -> dict[str, Any]:
        seconds = time.monotonic() - started
        return {
            "file": self.table.path.name,
            "mapping": self.mapping.name,
            "kind": self.mapping.kind,
            "storefront": self.storefront,
            "rows": n_rows,
            "resumed_after_row": resumed_at,
            "file_holds": self.file_holds,
            **{name: dict(sorted(counts.items())) for name, counts in self.counts.items()},
            "reasons": {rule.code: rule.reason for rule in self.mapping.left_out},
            "choices": self.mapping.choices,
            "seconds": round(seconds, 2),
            "cpu_seconds": round(time.process_time() - cpu_started, 2),
            "rows_per_second": round(n_rows / seconds) if seconds else 0,
            "peak_memory_mb": round(peak_memory_mb(), 1),
        }


_PLAIN = {"accepted": "created", "duplicate": "unchanged"}


def refresh_statistics() -> None:
    """Tell PostgreSQL how much has come; a partitioned table is never analyzed by itself."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for model in (Item, Customer, Order, OrderLine, Event, EventKey):
                cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
