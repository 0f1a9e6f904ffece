"""Leads in a CSV file: what its columns mean, its rows as submissions, and the rows that were refused."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from pydantic import ValidationError

from models.lifecycle import Channel
from models.schemas.leads import Submission

REFUSED_BECAUSE = "refused_because"
"""The column that a file of refused rows has beside its own; it is not read when the file is imported again."""
ATTRIBUTE = "attributes."
"""What the name of a field begins with that is one of the lead's attributes."""
_CONSENT = {f"consent.{channel}" for channel in Channel}
_YES_OR_NO = {*_CONSENT, "consultation_requested"}
FIELDS = (set(Submission.model_fields) - {"consent", "attributes"}) | _CONSENT
"""What a column may be; every other is one of the lead's attributes."""
_BY_KEY = {re.sub(r"[^a-z0-9]", "", name): name for name in FIELDS}
_YES, _NO = {"true", "yes", "y", "x", "1", "on"}, {"false", "no", "n", "0", "off"}
_DELIMITERS = ",;\t|"
_LONGEST_CELL = 100_000
_LONGEST_LINE = 1 << 20
_MOST_COLUMNS = 500
_LOOKED_AT = 4096
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")
Fields = Sequence[str | None]
"""What each column of a file is, in their order; None is left out."""


class BadFile(ValueError):  # noqa: N818 - said as it is read
    """A file that cannot be used; the text is a sentence that says what to mend.

    Attributes:
        about: `columns` or `encoding`, where it helps to say more about those; empty otherwise.
    """

    def __init__(self, message: str, about: str = "") -> None:
        super().__init__(message)
        self.about = about


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the file.

    Args:
        number: of the line in the file on which it ends, from 1.
        cells: as they stand there.
        submission: what they say; None when it cannot be used.
        problem: why not.
    """

    number: int
    cells: list[str]
    submission: Submission | None
    problem: str = ""


class LeadsFile:
    """A CSV file whose first row names its columns.

    Args:
        file: its bytes; can be read from the start again, and stays open. Held in memory is never more than a row.
        encoding: of the text.

    Raises:
        BadFile: when it is no such file.
    """

    def __init__(self, file: IO[bytes], encoding: str = "utf-8-sig") -> None:
        self._file = file
        self._encoding = encoding
        self._delimiter = ","
        self._refuse_binaries()
        with self._text() as text:
            self._delimiter = max(_DELIMITERS, key=text.readline(_LONGEST_LINE).count)
        self.header: list[str] = [name.strip() for name in next(self._records(), (0, []))[1]]
        """The names of its columns."""
        named = [name for name in self.header if name]
        if not named:
            raise BadFile("It is empty: its first row must name the columns.")
        if len(self.header) > _MOST_COLUMNS:
            raise BadFile(f"It has {len(self.header)} columns; {_MOST_COLUMNS} are the most that can be read.")
        if any("\0" in name for name in named):
            raise BadFile("The name of a column holds the character NUL: this is no text file.")
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise BadFile(f"It has more than one column named {', '.join(map(repr, twice))}: give each its own name.")

    def count(self) -> int:
        """How many rows it has. Reads all of it, so that a file that breaks off in the middle is refused before its first row is taken in.

        Raises:
            BadFile: when it breaks off, or has none.
        """
        rows = sum(1 for _ in self._rows())
        if not rows:
            raise BadFile("It holds the names of columns but no rows.")
        return rows

    def guess(self) -> dict[str, str]:
        """What each column is by its own name: a field, or an attribute of that name."""
        return {name: _BY_KEY.get(_key(name), ATTRIBUTE + name) for name in self.header if name and name != REFUSED_BECAUSE}

    def fields(self, columns: Mapping[str, str]) -> Fields:
        """What each column is.

        Args:
            columns: by column, where its name does not say it: a field, `attributes.NAME`, or nothing to leave it out.

        Raises:
            BadFile: when a column or field does not exist, two columns are the same field, or none is the e-mail address.
        """
        found = fields_of(self.header, {**self.guess(), **columns})
        has = ", ".join(name for name in self.header if name)
        unknown = sorted(set(columns) - set(self.header))
        if unknown:
            raise BadFile(f"It has no column {', '.join(map(repr, unknown))}. It has: {has}.", "columns")
        for field in (field for field in found if field is not None):
            if field not in FIELDS and not (field.startswith(ATTRIBUTE) and field != ATTRIBUTE):
                raise BadFile(f"There is no field {field!r}. There are {', '.join(sorted(FIELDS))} and attributes.NAME.", "columns")
            if found.count(field) > 1:
                both = " and ".join(repr(name) for name, one in zip(self.header, found, strict=True) if one == field)
                raise BadFile(f"The columns {both} are both {field}: say which one is, and leave the other out.", "columns")
        if "email" not in found:
            raise BadFile(f"None of its columns is the e-mail address: say which one is. It has: {has}.", "columns")
        return found

    def lines(self, fields: Fields, after: int = 0) -> Iterator[Line]:
        """Its rows, in order; empty ones are passed over.

        Args:
            fields: what the columns are.
            after: the number of the last row that is passed over.

        Raises:
            BadFile: where it breaks off.
        """
        for number, cells in self._rows(after):
            yield self._line(number, cells, fields)

    def _line(self, number: int, cells: list[str], fields: Fields) -> Line:
        if len(cells) > len(self.header) and any(cell.strip() for cell in cells[len(self.header) :]):
            return Line(number, cells, None, f"it has {len(cells)} cells for {len(self.header)} columns")
        try:
            return Line(number, cells, Submission.model_validate(_form(cells, fields)))
        except ValidationError as err:
            return Line(number, cells, None, "; ".join(map(_said, err.errors())))

    def _rows(self, after: int = 0) -> Iterator[tuple[int, list[str]]]:
        records = self._records()
        next(records, None)
        return ((number, cells) for number, cells in records if number > after and any(cell.strip() for cell in cells))

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        with self._text() as text:
            csv.field_size_limit(_LONGEST_CELL)
            reader = csv.reader(_lines(text), delimiter=self._delimiter, strict=True)
            try:
                for cells in reader:
                    yield reader.line_num, cells
            except csv.Error as err:
                too_long = f"a cell has more than {_LONGEST_CELL} characters: is a quotation mark missing?"
                raise BadFile(f"Line {reader.line_num}: {too_long if 'field limit' in str(err) else err}.") from None

    @contextmanager
    def _text(self) -> Iterator[io.TextIOWrapper]:
        """The file from its start, as text."""
        self._file.seek(0)
        try:
            text = io.TextIOWrapper(self._file, self._encoding, newline="")
        except LookupError:
            raise BadFile(f"There is no encoding {self._encoding!r}.") from None
        try:
            yield text
        except UnicodeError:
            name = self._encoding.removesuffix("-sig").upper()
            raise BadFile(f"It is not text in {name}. Save it as UTF-8 ('CSV UTF-8' in a spreadsheet).", "encoding") from None
        finally:
            if not self._file.closed:
                text.detach()

    def _refuse_binaries(self) -> None:
        self._file.seek(0)
        start = self._file.read(_LOOKED_AT)
        if start.startswith(_SPREADSHEETS):
            raise BadFile("It is a spreadsheet or an archive, not a CSV file. Save it as 'CSV UTF-8' and choose that file.")
        if b"\0" in start and not start.startswith(_WIDE) and not self._encoding.lower().startswith(("utf-16", "utf-32")):
            raise BadFile("It is not a text file. Save the list as 'CSV UTF-8' in a spreadsheet and choose that file.")


def fields_of(header: Iterable[str], columns: Mapping[str, str]) -> Fields:
    """What each column is, by a complete map of those that have a name.

    Args:
        header: the columns' names.
        columns: fields by column; one that is missing or empty is left out.
    """
    return [columns.get(name, "").strip() or None for name in header]


class RefusedRows:
    """Rows that were not taken, with the reason, as a CSV file to mend and import again.

    Args:
        header: the columns of the file they come from.
    """

    def __init__(self, header: Sequence[str]) -> None:
        self._keep = [number for number, name in enumerate(header) if name != REFUSED_BECAUSE]
        self.head = "\ufeff" + _written([*(header[number] for number in self._keep), REFUSED_BECAUSE])
        """The file's first line, marked as UTF-8 for spreadsheets."""

    def row(self, cells: Sequence[str], reason: str) -> str:
        """The line of a refused row."""
        return _written([*(cells[number] if number < len(cells) else "" for number in self._keep), reason])


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that begins like one gets an apostrophe before it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def addresses_in(cells: Iterable[str]) -> list[str]:
    """Whatever looks like an e-mail address in a row, in lower case, so that everything about a person can be found."""
    return sorted({found.lower().rstrip(".") for cell in cells for found in _ADDRESS.findall(cell)})


def _written(cells: Iterable[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow([harmless(cell) for cell in cells])
    return line.getvalue()


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE and not line.endswith(("\n", "\r")):
            raise BadFile(f"Line {number} has more than {_LONGEST_LINE >> 20} million characters: this is no CSV file.")
        yield line


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _form(cells: list[str], fields: Fields) -> dict[str, Any]:
    form: dict[str, Any] = {"consent": {}, "attributes": {}}
    for field, cell in zip(fields, cells, strict=False):
        if field is None or not cell.strip():
            continue
        value = _yes_or_no(cell) if field in _YES_OR_NO else cell
        if field.startswith(ATTRIBUTE):
            form["attributes"][field.removeprefix(ATTRIBUTE)] = value
        elif field in _CONSENT:
            form["consent"][field.partition(".")[2]] = value
        else:
            form[field] = value
    return form


def _yes_or_no(cell: str) -> bool | str:
    word = cell.strip().lower()
    return True if word in _YES else False if word in _NO else cell


def _said(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "missing":
        return f"{name}: is missing"
    if error["type"] == "bool_type":
        return f"{name}: write yes or no"
    return f"{name}: {error['msg'].removeprefix('Value error, ').rstrip('.')}"
