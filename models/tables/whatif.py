"""What replaying leads under another agreement needs, and what came of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, text
from sqlmodel import Field, SQLModel

from models.ids import uuid7
from models.tables.base import document, moment, now


class ToldEvents(SQLModel, table=True):
    """The events that led to some entries of a lead's ledger, written with them: append-only, one row a write.

    A lead can be replayed when its rows cover its ledger from the first entry to the last without a gap; one that came before
    they were kept cannot. They hold ids, enums, numbers and times, and go when the person is erased.

    Attributes:
        seq, upto: the first and the last of these entries.
        told: the events in their order (`models.messages.Told`).
    """

    __tablename__ = "events"

    lead_id: UUID = Field(foreign_key="leads.id", primary_key=True)
    seq: int = Field(primary_key=True)
    upto: int
    told: list[dict[str, Any]] = document("[]")


class Simulation(SQLModel, table=True):
    """A replay of past leads under another agreement: as it was ordered, how far it is, and what came of it.

    Only the latest ones are kept. `result` names leads and reps by their ids; names are looked up when it is shown.

    Attributes:
        request: the idempotency key it was ordered with.
        source: the policy as it was sent, YAML or JSON.
        rules: the policy with every default written out, as JSON.
        without: reps it is reckoned without.
    """

    __tablename__ = "simulations"
    __table_args__ = (
        Index("simulations_latest", text("created_at DESC"), text("id DESC")),
        Index("simulations_open", "touched_at", postgresql_where=text("state IN ('waiting', 'running')")),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    user_id: UUID = Field(foreign_key="users.id")
    request: str | None = Field(default=None, unique=True)
    name: str
    source: str
    rules: str
    without: list[str] = document("[]")
    since: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    until: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    state: str
    leads: int = 0
    done: int = 0
    result: dict[str, Any] = document("{}")
    error: str | None = None
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    touched_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    finished_at: datetime | None = moment()
