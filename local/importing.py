"""Takes the leads of a file in, as an import over HTTP does."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from activities.database import Database
from activities.leads_csv import BadFile, LeadsFile, Line, RefusedRows
from activities.policies import latest
from api.services.arrival import take_in
from api.services.arrivals import TOGETHER, take_in_together
from api.services.engine import BULK, Engine
from local import Trouble
from models.schemas.leads import Submission
from models.settings import Settings

AT_ONCE = 8
"""Leads of a file that are merged at the same time: enough to keep the database busy, few enough to leave room for others."""
_HINTS = {
    "columns": " Say what a column is with --map 'COLUMN=FIELD', for example --map 'COLUMN=email'; --map 'COLUMN=' leaves one out.",
    "encoding": " Or name its encoding with --encoding, for example --encoding cp1252.",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be taken in.

    Args:
        header: its columns' names.
        rows: how many it has.
        lines: them.
    """

    header: list[str]
    rows: int
    lines: Iterator[Line]


@contextmanager
def opened(path: Path, columns: Mapping[str, str], encoding: str = "utf-8-sig") -> Iterator[Source]:
    """Open a CSV file of leads.

    Args:
        path: where it is.
        columns: what a column is, by its name, where the name does not say it: a field, `attributes.NAME`, or nothing to leave it out.
        encoding: of its text.

    Raises:
        Trouble: when it is no such file, in a sentence that says what to mend.
    """
    try:
        file = path.open("rb")
    except OSError as err:
        raise Trouble(f"{path} cannot be read: {err.strerror}.") from None
    try:
        with file:
            leads = LeadsFile(file, encoding)
            yield Source(leads.header, leads.count(), leads.lines(leads.fields(columns)))
    except BadFile as err:
        raise Trouble(f"{path}: {err}{_HINTS.get(err.about, '')}") from None


class RefusedFile:
    """Rows that were not taken, in a file of their own. Made with the first of them.

    Args:
        path: the file.
        header: the columns of the file they come from.
    """

    def __init__(self, path: Path, header: list[str]) -> None:
        self.path = path
        self._rows = RefusedRows(header)
        self._file: TextIO | None = None

    def add(self, cells: list[str], reason: str) -> None:
        """Keep a row."""
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8", newline="")
            self._file.write(self._rows.head)
        self._file.write(self._rows.row(cells, reason))

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()


@dataclass(slots=True)
class Counts:
    """What became of the rows.

    Attributes:
        refused_file: holds the refused ones, where there are any.
    """

    refused_file: Path
    created: int = 0
    merged: int = 0
    refused: int = 0


async def import_leads(settings: Settings, leads: Source, refused_to: Path, advance: Callable[[int], object]) -> Counts:
    """Take a file in. Again does no harm: whoever is known by then is merged.

    Args:
        settings: where to.
        leads: the file.
        refused_to: gets the rows that cannot be used; not made when there are none.
        advance: called with the number of rows that are done since the last time.

    Raises:
        Trouble: when there is no policy to take leads in under.
        SQLAlchemyError: when the database goes away; what was taken in until then stays.
    """
    database = Database(settings)
    engine = Engine(settings, database)
    counts, refused = Counts(refused_to), RefusedFile(refused_to, leads.header)

    async def take(lines: list[Line]) -> None:
        for line in lines:
            if line.submission is None:
                counts.refused += 1
                refused.add(line.cells, line.problem)
        forms = [line.submission for line in lines if line.submission is not None]
        landed = await take_in_together(database, forms)
        counts.created += len(landed)
        left = iter([form for place, form in enumerate(forms) if place not in landed])
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(take_one_by_one(left))
        advance(len(lines))

    async def take_one_by_one(forms: Iterator[Submission]) -> None:
        for form in forms:  # shared: each goes to whoever is free
            if (await take_in(database, engine, form, BULK)).merged:
                counts.merged += 1
            else:
                counts.created += 1

    try:
        await _check_policy(database)
        await engine.connect()
        while lines := list(islice(leads.lines, TOGETHER)):
            await take(lines)
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    finally:
        refused.close()
        await engine.close()
        await database.close()
    return counts


async def _check_policy(database: Database) -> None:
    async with database.connection() as connection:
        try:
            await latest(connection)
        except LookupError as err:
            raise Trouble(f"Leads cannot be taken in: {err}.") from None
