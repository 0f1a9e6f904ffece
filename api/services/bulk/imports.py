"""Files of leads that somebody wants taken in: stored whole before anybody is told so, carried out later (`import_runner`).

What a file says about people is kept no longer than it is of use. Its bytes go when the import is over, those of a draft
that nobody starts after a day. Rows that were refused stay for 30 days, to be mended; erasing a person removes at once
those that name one of their addresses. An address in a file that is still being read arrives when its row does.
"""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import UUID

from sqlalchemy import RowMapping, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.concurrency import run_in_threadpool

from activities.database import Database
from activities.leads_csv import BadFile, LeadsFile, RefusedRows, fields_of
from api.errors import Conflict, Invalid, NotFound
from api.services.cursors import position
from models.ids import uuid7
from models.schemas.bulk import ImportPreview, ImportSummary, ImportView, JobState, RowProblem
from models.schemas.common import Page, Person, cursor_of

KEPT_DAYS = 30
"""For how long refused rows are kept."""
_MIB = 1 << 20
_SHOWN = 5
_LONGEST_SHOWN = 500
_LOOKED_AT = 1000
_PROBLEMS = 100
_PART = 500
_IMPORT = """
    SELECT i.id, i.file, i.size, i.header, i.columns, i.state, i.rows, i.done, i.created, i.merged, i.refused, i.error, i.created_at,
        i.finished_at, i.user_id, u.name AS user_name
    FROM imports i JOIN users u ON u.id = i.user_id"""
_LIST = "{select} WHERE {after} ORDER BY i.created_at DESC, i.id DESC LIMIT :limit"
_ONE = text(f"{_IMPORT} WHERE i.id = :id")
_ORDER = text(
    """
    INSERT INTO imports (id, user_id, request, file, size, header, columns, state, rows, done, created, merged, refused, position,
        created_at, touched_at)
    VALUES (:id, :user, :request, :file, :size, :header, :columns, :state, :rows, 0, 0, 0, 0, 0, now(), now())
    ON CONFLICT (request) DO NOTHING RETURNING id"""
).bindparams(bindparam("columns", type_=JSONB))
_ORDERED = text("SELECT id FROM imports WHERE request = :request")
_STORE = text("INSERT INTO import_chunks (import_id, number, content) VALUES (:id, :number, :content)")
_CHUNK = text("SELECT content FROM import_chunks WHERE import_id = :id AND number = :number")
_START = text(
    "UPDATE imports SET state = 'waiting', columns = :columns, touched_at = now() WHERE id = :id AND state = 'draft' RETURNING id"
).bindparams(bindparam("columns", type_=JSONB))
_DISCARD = text("DELETE FROM imports WHERE id = :id AND state = 'draft' RETURNING id")
_REFUSED = text("SELECT number, cells, problem FROM import_refusals WHERE import_id = :id AND number > :after ORDER BY number LIMIT :limit")
_PRUNE_DRAFTS = text("DELETE FROM imports WHERE state = 'draft' AND created_at < now() - interval '1 day'")
_PRUNE_REFUSED = text(
    """
    DELETE FROM import_refusals USING imports i
    WHERE i.id = import_id AND i.finished_at < now() - make_interval(days => :days)"""
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent.

    Args:
        name: as its sender calls it.
        content: its bytes; can be read from the start again.
    """

    name: str
    content: IO[bytes]


@dataclass(frozen=True, slots=True)
class Read:
    """A file that can be read: its columns, and how many rows it has."""

    header: list[str]
    columns: dict[str, str]
    rows: int


async def order(
    database: Database, user: UUID, upload: Upload, columns: Mapping[str, str], *, request: str | None = None, draft: bool = False
) -> UUID:
    """Have a file imported. Once this returns it is stored, and will be carried out whatever happens.

    Args:
        database: where to.
        user: who wants it.
        upload: the file.
        columns: what its columns are, where their names do not say it.
        request: by which the same order sent again is recognised; it is the same import then.
        draft: somebody has yet to look at what its columns are, and to `start` it.

    Raises:
        Invalid: when the file cannot be used.
        sqlalchemy.exc.DBAPIError: when the database is out of reach; nothing was stored.
    """
    read = await run_in_threadpool(_read, upload.content, columns, complete=not draft)
    size = await run_in_threadpool(upload.content.seek, 0, 2)
    row: dict[str, Any] = {"id": uuid7(), "user": user, "request": request, "file": upload.name, "size": size, "header": read.header}
    row |= {"columns": read.columns, "rows": read.rows, "state": JobState.DRAFT.value if draft else JobState.WAITING.value}
    async with database.connection() as connection:
        ordered: UUID | None = (await connection.execute(_ORDER, row)).scalar_one_or_none()
        if ordered is None:
            before: UUID = (await connection.execute(_ORDERED, {"request": request})).scalar_one()
            return before
        await run_in_threadpool(upload.content.seek, 0)
        for number in itertools.count():
            content = await run_in_threadpool(upload.content.read, _MIB)
            if not content:
                return ordered
            await connection.execute(_STORE, {"id": ordered, "number": number, "content": content})
    raise AssertionError("a file ends")


async def preview(upload: Upload, columns: Mapping[str, str]) -> ImportPreview:
    """What a file would be read as. Nothing is stored.

    Args:
        upload: the file.
        columns: what its columns are, where their names do not say it.

    Raises:
        Invalid: when it is no file of rows at all.
    """
    return await run_in_threadpool(_preview, upload, columns, None)


async def preview_of(database: Database, wanted: ImportView, columns: Mapping[str, str] | None = None) -> ImportPreview:
    """What a draft would be read as.

    Args:
        database: where it is stored.
        wanted: the draft.
        columns: what its columns are, all of them; as it was stored when left out.
    """
    async with stored(database, wanted.id) as file:
        return await run_in_threadpool(_preview, Upload(wanted.file, file), wanted.columns if columns is None else columns, wanted.rows)


async def start(database: Database, wanted: ImportView, columns: Mapping[str, str]) -> None:
    """Have a draft carried out.

    Args:
        database: where it is stored.
        wanted: the draft.
        columns: what its columns are, all of them.

    Raises:
        Invalid: when they cannot be that.
        Conflict: when it was started already.
    """
    async with stored(database, wanted.id) as file:
        chosen = await run_in_threadpool(_chosen, file, columns)
    async with database.connection() as connection:
        if (await connection.execute(_START, {"id": wanted.id, "columns": chosen})).one_or_none() is None:
            raise Conflict("This import was started already.")


async def discard(database: Database, import_id: UUID) -> None:
    """Forget a draft.

    Raises:
        Conflict: when it was started, or there is none of that id.
    """
    async with database.connection() as connection:
        if (await connection.execute(_DISCARD, {"id": import_id})).one_or_none() is None:
            raise Conflict("This import was started already, or discarded.")


async def imports(connection: AsyncConnection, *, cursor: str | None, limit: int) -> Page[ImportSummary]:
    """All imports, the latest first.

    Raises:
        Invalid: when the cursor is none of this list.
    """
    after, values = "true", dict[str, Any](limit=limit + 1)
    if found := position(cursor, datetime, UUID):
        after = "(i.created_at, i.id) < (:at, :id)"
        values["at"], values["id"] = found
    rows = (await connection.execute(text(_LIST.format(select=_IMPORT, after=after)), values)).mappings().all()
    items = [ImportSummary(**_summary(row)) for row in rows[:limit]]
    return Page(items=items, next_cursor=cursor_of(items[-1].created_at, items[-1].id) if len(rows) > limit else None)


async def view(connection: AsyncConnection, import_id: UUID) -> ImportView:
    """One import, with the first hundred rows that were refused.

    Raises:
        NotFound: when there is none of that id.
    """
    row = (await connection.execute(_ONE, {"id": import_id})).mappings().one_or_none()
    if row is None:
        raise NotFound("import")
    refused = (await connection.execute(_REFUSED, {"id": import_id, "after": 0, "limit": _PROBLEMS})).all()
    errors = [RowProblem(row=one.number, problem=one.problem) for one in refused]
    return ImportView(**_summary(row), header=row["header"], columns=row["columns"], errors=errors)


async def refused_rows(database: Database, wanted: ImportView) -> AsyncIterator[str]:
    """The refused rows of an import as a CSV file, part by part. No connection is held while a part is on its way.

    Args:
        database: where they are.
        wanted: the import.
    """
    rows, after = RefusedRows(wanted.header), 0
    yield rows.head
    while True:
        async with database.autocommit() as connection:
            found = (await connection.execute(_REFUSED, {"id": wanted.id, "after": after, "limit": _PART})).all()
        if not found:
            return
        yield "".join(rows.row(one.cells, one.problem) for one in found)
        after = found[-1].number


@asynccontextmanager
async def stored(database: Database, import_id: UUID) -> AsyncIterator[IO[bytes]]:
    """The bytes of an import, in a temporary file that nobody else sees and that goes with the process. Empty when it is over."""
    with TemporaryFile() as file:
        for number in itertools.count():
            async with database.autocommit() as connection:
                content = (await connection.execute(_CHUNK, {"id": import_id, "number": number})).scalar_one_or_none()
            if content is None:
                break
            await run_in_threadpool(file.write, content)
        yield file


async def prune(database: Database) -> None:
    """Forget drafts that nobody started within a day, and refused rows after 30 days.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.connection() as connection:
        await connection.execute(_PRUNE_DRAFTS)
        await connection.execute(_PRUNE_REFUSED, {"days": KEPT_DAYS})


def by_column(fields: Mapping[str, str], leave_out: Sequence[str] = ()) -> dict[str, str]:
    """What columns are, by column, where a client said which column each field comes from.

    Args:
        fields: a column by field.
        leave_out: columns that are not to be read.

    Raises:
        Invalid: when one column would be two fields.
    """
    found = {column: field for field, column in fields.items()}
    if len(found) < len(fields):
        raise Invalid({"columns": "must name each column once"})
    return found | dict.fromkeys(leave_out, "")


def _read(file: IO[bytes], columns: Mapping[str, str], *, complete: bool) -> Read:
    """What a file is.

    Raises:
        Invalid: when it cannot be used; a draft may still lack what its columns are.
    """
    try:
        leads = LeadsFile(file)
        chosen = {**leads.guess(), **columns}
        if complete:
            leads.fields(columns)
        return Read(leads.header, chosen, leads.count())
    except BadFile as err:
        raise _unusable(err) from None


def _chosen(file: IO[bytes], columns: Mapping[str, str]) -> dict[str, str]:
    try:
        LeadsFile(file).fields(columns)
    except BadFile as err:
        raise _unusable(err) from None
    return dict(columns)


def _unusable(err: BadFile) -> Invalid:
    return Invalid({err.about if err.about == "columns" else "file": str(err)})


def _preview(upload: Upload, columns: Mapping[str, str], rows: int | None) -> ImportPreview:
    first: list[list[str]] = []
    problems: list[RowProblem] = []
    looked_at = refused = 0
    try:
        leads = LeadsFile(upload.content)
        chosen = {**leads.guess(), **columns}
        for line in itertools.islice(leads.lines(fields_of(leads.header, chosen)), _LOOKED_AT):
            looked_at += 1
            if len(first) < _SHOWN:
                first.append([cell[:_LONGEST_SHOWN] for cell in line.cells])
            if line.submission is None:
                refused += 1
                problems += [RowProblem(row=line.number, problem=line.problem)] if len(problems) < _SHOWN else []
        total = leads.count() if rows is None else rows
    except BadFile as err:
        raise Invalid({"file": str(err)}) from None
    return ImportPreview(
        file=upload.name,
        rows=total,
        header=leads.header,
        columns=chosen,
        first=first,
        problem=_problem(leads, columns),
        looked_at=looked_at,
        refused=refused,
        problems=problems,
    )


def _problem(leads: LeadsFile, columns: Mapping[str, str]) -> str | None:
    try:
        leads.fields(columns)
    except BadFile as err:
        return str(err)
    return None


def _summary(row: RowMapping) -> dict[str, Any]:
    plain = {name: value for name, value in row.items() if name not in {"header", "columns", "user_id", "user_name"}}
    return {**plain, "by": Person(id=row["user_id"], name=row["user_name"])}
