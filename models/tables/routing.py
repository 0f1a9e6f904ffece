"""Who is next, and which leads wait until somebody is free."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Column, DateTime, Uuid, text
from sqlmodel import Field, SQLModel

from models.tables.base import document, now


class RoutingTurns(SQLModel, table=True):
    """How many leads each rep is owed, by rep.

    One row for all, because every lead given moves all of them; read and written under the router's lock.
    """

    __tablename__ = "routing_turns"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    turns: dict[str, float] = document("{}")


def _users() -> Any:
    return Field(default_factory=list, sa_column=Column(ARRAY(Uuid), nullable=False, server_default=text("'{}'")))


class Queued(SQLModel, table=True):
    """A lead for which nobody was free when it was last asked, at `asked_at`.

    `number` is of the order then, `score` the lead's, should its own row not have it yet; `reps` are those who could take it were
    they there and had room; `explanation` as in assignments.
    """

    __tablename__ = "routing_queue"

    lead_id: UUID = Field(foreign_key="leads.id", primary_key=True)
    number: int
    since: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    asked_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    score: float | None = None
    excluded: list[UUID] = _users()
    reps: list[UUID] = _users()
    explanation: dict[str, Any] = document("{}")
