"""CSV files as columns: a file of any size, in any usual encoding, in bounded memory. What was guessed, cut or left out is said."""

import codecs
import csv
import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

from activities.scoring.table.columns import LONGEST_CELL, Building, Table
from activities.scoring.table.problems import TableProblem

MOST_ROWS = 120_000
"""Rows that are learned from; of a longer file, a sample."""
MOST_CELLS = 20_000_000
"""Cells held at once; a wide file is sampled to fewer rows."""
MOST_COLUMNS = 5_000
_LONGEST_FIELD = 50_000_000
_LONGEST_LINE = 64 * 1024 * 1024
_DELIMITERS = ",;\t|"
_NOT_TABLES = {
    b"PK\x03\x04": "a spreadsheet or an archive",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"PAR1": "a Parquet file",
}


class CsvTable:
    """A CSV file whose first row names its columns, read from its beginning each time it is asked.

    Args:
        path: the file; may be compressed with gzip.

    Attributes:
        header: the names of its columns; one that comes twice or has none is given a name of its own.
        said: what had to be guessed.

    Raises:
        TableProblem: when it is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zipped = self._looked_at()
        self._encoding, told = self._encoding_of()
        self.said: list[str] = [told] if told else []
        self._delimiter = ","
        self.header = self._named(self._first_row())

    @property
    def bytes(self) -> int:
        """Of the file as it stands on the disk."""
        return self.path.stat().st_size

    def rows(self, progress: Callable[[int], None] | None = None) -> Iterator[list[str]]:
        """Its rows in order, as they stand there; empty lines are passed over.

        Args:
            progress: told now and then how many bytes of the file were read.
        """
        with self._reading() as (file, reader):
            next(reader, None)
            for number, cells in enumerate(reader):
                if progress and number % 1000 == 0:
                    progress(_position(file))
                if cells:
                    yield cells

    def read(self, progress: Callable[[int], None] | None = None, *, most_rows: int = MOST_ROWS) -> Table:
        """All of it, or an even sample of its rows where it has too many.

        The sample is kept in the file's order and is the same every time: rows are kept one in 1, 2, 4, …, by their number's hash.

        Raises:
            TableProblem: when there is nothing in it.
        """
        most = max(1_000, min(most_rows, MOST_CELLS // max(1, len(self.header))))
        building, rows, ragged = Building(len(self.header)), 0, 0
        for cells in self.rows(progress):
            rows += 1
            ragged += len(cells) != len(self.header)
            building.offer(rows, cells, most)
        if not rows:
            raise TableProblem(f"{self.path} holds the names of columns but no rows.")
        said = [*self.said]
        if building.count < rows:
            said.append(
                f"The file has {rows:,} rows; an even sample of {building.count:,} of them was used, to stay within memory and time."
            )
        if ragged:
            said.append(
                f"{ragged:,} rows have more or fewer cells than there are columns; what is missing is taken as empty, "
                "what is too much left out."
            )
        if building.cut:
            said.append(f"{building.cut:,} cells are longer than {LONGEST_CELL:,} characters; only their beginning was looked at.")
        return building.table(self.header, said)

    @contextmanager
    def _reading(self) -> Iterator[tuple[TextIO, Any]]:
        csv.field_size_limit(_LONGEST_FIELD)
        with self._open() as file:
            reader = csv.reader((line.replace("\0", "") for line in _lines(file, self.path)), delimiter=self._delimiter)
            try:
                yield file, reader
            except csv.Error as err:
                raise TableProblem(f"{self.path}, line {reader.line_num}: {err}. Is a quotation mark missing?") from None
            except UnicodeError:
                raise TableProblem(f"{self.path}, after line {reader.line_num}: not text in {self._encoding}. Save it as UTF-8.") from None
            except (EOFError, zlib.error, gzip.BadGzipFile):
                raise TableProblem(f"{self.path} is compressed and broken off or damaged.") from None

    def _open(self) -> TextIO:
        if self._zipped:
            return cast("TextIO", gzip.open(self.path, "rt", encoding=self._encoding, newline=""))
        return self.path.open(encoding=self._encoding, newline="")

    def _looked_at(self) -> bool:
        """Whether it is compressed."""
        try:
            with self.path.open("rb") as file:
                start = file.read(4)
        except OSError as err:
            raise TableProblem(f"{self.path} cannot be read: {err.strerror}.") from None
        if what := _NOT_TABLES.get(start):
            raise TableProblem(f"{self.path} is {what}, not text. Save it as CSV.")
        return start[:2] == b"\x1f\x8b"

    def _encoding_of(self) -> tuple[str, str]:
        """The encoding, and what is to be said of it; read through to the end, as the one odd letter may stand in the last row."""
        opened = gzip.open if self._zipped else open
        try:
            with opened(self.path, "rb") as file:
                decoder = codecs.getincrementaldecoder("utf-8")()
                first = file.read(4)
                if first[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
                    return "utf-16", "The file is in UTF-16."
                decoder.decode(first)
                while block := file.read(1 << 20):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252", "The file is not UTF-8; it was read as Windows-1252. Should letters look wrong, save it as UTF-8."
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise TableProblem(f"{self.path} is compressed and broken off or damaged.") from None
        return "utf-8-sig", ""

    def _first_row(self) -> list[str]:
        if self._encoding == "cp1252":
            # five bytes mean nothing in Windows-1252; Latin-1 knows all of them and differs in nothing else that matters here
            self._encoding = "latin-1" if self._holds_undefined() else "cp1252"
        with self._open() as file:
            self._delimiter = max(_DELIMITERS, key=file.readline(_LONGEST_LINE).count)
        with self._reading() as (_, reader):
            header = [name.strip()[:200] for name in next(reader, [])]
        if not any(header):
            raise TableProblem(f"{self.path} is empty: its first row must name the columns.")
        if len(header) > MOST_COLUMNS:
            raise TableProblem(f"{self.path} has {len(header):,} columns; at most {MOST_COLUMNS:,} can be used.")
        return header

    def _holds_undefined(self) -> bool:
        opened = gzip.open if self._zipped else open
        with opened(self.path, "rb") as file:
            return any(
                byte in block for block in iter(lambda: file.read(1 << 20), b"") for byte in (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")
            )

    def _named(self, header: list[str]) -> list[str]:
        names: list[str] = []
        twice: list[str] = []
        for number, name in enumerate(header, 1):
            found, copy = name or f"column {number}", 1
            while found in names:
                copy += 1
                found = f"{name} ({copy})"
            if copy > 1:
                twice.append(f"{name!r} as {found!r}")
            names.append(found)
        if twice:
            self.said.append(f"Columns with a name that was taken were renamed: {', '.join(twice)}.")
        return names


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    """The lines of a file, refusing one so long that memory would not hold it."""
    while line := file.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise TableProblem(f"{path} has a line of more than {_LONGEST_LINE // 1_000_000} million characters: it is no table of leads.")
        yield line


def _position(file: TextIO) -> int:
    raw: Any = getattr(file, "buffer", file)
    inner = getattr(raw, "fileobj", None) or raw
    return int(inner.tell())
