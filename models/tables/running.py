"""What keeps the program's own promises: signals to deliver, answers to repeat, agreements to run under."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.tables.base import document, now


class Outgoing(SQLModel, table=True):
    """A signal that must reach a lead's workflow, stored with what caused it and removed once delivered."""

    __tablename__ = "outbox"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    lead_id: UUID = Field(foreign_key="leads.id", index=True)
    signal: str
    payload: dict[str, Any] = document("{}")
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class IdempotentRequest(SQLModel, table=True):
    """The answer to a POST with an `Idempotency-Key`, kept for 24 hours. `status` null: still being worked on."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("idempotency_created", "created_at"),)

    user_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: str
    status: int | None = None
    body: str | None = None
    media_type: str | None = None
    lead_id: UUID | None = Field(default=None, index=True)
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class PolicyVersion(SQLModel, table=True):
    """A published version of the agreement. `document` is what workflows run under, `source` what people wrote.

    `origin` is `file` (at a start), `room` (a proposal), or `solver` (only thresholds moved). `told` is how many leads in flight were to
    hear of it, `written` for how many the news is in the outbox or delivered, `told_upto` the last of them while there are more. `solved`
    says where thresholds come from that were solved.
    """

    __tablename__ = "policies"

    version: int = Field(primary_key=True)
    name: str
    digest: str
    document: str
    source: str
    author_id: UUID | None = Field(default=None, foreign_key="users.id")
    origin: str = Field(default="file", sa_column_kwargs={"server_default": text("'file'")})
    proposal_id: UUID | None = Field(default=None, foreign_key="policy_proposals.id")
    why: str | None = None
    takes_effect: str = Field(default="now", sa_column_kwargs={"server_default": text("'now'")})
    told: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    written: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    told_upto: UUID | None = None
    solved: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True))
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
