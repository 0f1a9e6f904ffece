"""What an insight is made of: tables whose rows are figures, each table with the question that it answers.

The same tables become JSON, CSV, a page and a mail, so that nobody sees other numbers than anybody else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from math import sqrt
from typing import Any, Literal
from uuid import UUID

Kind = Literal["text", "count", "share", "seconds", "number", "money", "time", "lead"]
"""How a column's values read. `seconds` are a duration, `share` a `Share`, `lead` a lead's `{id, name}`."""
Mark = Literal["bar", "line"]
_Z = 1.959963984540054
"""The 97.5th percentile of the normal distribution: intervals are 95 % ones."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many.

    Args:
        count: those it is true of.
        of: all that were looked at.
    """

    count: int
    of: int

    @property
    def rate(self) -> float | None:
        """The share, 0 to 1; None of nothing."""
        return self.count / self.of if self.of else None

    @property
    def low(self) -> float | None:
        """The lower end of `interval`."""
        return self.interval[0] if self.of else None

    @property
    def high(self) -> float | None:
        """The upper end of `interval`."""
        return self.interval[1] if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval at 95 % (Wilson 1927; Brown, Cai and DasGupta 2001), 0 to 1. Of nothing anything may be true."""
        if not self.of:
            return 0.0, 1.0
        p, n, z = self.count / self.of, self.of, _Z
        middle, reach = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        low, high = (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)
        return (0.0 if self.count == 0 else max(0.0, low)), (1.0 if self.count == n else min(1.0, high))

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"count": self.count, "of": self.of, "rate": self.rate, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        key: its name for programs.
        label: its name for people.
        kind: how its values read.
    """

    key: str
    label: str
    kind: Kind = "count"


@dataclass(frozen=True, slots=True)
class Chart:
    """What of a table is drawn. Every axis of numbers starts at zero.

    Args:
        mark: how.
        across: the column that says what a mark stands for.
        up: the columns that say how much.
    """

    mark: Mark
    across: str
    up: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Figures that answer a question.

    Args:
        key: its name for programs.
        question: that it answers.
        columns: in order.
        rows: each a value by column key; None for what is not known.
        chart: how it is drawn, where a picture says more.
        note: what the figures count, and what they do not.
        empty: what is said where there is nothing to show.
        fixed: its rows are there whatever happened.
    """

    key: str
    question: str
    columns: tuple[Column, ...]
    rows: Sequence[Mapping[str, Any]]
    chart: Chart | None = None
    note: str = ""
    empty: str = "Nothing yet."
    fixed: bool = False

    @property
    def nothing(self) -> bool:
        """Whether it has nothing to show: no row, or of the rows that are there whatever happened none with a figure."""
        figures = (row[column.key] for row in self.rows for column in self.columns if column.kind != "text")
        return not self.rows or (self.fixed and not any(each.of if isinstance(each, Share) else each for each in figures))

    def document(self) -> list[dict[str, Any]]:
        """The rows as JSON."""
        return [{column.key: _json(row[column.key]) for column in self.columns} for row in self.rows]

    def cells(self) -> list[list[object]]:
        """The table as CSV has it, its head first: a share takes five columns, a lead two."""
        head: list[object] = [name for column in self.columns for name in _names(column)]
        return [head, *([cell for column in self.columns for cell in _cells(column, row[column.key])] for row in self.rows)]


@dataclass(frozen=True, slots=True)
class Insight:
    """One insight, as of a moment.

    Args:
        name: of its route.
        title: for people.
        facts: what was asked for and as of when, for programs.
        said: what there is to say aloud, the most important first.
        tables: the figures; the first is what CSV is made of unless another is named.
    """

    name: str
    title: str
    facts: Mapping[str, Any]
    tables: tuple[Table, ...]
    said: tuple[str, ...] = field(default=())

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"insight": self.name, **_plain(self.facts), "said": list(self.said), **{t.key: t.document() for t in self.tables}}


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _json(value) for name, value in facts.items()}


def _json(value: Any) -> Any:
    if isinstance(value, Share):
        return value.document()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {name: _json(each) for name, each in value.items()}
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, UUID) else value


def _names(column: Column) -> list[str]:
    key = column.key
    if column.kind == "share":
        return [key, f"{key}_low", f"{key}_high", f"{key}_count", f"{key}_of"]
    return [f"{key}_id", f"{key}_name"] if column.kind == "lead" else [f"{key}_seconds" if column.kind == "seconds" else key]


def _cells(column: Column, value: Any) -> list[object]:
    if isinstance(value, Share):
        return [value.rate, value.low, value.high, value.count, value.of]
    if column.kind == "lead":
        return [_json(value["id"]), value["name"]]
    return [_json(value)]
