"""What the insights are counted from: the ledger, folded once per lead. Written by `activities.insights.journeys` only.

Everything here follows from `leads` and `ledger` and can be emptied at any time: it is then made anew.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Index, Integer, text
from sqlmodel import Field, SQLModel

from models.tables.base import moment, now, part_of


class Journey(SQLModel, table=True):
    """One lead's way so far, in one narrow row. `docs/insights.md` defines every column.

    The `to_` columns are seconds from arrival, null for what it did not reach. The `waited_` columns are seconds before the first
    contact, on whom; null until there was one.
    """

    __tablename__ = "journeys"
    __table_args__ = (
        Index("journeys_arrived", "arrived_at"),
        Index("journeys_sql", text("sql_at DESC"), postgresql_where=text("sql_at IS NOT NULL")),
        Index("journeys_open", "stage", "since", postgresql_where=text("NOT closed")),
    )

    lead_id: UUID = part_of("leads.id")
    arrived_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    to_mql: float | None = None
    to_sal: float | None = None
    to_sql: float | None = None
    to_contact: float | None = None
    to_won: float | None = None
    to_refused: float | None = None
    sql_at: datetime | None = moment()
    since: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    deadline_at: datetime | None = moment()
    score: float | None = None
    waited_system: float | None = None
    waited_late: float | None = None
    waited_sales: float | None = None
    waited_owner: float | None = None
    waited_reviewer: float | None = None
    waited_marketer: float | None = None
    waited_agreed: float | None = None
    amount_usd: float | None = None
    closed: bool = False
    stage: str
    tier: str | None = None
    source: str | None = None
    campaign: str | None = None
    interest: str | None = None
    segment: str | None = None
    industry: str | None = None
    country: str | None = None
    rank: str | None = None
    owner_id: UUID | None = None
    refused_note: UUID | None = None


class Tenure(SQLModel, table=True):
    """One stretch of time in which a rep had a lead, from the entry that gave it to them to the one that took it."""

    __tablename__ = "tenures"
    __table_args__ = (Index("tenures_since", "since"), Index("tenures_rep", "rep_id", "since"))

    lead_id: UUID = part_of("leads.id")
    seq: int = Field(sa_column=Column(Integer, primary_key=True))
    rep_id: UUID
    since: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    contacted_at: datetime | None = moment()
    sql_at: datetime | None = moment()
    won_at: datetime | None = moment()
    ended_at: datetime | None = moment()
    score: float | None = None
    attempts: int = 0
    excused: bool = False
    tier: str | None = None
    began: str
    ended: str | None = None


class Overrun(SQLModel, table=True):
    """A deadline that passed, and how late it was acted on: from the moment it ran out to the ledger's next entry."""

    __tablename__ = "overruns"
    __table_args__ = (Index("overruns_at", "at"),)

    lead_id: UUID = part_of("leads.id")
    seq: int = Field(sa_column=Column(Integer, primary_key=True))
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    late_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    kind: str


class InsightProgress(SQLModel, table=True):
    """How far the folding is: every change up to this number is in. One row."""

    __tablename__ = "insight_progress"

    id: int = Field(default=1, primary_key=True)
    change: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))


class DigestRecord(SQLModel, table=True):
    """A weekly digest to one user. The row makes it go out once; `sent_at` null: not known to have left."""

    __tablename__ = "digests"

    week: date = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", primary_key=True)
    decided_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    sent_at: datetime | None = moment()
    why: str | None = None
