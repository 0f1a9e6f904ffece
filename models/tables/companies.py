"""Companies, what sources said about them and their people, and what the sources may cost."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.ids import uuid7
from models.tables.base import document, moment, now


class CompanyRecord(SQLModel, table=True):
    """A company, shared by its leads. `key` is its domain, or `name:` and its name where no domain is known.

    `confidence` is 0-1, that the domain is its own; `same_as` the record it turned out to be; `facts` what is known by name,
    each as `{value, source, at, confidence}`.
    """

    __tablename__ = "companies"

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    key: str = Field(unique=True)
    domain: str | None = None
    name: str | None = None
    confidence: float = 1.0
    same_as: UUID | None = Field(default=None, foreign_key="companies.id", ondelete="SET NULL")
    facts: dict[str, Any] = document("{}")
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    refreshed_at: datetime | None = moment()


class BuyingSignal(SQLModel, table=True):
    """Something a company did that makes it a likelier buyer. `key` makes it one, however often it is found."""

    __tablename__ = "signals"
    __table_args__ = (UniqueConstraint("company_id", "kind", "key"), Index("signals_company", "company_id", text("at DESC")))

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    company_id: UUID = Field(foreign_key="companies.id", ondelete="CASCADE")
    kind: str
    key: str
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    seen_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    title: str
    url: str | None = None
    source: str
    confidence: float


class SourceAnswer(SQLModel, table=True):
    """What a source last said about a company or a lead (`subject_id`, whose kind is `about`), or why it did not.

    While somebody asks, `claim` is theirs until `claimed_until`; nobody else asks the same then. `ask_again_at` is when the
    answer is out of date.
    """

    __tablename__ = "source_answers"
    __table_args__ = (Index("source_answers_due", "ask_again_at"),)

    subject_id: UUID = Field(primary_key=True)
    source: str = Field(primary_key=True)
    about: str
    why: str | None = None
    facts: dict[str, Any] = document("{}")
    confidence: float = 1.0
    tries: int = 0
    claim: UUID | None = None
    claimed_until: datetime | None = moment()
    asked_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    answered_at: datetime | None = moment()
    ask_again_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class SourceGate(SQLModel, table=True):
    """What a source may still be asked, over all workers: a bucket of tokens, a day's money, a breaker.

    The row `network` stands for the way to all of them.
    """

    __tablename__ = "source_gates"

    source: str = Field(primary_key=True)
    tokens: float = 0.0
    filled_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    day: str = ""
    spent: float = 0.0
    failures: int = 0
    shut_until: datetime | None = moment()
    why: str | None = None
