"""Imports and batches on their way."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from models.ids import uuid7
from models.tables.base import document, moment, now, part_of, words


class ImportJob(SQLModel, table=True):
    """A CSV file of leads on its way in.

    `position` is the number of the last row that is done with; `request` the idempotency key it was ordered with. What it says
    about people (its chunks and refusals) goes when it is done, and 30 days later.
    """

    __tablename__ = "imports"
    __table_args__ = (
        Index("imports_latest", text("created_at DESC"), text("id DESC")),
        Index("imports_open", "touched_at", postgresql_where=text("state IN ('waiting', 'running')")),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    user_id: UUID = Field(foreign_key="users.id")
    request: str | None = Field(default=None, unique=True)
    file: str
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    header: list[str] = words()
    columns: dict[str, str] = document("{}")
    state: str
    rows: int
    done: int = 0
    created: int = 0
    merged: int = 0
    refused: int = 0
    position: int = 0
    error: str | None = None
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    touched_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    finished_at: datetime | None = moment()


class ImportChunk(SQLModel, table=True):
    """A part of an import's file, of 1 MiB at most. Kept until the import is done."""

    __tablename__ = "import_chunks"

    import_id: UUID = part_of("imports.id")
    number: int = Field(primary_key=True)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ImportRow(SQLModel, table=True):
    """A row that landed, written in the same transaction, so that no row lands twice. Kept until the import is done."""

    __tablename__ = "import_rows"

    import_id: UUID = part_of("imports.id")
    number: int = Field(primary_key=True)
    merged: bool


class ImportRefusal(SQLModel, table=True):
    """A row that could not be used, as it stood there. `addresses` are the e-mail addresses in it, by which erasure finds it."""

    __tablename__ = "import_refusals"
    __table_args__ = (Index("import_refusals_addresses", "addresses", postgresql_using="gin"),)

    import_id: UUID = part_of("imports.id")
    number: int = Field(primary_key=True)
    cells: list[str] = words()
    problem: str
    addresses: list[str] = words()


class Batch(SQLModel, table=True):
    """One thing done to many leads. `position` is the last lead that is done with, `reasons` counts refusals by their reason."""

    __tablename__ = "batches"
    __table_args__ = (
        Index("batches_latest", text("created_at DESC"), text("id DESC")),
        Index("batches_open", "touched_at", postgresql_where=text("state IN ('waiting', 'running')")),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    user_id: UUID = Field(foreign_key="users.id")
    request: str | None = Field(default=None, unique=True)
    kind: str
    filter: dict[str, Any] = document("{}")
    note: str | None = None
    state: str
    count: int
    done: int = 0
    refused: int = 0
    reasons: dict[str, int] = document("{}")
    position: UUID | None = None
    error: str | None = None
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    touched_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    finished_at: datetime | None = moment()


class BatchLead(SQLModel, table=True):
    """A lead that a batch was ordered for. Kept until the batch is done."""

    __tablename__ = "batch_leads"

    batch_id: UUID = part_of("batches.id")
    lead_id: UUID = Field(primary_key=True)
