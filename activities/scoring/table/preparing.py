"""From a table and the question asked of it to what can be learned: outcomes, useful columns, the order in time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from activities.scoring.table.columns import Column, Rows, Table
from activities.scoring.table.encoding import Labels
from activities.scoring.table.kinds import USEFUL, Detected, Floats, Kind, detect, is_missing, moments, numbers
from activities.scoring.table.metrics import roc_auc
from activities.scoring.table.problems import TableProblem

POSITIVE = (
    "1",
    "1.0",
    "yes",
    "true",
    "y",
    "t",
    "won",
    "win",
    "converted",
    "success",
    "successful",
    "positive",
    "closed won",
    "sold",
    "sql",
    "qualified",
)
"""What a success is called, where two values do not say it themselves."""
_FULL = 0.99
_ORDERED = 0.04


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked of a history.

    Args:
        target: the column that holds the outcome.
        positive: its value for a success; None where it can be told.
        time: the column that says when a row was as it stands; None without one.
        keep: columns that are known when a lead is scored, however much they look like leaks.
        aside: columns that are carried along, and told an order or an age by, but not learned from themselves.
        screen: whether columns that tell the outcome are looked for and left out.
    """

    target: str
    positive: str | None = None
    time: str | None = None
    keep: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    screen: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """What can be learned from.

    Args:
        table: rows whose outcome is known.
        labels: 1 for each that succeeded.
        positive: the value that says so.
        kinds: what every column but the target holds.
        order: row numbers from the oldest to the newest; None where nothing says so.
        ordered_by: what that order comes from, in words; empty without one.
        moment: the date column that says when a row was as it stands, and its format.
        said: what a person should know.
    """

    table: Table
    labels: Labels
    positive: str
    kinds: Mapping[str, Detected]
    order: Rows | None = None
    ordered_by: str = ""
    moment: tuple[str, str] | None = None
    said: tuple[str, ...] = field(default=())


def prepare(table: Table, question: Question) -> Prepared:
    """Make out outcomes, columns and order.

    Raises:
        TableProblem: when there is nothing to learn.
    """
    for name, option in ((question.target, "--target"), (question.time, "--time"), *((name, "--keep") for name in question.keep)):
        if name is not None and name not in table.columns:
            raise TableProblem(f"{option}: there is no column {name!r}. There are: {_listed(table)}.", asked_wrongly=True)
    if question.time == question.target:
        raise TableProblem("--time and --target are the same column.", asked_wrongly=True)
    if len(table.columns) < 2:
        raise TableProblem(f"The table has only the column {question.target!r}: there is nothing to tell the outcome by.")
    kept, positive, said = _outcomes(table.columns[question.target], question)
    rows = np.flatnonzero(kept >= 0).astype(np.int64)
    inside = table.at(rows)
    kinds = kinds_of(Table({name: column for name, column in inside.columns.items() if name != question.target}, inside.rows))
    if not any(found.kind in USEFUL for name, found in kinds.items() if name != question.time):
        raise TableProblem("No column has anything to learn from: they are empty, always the same, or differ in every row.")
    labels = kept[rows].astype(np.int8)
    return _ordered(Prepared(inside, labels, positive, kinds, said=(*table.said, *said)), question)


def kinds_of(table: Table) -> dict[str, Detected]:
    """What each column holds; one that says what another says already is a duplicate."""
    found: dict[str, Detected] = {}
    seen: dict[bytes, str] = {}
    for name, column in table.columns.items():
        own = detect(_compact(column))
        same = seen.setdefault(_fingerprint(column), name) if own.kind in USEFUL else name
        found[name] = own if same == name else Detected(Kind.DUPLICATE, note=f"the same as {same}")
    return found


def _fingerprint(column: Column) -> bytes:
    """The same for columns with the same cells, and for categories that only name the same things otherwise."""
    compact = _compact(column)
    again = len(compact.levels) * 2 < len(compact.codes) and not np.isfinite(numbers(compact.levels)).any()
    return compact.codes.tobytes() + (b"" if again else "\0".join(compact.levels).encode())


def _compact(column: Column) -> Column:
    """The same column without the texts that no row has, numbered as they come."""
    used, first, codes = np.unique(column.codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return Column(column.name, tuple(column.levels[used[place]] for place in order), rank[codes])


def _outcomes(column: Column, question: Question) -> tuple[np.typing.NDArray[np.int64], str, list[str]]:
    """1, 0, or -1 for "not known" for each row."""
    counts = np.bincount(column.codes, minlength=len(column.levels))
    known = {
        level: int(count) for level, count in zip(column.levels, counts, strict=True) if count and not _unknown(level, question.positive)
    }
    unknown = len(column.codes) - sum(known.values())
    if not known:
        raise TableProblem(f"The target {question.target!r} is empty in every row: there is nothing to learn from.")
    positive = _positive(known, question)
    successes = sum(count for level, count in known.items() if _same(level, positive))
    if successes == sum(known.values()):
        raise TableProblem(
            f"Every row with an outcome succeeded ({question.target} is {positive!r}): without failures there is nothing to learn."
        )
    outcome = [-1 if level not in known else int(_same(level, positive)) for level in column.levels]
    said = [f"{unknown:,} rows have no outcome in {question.target!r} and were left out."] if unknown else []
    return np.array(outcome, dtype=np.int64)[column.codes], positive, said


def _unknown(level: str, positive: str | None) -> bool:
    return is_missing(level) and not (positive is not None and _same(level, positive))


def _positive(known: Mapping[str, int], question: Question) -> str:
    if question.positive is not None:
        found = [level for level in known if _same(level, question.positive)]
        if not found:
            values = ", ".join(repr(level) for level in sorted(known, key=lambda level: -known[level])[:12])
            raise TableProblem(f"No row succeeded: {question.target!r} is never {question.positive!r}. It has: {values}.")
        return found[0]
    distinct = {level.lower() for level in known}
    values = ", ".join(repr(level[:40]) for level in sorted(known, key=lambda level: -known[level])[:12])
    if len({_canonical(level) for level in known}) > 2:
        raise TableProblem(
            f"The target {question.target!r} has {len(distinct):,} values ({values}{', …' if len(known) > 12 else ''}). "
            "Say which of them is a success: --positive VALUE.",
            asked_wrongly=True,
        )
    named = [level for name in POSITIVE for level in known if _same(level, name)]
    if named:
        return named[0]
    if len(distinct) == 1:
        raise TableProblem(f"No row succeeded: {question.target!r} is {values} in every row that has an outcome.")
    raise TableProblem(f"Which value of {question.target!r} is a success, {values}? Say it with --positive VALUE.", asked_wrongly=True)


def _canonical(level: str) -> str:
    value = numbers([level])[0]
    return level.strip().lower() if np.isnan(value) else f"{value:g}"


def _same(level: str, other: str) -> bool:
    return _canonical(level) == _canonical(other)


def _ordered(prepared: Prepared, question: Question) -> Prepared:
    """Find the order in time: as asked, else by a date that every row has, else by the rows' own order where it shows."""
    if question.time is not None:
        return _ordered_as_asked(prepared, question.time)
    dates = [
        name
        for name, found in prepared.kinds.items()
        if found.kind is Kind.DATE and np.isfinite(_days(prepared.table.columns[name], found)).mean() >= _FULL
    ]
    if dates:
        first = min(dates, key=lambda name: float(np.nanmedian(_days(prepared.table.columns[name], prepared.kinds[name]))))
        found = prepared.kinds[first]
        order = np.argsort(_days(prepared.table.columns[first], found), kind="stable").astype(np.int64)
        return replace(prepared, order=order, ordered_by=f"the date {first!r}, which every row has", moment=(first, found.how))
    return _ordered_by_place(prepared)


def _ordered_as_asked(prepared: Prepared, time: str) -> Prepared:
    column = prepared.table.columns[time]
    found = detect(_compact(column))
    days = _days(column, found) if found.kind is Kind.DATE else numbers(column.levels)[column.codes]
    known = np.isfinite(days)
    if known.mean() < 0.5 or len(np.unique(days[known])) < 2:
        raise TableProblem(f"--time: {time!r} is neither a date nor a number in most rows.", asked_wrongly=True)
    rows = np.flatnonzero(known).astype(np.int64)
    gone = len(known) - len(rows)
    said = (*prepared.said, f"{gone:,} rows have no time in {time!r} and were left out.") if gone else prepared.said
    kinds = dict(prepared.kinds)
    if found.kind is Kind.DATE:
        kinds[time] = found
        moment = (time, found.how)
    else:
        kinds[time] = Detected(Kind.IDENTIFIER, note="used for the order in time only")
        moment = None
    order = np.argsort(days[rows], kind="stable").astype(np.int64)
    return replace(
        prepared,
        table=prepared.table.at(rows),
        labels=prepared.labels[rows],
        kinds=kinds,
        order=order,
        ordered_by=f"{time!r}",
        moment=moment,
        said=said,
    )


def _ordered_by_place(prepared: Prepared) -> Prepared:
    """The rows' own order, where successes come more and more or less and less often, but are not simply sorted."""
    strength = abs(roc_auc(prepared.labels, np.arange(len(prepared.labels), dtype=np.float64)) - 0.5)
    changes = int(np.count_nonzero(np.diff(prepared.labels)))
    if len(prepared.labels) < 1_000 or strength < _ORDERED or changes < 0.2 * prepared.labels.sum():
        return prepared
    return replace(
        prepared,
        order=np.arange(len(prepared.labels), dtype=np.int64),
        ordered_by="the order of the rows, along which successes change in number",
    )


def _days(column: Column, found: Detected) -> Floats:
    return moments(column.levels, found.how)[column.codes]


def _listed(table: Table) -> str:
    names = list(table.columns)
    return ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")
