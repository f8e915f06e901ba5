"""The tables of an export folder as typed rows; files of order lines alone are enough."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ecomai.commerce.importing.files import open_table
from ecomai.commerce.importing.importer import tables_in
from ecomai.commerce.importing.lines import OrderAssembler
from ecomai.commerce.importing.mappings import Mapping, RowReader, recognise
from ecomai.commerce.importing.survey import Survey
from ecomai.commerce.records import CustomerIn, ItemIn, OrderIn

Report = Callable[[float, str], None]
LINES_AT_ONCE = 20_000


@dataclass
class Export:
    """One folder; `report` is told how far each reading has come."""

    folder: Path
    report: Report
    _surveys: dict[Path, Survey] = field(default_factory=dict)

    def items(self) -> Iterator[ItemIn]:
        for row in self._rows("item"):
            yield msgspec.convert(row, ItemIn, strict=False)
        for survey in self._surveys_of("derive_items"):
            yield from survey.found_items()

    def customers(self) -> Iterator[CustomerIn]:
        for row in self._rows("customer"):
            yield msgspec.convert(row, CustomerIn, strict=False)
        for survey in self._surveys_of("derive_customers"):
            yield from survey.found_customers()

    def events(self) -> Iterator[dict[str, Any]]:
        return self._rows("event")

    def orders(self) -> Iterator[list[OrderIn]]:
        """Yield chunks of whole orders; the rows of an order lie near each other."""
        for table, mapping, reader in self._tables("order_lines"):
            assembler = OrderAssembler(mapping, reader)
            for number, cells in enumerate(table.rows(), start=1):
                if len(cells) == reader.n_columns:
                    assembler.add(number, cells)
                if number % LINES_AT_ONCE == 0:
                    yield [pending.order for pending in assembler.take()]
                    self.report(table.fraction_read, table.path.name)
            yield [pending.order for pending in assembler.take(is_last=True)]

    def _rows(self, kind: str) -> Iterator[dict[str, Any]]:
        for table, _mapping, reader in self._tables(kind):
            for number, cells in enumerate(table.rows(), start=1):
                if len(cells) == reader.n_columns:
                    yield reader.parsed(cells)
                if number % 1000 == 0:
                    self.report(table.fraction_read, table.path.name)

    def _tables(self, kind: str) -> Iterator[tuple[Any, Mapping, RowReader]]:
        for path in tables_in(self.folder):
            table = open_table(path)
            mapping = recognise(path, table.columns)
            if mapping.kind == kind:
                yield table, mapping, RowReader(mapping, table.columns, path.name)

    def _surveys_of(self, wish: str) -> Iterator[Survey]:
        """Read files of order lines through for the items and customers in them, once for both."""
        for table, mapping, reader in self._tables("order_lines"):
            if not getattr(mapping, wish):
                continue
            if table.path not in self._surveys:
                survey = Survey(mapping, reader)
                for number, cells in enumerate(table.rows(), start=1):
                    if len(cells) == reader.n_columns:
                        survey.add(cells)
                    if number % 5000 == 0:
                        self.report(table.fraction_read, table.path.name)
                self._surveys[table.path] = survey
            yield self._surveys[table.path]
