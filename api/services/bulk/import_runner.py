"""Carries imports out. Power may fail between any two lines, and still every row lands once and is counted once.

The file is worked off a chunk at a time, under a lock on the import's row that goes with the connection: one process at
a time, any of them. The rows of new people land together, all others one by one, each in a transaction that also writes
its receipt (`import_rows`), so a row that landed before the power failed is recognised and left alone. The receipts of a
chunk are counted, and the position moved behind it, in the one transaction that held the lock: figures are either before
the chunk or after it, and a row that was created and, tried again, would be merged counts as what it was. Workflows
are started by the sweep, a few at a time (`handing_on`).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DataError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.concurrency import run_in_threadpool

from activities.leads_csv import BadFile, LeadsFile, Line, addresses_in, fields_of
from api.services.arrival import TakenAlready, take_in
from api.services.arrivals import TOGETHER, take_in_together
from api.services.bulk.imports import stored
from api.services.bulk.work import Bench, fault, passes
from api.services.engine import BULK

_SLICE = 5.0
"""Seconds after which another import gets its turn, so that a short one never waits for a long one to end."""
_WORTH = 10
"""How many times longer than opening the file took it is worked on at least."""
_LONG = 1 << 22
"""Characters after which a chunk is long enough, however few its rows."""
_UNSTORABLE = "it holds a value that cannot be stored"

_NEXT = text(
    """
    SELECT id, columns, position FROM imports WHERE state IN ('waiting', 'running')
    ORDER BY touched_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"""
)
_HOLD = text(
    """
    SELECT id FROM imports WHERE id = :id AND position = :position AND state IN ('waiting', 'running') FOR NO KEY UPDATE SKIP LOCKED"""
)
_OPEN = text("SELECT id FROM imports WHERE id = :id AND state IN ('waiting', 'running') FOR NO KEY UPDATE SKIP LOCKED")
_LANDED = text("SELECT number FROM import_rows WHERE import_id = :id AND number > :position")
_RECEIPT = text(
    "INSERT INTO import_rows (import_id, number, merged) VALUES (:id, :number, :merged) ON CONFLICT DO NOTHING RETURNING number"
)
_RECEIPTS = text(
    """
    INSERT INTO import_rows (import_id, number, merged) SELECT :id, number, false FROM unnest(CAST(:numbers AS int[])) AS number
    ON CONFLICT DO NOTHING"""
)
_REFUSE = text(
    """
    INSERT INTO import_refusals (import_id, number, cells, problem, addresses)
    VALUES (:id, :number, :cells, :problem, :addresses) ON CONFLICT DO NOTHING"""
)
_COUNT = text(
    """
    UPDATE imports i SET state = 'running', touched_at = now(), position = :upto, done = done + :rows, refused = refused + :refused,
        created = i.created + landed.created, merged = i.merged + landed.merged
    FROM (SELECT count(*) FILTER (WHERE NOT r.merged) AS created, count(*) FILTER (WHERE r.merged) AS merged
          FROM import_rows r WHERE r.import_id = :id AND r.number > :position AND r.number <= :upto) AS landed
    WHERE i.id = :id"""
)
_OVER = text("UPDATE imports SET state = :state, error = :error, finished_at = now() WHERE id = :id")
_CLEAR = tuple(text(f"DELETE FROM {table} WHERE import_id = :id") for table in ("import_chunks", "import_rows"))  # noqa: S608 - ours
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Job:
    """An import to go on with: what its columns are, and the number of the last row that is done with."""

    id: UUID
    columns: dict[str, str]
    position: int


async def work(bench: Bench, *, chunks: int | None = None) -> bool:
    """Go on for a while with the import that waited longest.

    Args:
        bench: where.
        chunks: how many chunks at most; until the import is over, or the next one's turn, when left out.

    Returns:
        False when there is nothing to do, or other processes are at it.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach; to be tried again.
    """
    async with bench.database.connection() as connection:
        row = (await connection.execute(_NEXT)).one_or_none()
    if row is None:
        return False
    job = _Job(row.id, row.columns, row.position)
    try:
        await _slice(bench, job, chunks)
    except BadFile as err:
        await _fail(bench, job.id, str(err))
    except Exception as err:
        if passes(err):
            raise
        _log.exception("an import failed", reference=str(job.id))  # whatever a row holds, it must not hold up everybody else's
        await _fail(bench, job.id, fault(job.id))
    return True


async def _slice(bench: Bench, job: _Job, chunks: int | None) -> None:
    begun, position, until = monotonic(), job.position, math.inf
    async with stored(bench.database, job.id) as file:
        leads = await run_in_threadpool(LeadsFile, file)
        lines = leads.lines(fields_of(leads.header, job.columns), after=job.position)
        while chunks != 0 and monotonic() < until:
            chunk, last = await run_in_threadpool(_take, lines)
            until = min(until, monotonic() + max(_SLICE, _WORTH * (monotonic() - begun)))
            if not await _do(bench, job.id, position, chunk, last=last) or last:
                return
            position = chunk[-1].number
            chunks = None if chunks is None else chunks - 1


def _take(lines: Iterator[Line]) -> tuple[list[Line], bool]:
    """The next chunk, fewer rows of it where they are long, and whether it is the last."""
    chunk: list[Line] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += sum(map(len, line.cells))
        if len(chunk) == TOGETHER or size > _LONG:
            return chunk, False
    return chunk, True


async def _do(bench: Bench, job: UUID, position: int, chunk: Sequence[Line], *, last: bool) -> bool:
    """Do a chunk and count it. False when somebody else has done it, or is at it."""
    async with bench.database.connection() as connection:
        at = {"id": job, "position": position}
        if (await connection.execute(_HOLD, at)).one_or_none() is None:
            return False
        before = set((await connection.execute(_LANDED, at)).scalars())
        refused = {line.number: line.problem for line in chunk if line.submission is None}
        await _land(bench, job, [line for line in chunk if line.number not in before and line.number not in refused], refused)
        if refused:
            await connection.execute(_REFUSE, [_refusal(job, line, refused[line.number]) for line in chunk if line.number in refused])
        if chunk:
            await connection.execute(_COUNT, {**at, "upto": chunk[-1].number, "rows": len(chunk), "refused": len(refused)})
        if last:
            await _end(connection, job, "done", None)
    return True


async def _land(bench: Bench, job: UUID, lines: Sequence[Line], refused: dict[int, str]) -> None:
    """Take rows in, those of new people together; what turns out to be unusable only then is added to the refused."""

    async def receipts(connection: AsyncConnection, places: Sequence[int]) -> None:
        numbers = [lines[place].number for place in places]
        if (await connection.execute(_RECEIPTS, {"id": job, "numbers": numbers})).rowcount < len(numbers):
            raise TakenAlready

    async def one(line: Line) -> None:
        async def receipt(connection: AsyncConnection, merged: bool) -> None:
            row = {"id": job, "number": line.number, "merged": merged}
            if (await connection.execute(_RECEIPT, row)).one_or_none() is None:
                raise TakenAlready

        assert line.submission is not None  # noqa: S101 - narrows the type
        try:
            await take_in(bench.database, bench.engine, line.submission, BULK, receipt)
        except TakenAlready:
            return
        except (DataError, psycopg.DataError):
            refused[line.number] = _UNSTORABLE

    forms = [line.submission for line in lines if line.submission is not None]
    landed = await take_in_together(bench.database, forms, receipts)
    await bench.each((line for place, line in enumerate(lines) if place not in landed), one)


def _refusal(job: UUID, line: Line, problem: str) -> dict[str, Any]:
    cells = [cell.replace("\0", "\ufffd") for cell in line.cells]
    return {"id": job, "number": line.number, "cells": cells, "problem": problem, "addresses": addresses_in(cells)}


async def _end(connection: AsyncConnection, job: UUID, state: str, error: str | None) -> None:
    await connection.execute(_OVER, {"id": job, "state": state, "error": error})
    for statement in _CLEAR:
        await connection.execute(statement, {"id": job})


async def _fail(bench: Bench, job: UUID, error: str) -> None:
    """Give an import up, unless it is over or somebody else is at it."""
    async with bench.database.connection() as connection:
        if (await connection.execute(_OPEN, {"id": job})).one_or_none() is not None:
            await _end(connection, job, "failed", error)
