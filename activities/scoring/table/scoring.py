"""Scores for another table, row by row in its order, in bounded memory."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from activities.scoring.table.columns import Table, table_of
from activities.scoring.table.files import written
from activities.scoring.table.kinds import Kind, is_missing
from activities.scoring.table.model import Model
from activities.scoring.table.problems import TableProblem
from activities.scoring.table.reading import CsvTable
from activities.scoring.table.serving import LeadScorer

ADDED = ("probability", "score", "reasons", "usual_score", "percentile", "how_sure", "what_would_change_it")
BATCH = 2_000


@dataclass(slots=True)
class Scored:
    """What came of scoring a file.

    Args:
        rows: how many.
        said: what a person should know.
    """

    rows: int
    said: list[str]


def score(path: Path, model: Model, out: Path, progress: Callable[[int], None]) -> Scored:
    """Score a CSV file, and write its rows in their order with `ADDED` columns. Where it breaks off, nothing is written.

    Args:
        path: the leads.
        model: what scores them.
        out: where to write; not the file that is read.
        progress: told how many bytes of the file were read.

    Raises:
        TableProblem: when a file cannot be read or written.
    """
    leads = CsvTable(path)
    if out.exists() and out.samefile(path):
        raise TableProblem("--out is the file that is read; name another.", asked_wrongly=True)
    unseen: dict[str, set[str]] = {}
    scorer = _Scorer(model, leads.header, unseen)
    rows = 0
    with written(out) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*leads.header, *_free(leads.header)])
        source = leads.rows(progress)
        while batch := list(islice(source, BATCH)):
            rows += len(batch)
            writer.writerows(scorer.batch(batch))
    return Scored(rows, [*leads.said, *_told(model, leads.header, unseen)])


class _Scorer:
    def __init__(self, model: Model, header: list[str], unseen: dict[str, set[str]]) -> None:
        self._model, self._header, self._unseen = model, header, unseen
        self._scorer = LeadScorer(model)

    def batch(self, rows: list[list[str]]) -> Iterator[list[str]]:
        width = len(self._header)
        table = table_of(self._header, rows)
        self._look(table)
        for cells, found in zip(rows, self._scorer.score(table), strict=True):
            own = [*cells[:width], *[""] * (width - len(cells))]
            why = "; ".join(map(str, found.reasons))
            change = "" if found.change is None else str(found.change)
            yield [
                *own,
                *(
                    f"{found.probability:.6f}",
                    f"{found.score:g}",
                    why,
                    f"{found.usual:g}",
                    f"{found.percentile:g}",
                    str(found.sure),
                    change,
                ),
            ]

    def _look(self, table: Table) -> None:
        """Note categories that training did not see."""
        for field in self._model.encoder.fields:
            if field.kind is Kind.CATEGORY and field.name in table.columns:
                known = field.rates if field.rates is not None else set(field.levels)
                new = {level for level in table.columns[field.name].levels if not is_missing(level) and level.strip() not in known}
                if new:
                    self._unseen.setdefault(field.name, set()).update(new)


def _free(header: list[str]) -> list[str]:
    """The names of the columns that are added; a file that was scored before keeps what it had."""
    found = []
    for name in ADDED:
        free, copy = name, 1
        while free in header:
            copy += 1
            free = f"{name} ({copy})"
        found.append(free)
    return found


def _told(model: Model, header: list[str], unseen: dict[str, set[str]]) -> list[str]:
    used = [field.name for field in model.encoder.fields]
    known = {*used, str(model.about.get("target")), *model.about.get("columns", [])}
    absent, beyond = [name for name in used if name not in header], [name for name in header if name not in known]
    said = []
    if absent:
        said.append(f"Not in the file, so taken as not known: {', '.join(absent)}.")
    if beyond:
        said.append(f"Not known to the model, so not looked at: {', '.join(beyond)}.")
    for name, levels in unseen.items():
        some = ", ".join(repr(level[:40]) for level in sorted(levels)[:5]) + (", …" if len(levels) > 5 else "")
        what = "value was" if len(levels) == 1 else "values were"
        said.append(f"{name}: {len(levels):,} {what} not seen in training, or too seldom, and taken as not known: {some}.")
    if model.about.get("verdict") != "ready":
        said.append(f"The verdict on this model is “{model.about.get('verdict')}”: its report says why.")
    return said
