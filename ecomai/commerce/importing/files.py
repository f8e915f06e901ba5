"""Tables in files, a row at a time: CSV, gzipped CSV and Parquet, checked before anything is written."""

import codecs
import csv
import gzip
import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.translation import gettext as _

from ecomai.commerce.exceptions import EmptyFileError, NotUtf8Error, UnreadableFileError

SUFFIXES = (".csv", ".csv.gz", ".parquet")
DELIMITERS = ",;\t|"
BLOCK = 1 << 20
LONGEST_CELL = 10 * BLOCK


def is_table(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def open_table(path: Path) -> "CsvTable | ParquetTable":
    return ParquetTable(path) if path.name.lower().endswith(".parquet") else CsvTable(path)


def fingerprint(path: Path) -> str:
    """Return what tells this file's content from another's: its size and a hash of both its ends."""
    size = path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(BLOCK))
        file.seek(max(size - BLOCK, 0))
        digest.update(file.read(BLOCK))
    return f"{size}-{digest.hexdigest()[:32]}"


class CsvTable:
    """A CSV file with a line of column names; UTF-8, gzipped or not, separated by `,`, `;`, tab or `|`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = max(path.stat().st_size, 1)
        self._raw: BinaryIO | None = None
        self._check_text()
        with self._open() as text:
            first = text.readline()
        self.delimiter = max(DELIMITERS, key=first.count)
        self.columns = [name.strip() for name in next(csv.reader([first], delimiter=self.delimiter), [])]
        if not any(self.columns):
            raise EmptyFileError(file=path.name)

    @property
    def fraction_read(self) -> float:
        return min(self._raw.tell() / self.size, 1.0) if self._raw and not self._raw.closed else 0.0

    def rows(self) -> Iterator[Sequence[Any]]:
        """Yield the cells of each row after the line of names; blank lines are passed over."""
        csv.field_size_limit(LONGEST_CELL)
        with self._open() as text:
            reader = csv.reader(text, delimiter=self.delimiter)
            next(reader)
            try:
                yield from filter(None, reader)
            except csv.Error as error:
                reason = _("line %(line)s: %(error)s") % {"line": reader.line_num, "error": error}
                raise UnreadableFileError(file=self.path.name, reason=reason) from error

    def _open(self) -> io.TextIOWrapper:
        binary: Any = self._open_bytes()
        return io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")

    def _open_bytes(self) -> Any:
        self._raw = self.path.open("rb")
        return gzip.GzipFile(fileobj=self._raw) if self.path.name.lower().endswith(".gz") else self._raw

    def _check_text(self) -> None:
        """Read it through once, so that a file in another encoding is refused whole and not half-imported."""
        decoder, n_lines = codecs.getincrementaldecoder("utf-8")(), 1
        try:
            with self._open_bytes() as file:
                while block := file.read(BLOCK):
                    decoder.decode(block)
                    n_lines += block.count(b"\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            n_lines += error.object[: error.start].count(b"\n")
            raise NotUtf8Error(file=self.path.name, row=n_lines) from error
        except (EOFError, gzip.BadGzipFile, OSError) as error:
            raise UnreadableFileError(file=self.path.name, reason=str(error)) from error


class ParquetTable:
    def __init__(self, path: Path) -> None:
        import pyarrow
        import pyarrow.parquet

        self.path = path
        try:
            self._file = pyarrow.parquet.ParquetFile(path)
        except (pyarrow.ArrowException, OSError) as error:
            if path.stat().st_size == 0:
                raise EmptyFileError(file=path.name) from error
            raise UnreadableFileError(file=path.name, reason=str(error)[:300]) from error
        self.columns = list(self._file.schema_arrow.names)
        self._n_rows = max(self._file.metadata.num_rows, 1)
        self._n_read = 0

    @property
    def fraction_read(self) -> float:
        return self._n_read / self._n_rows

    def rows(self) -> Iterator[Sequence[Any]]:
        self._n_read = 0
        for batch in self._file.iter_batches(batch_size=8192):
            self._n_read += batch.num_rows
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
