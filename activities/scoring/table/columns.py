"""Rows and columns in memory.

A column is the distinct texts in it and a number per row, so that every distinct text is looked at once and many rows take little room.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

import numpy as np
import numpy.typing as npt

LONGEST_CELL = 2_000
"""Characters of a cell that are looked at."""
Codes = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Column:
    """The cells under one name.

    Args:
        name: of the column.
        levels: the distinct texts in it.
        codes: for each row, which of them it has.
    """

    name: str
    levels: tuple[str, ...]
    codes: Codes

    def at(self, rows: Rows) -> "Column":
        """The same column of some of the rows."""
        return Column(self.name, self.levels, self.codes[rows])


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and columns.

    Args:
        columns: by name, in the file's order.
        rows: how many rows there are.
        said: what had to be guessed, cut or left out on reading.
    """

    columns: dict[str, Column]
    rows: int
    said: tuple[str, ...] = ()

    def at(self, rows: Rows) -> "Table":
        """The same table with some of its rows, in the order asked for."""
        return Table({name: column.at(rows) for name, column in self.columns.items()}, len(rows), self.said)


def table_of(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table from rows at hand; a row that is too short is missing its last cells."""
    building = Building(len(names))
    for row in rows:
        building.add(row)
    return building.table(names, ())


def table_from(rows: Sequence[Mapping[str, object]]) -> Table:
    """A table from rows at hand, by the names of their columns; a column that a row lacks is empty there.

    Numbers, texts, dates, times, yes and no (as booleans) and None may stand in it; they are read as they would be out of a file.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    return table_of(names, [[cell_of(row.get(name)) for name in names] for row in rows])


def cell_of(value: object) -> str:
    """A value as it would stand in a file: None and NaN are empty, yes and no `true` and `false`, dates ISO 8601."""
    match value:
        case None:
            return ""
        case Enum():
            return cell_of(value.value)
        case str():
            return value
        case bool() | np.bool_():
            return "true" if value else "false"
        case float() | np.floating():
            return "" if np.isnan(value) else repr(float(value))
        case date():
            return value.isoformat()
        case _:
            return str(value)


class Building:
    """Columns that grow row by row.

    Args:
        width: how many columns.

    Attributes:
        cut: cells that were longer than is looked at.
    """

    def __init__(self, width: int) -> None:
        self.cut = 0
        self._width = width
        self._every = 1
        self._numbers: list[int] = []
        self._known: list[dict[str, int]] = [{} for _ in range(width)]
        self._codes: list[list[int]] = [[] for _ in range(width)]

    @property
    def count(self) -> int:
        """How many rows are kept."""
        return len(self._numbers)

    def offer(self, number: int, cells: Sequence[str], most: int) -> None:
        """Keep a row if it belongs to the sample; thin the sample out when it is full."""
        if _hash(number) % self._every:
            return
        self.add(cells, number)
        if self.count > most:
            self._every *= 2
            self._thin()

    def add(self, cells: Sequence[str], number: int = 0) -> None:
        """Keep a row; what it is too short for is empty."""
        self._numbers.append(number)
        for column in range(self._width):
            cell = cells[column].strip() if column < len(cells) else ""
            if len(cell) > LONGEST_CELL:
                cell = cell[:LONGEST_CELL]
                self.cut += 1
            known = self._known[column]
            self._codes[column].append(known.setdefault(cell, len(known)))

    def _thin(self) -> None:
        keep = [place for place, number in enumerate(self._numbers) if _hash(number) % self._every == 0]
        self._numbers = [self._numbers[place] for place in keep]
        for column, codes in enumerate(self._codes):
            levels = list(self._known[column])
            known: dict[str, int] = {}
            self._codes[column] = [known.setdefault(levels[codes[place]], len(known)) for place in keep]
            self._known[column] = known

    def table(self, names: Sequence[str], said: Sequence[str]) -> Table:
        """What came of it."""
        columns = {
            name: Column(name, tuple(known), np.asarray(codes, dtype=np.int32))
            for name, known, codes in zip(names, self._known, self._codes, strict=True)
        }
        return Table(columns, self.count, tuple(said))


def _hash(number: int) -> int:
    """Scatters row numbers evenly, so that a sample keeps no rhythm of the file."""
    return (number * 2654435761 & 0xFFFFFFFF) >> 7
