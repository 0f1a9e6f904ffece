"""A lead, its ledger, and what is known of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.ids import uuid7
from models.lifecycle import Stage
from models.tables.base import document, moment, now


class Account(SQLModel, table=True):
    """A named account: a company sales wants, and whose it is."""

    __tablename__ = "accounts"

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    name: str
    domain: str = Field(unique=True)
    owner_id: UUID = Field(foreign_key="users.id", index=True)
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Lead(SQLModel, table=True):
    """A lead: the person, and where it stands. Columns from `seq` on are the projection, written by the ledger only."""

    __tablename__ = "leads"
    __table_args__ = (
        Index("leads_stage_newest", "stage", text("arrived_at DESC"), text("id DESC")),
        Index("leads_stage_score", "stage", text("score DESC NULLS LAST"), text("id DESC")),
        Index("leads_stage_deadline", "stage", "deadline_at", "id"),
        Index("leads_newest", text("arrived_at DESC"), text("id DESC")),
        Index("leads_score", text("score DESC NULLS LAST"), text("id DESC")),
        Index("leads_deadline", "deadline_at", "id", postgresql_where=text("NOT closed")),
        Index("leads_owner", "owner_id", "stage", postgresql_where=text("owner_id IS NOT NULL")),
        Index("leads_change", "change"),
        Index("leads_account", "account_id", postgresql_where=text("account_id IS NOT NULL")),
        Index("leads_company", text("lower(company)"), postgresql_where=text("owner_id IS NOT NULL OR stage = 'won'")),
        Index("leads_company_record", "company_id", postgresql_where=text("company_id IS NOT NULL")),
        Index("leads_source", "source", text("arrived_at DESC"), text("id DESC")),
        Index("leads_campaign", "campaign", text("arrived_at DESC"), text("id DESC")),
        Index("leads_search", "search", postgresql_using="gin", postgresql_ops={"search": "gin_trgm_ops"}),
        Index(
            "leads_handed_back",
            text("handed_back_at DESC NULLS LAST"),
            text("id DESC"),
            postgresql_where=text("handed_back_at IS NOT NULL"),
        ),
        Index("leads_unstarted", "priority", "arrived_at", postgresql_where=text("swept_at IS NULL AND seq = first_seq")),
        Index("leads_starting", "swept_at", postgresql_where=text("swept_at IS NOT NULL AND seq = first_seq")),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    email_key: str | None = Field(default=None, unique=True)
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None
    title: str | None = None
    phone: str | None = None
    country: str | None = None
    source: str | None = None
    campaign: str | None = None
    interest: str | None = None
    message: str | None = None
    consent: dict[str, Any] = document("{}")
    anonymous_id: str | None = Field(default=None, index=True)
    attributes: dict[str, Any] = document("{}")
    domain: str | None = Field(default=None, index=True)
    zone: str | None = None
    account_id: UUID | None = Field(default=None, foreign_key="accounts.id")
    company_id: UUID | None = Field(default=None, foreign_key="companies.id", ondelete="SET NULL")
    search: str = ""
    enrichment: dict[str, Any] = document("{}")
    reasons: list[dict[str, Any]] = document("[]")
    judgement: dict[str, Any] = document("{}")
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    stirred_until: datetime | None = moment()
    swept_at: datetime | None = moment()
    priority: int = Field(default=2, sa_column=Column(SmallInteger, nullable=False, server_default=text("2")))
    """Temporal's, of its workflow: who came in alone is started before the rows of a file."""

    seq: int = 0
    first_seq: int = 1
    life: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    decided_at: datetime | None = moment()
    change: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    stage: str = Stage.NEW.value
    tier: str | None = None
    score: float | None = None
    owner_id: UUID | None = Field(default=None, foreign_key="users.id")
    owned_since: datetime | None = moment()
    deadline_kind: str | None = None
    deadline_at: datetime | None = moment()
    arrived_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    since: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    contacted_at: datetime | None = moment()
    mql_at: datetime | None = moment()
    sal_at: datetime | None = moment()
    sql_at: datetime | None = moment()
    amount_usd: float | None = None
    policy_version: int = 0
    closed: bool = False
    handed_back_at: datetime | None = moment()
    state: dict[str, Any] = document("{}")


class LedgerEntry(SQLModel, table=True):
    """One change of a lead, for good. `(lead_id, seq)` is its identity, so a retry writes nothing twice."""

    __tablename__ = "ledger"
    __table_args__ = (
        Index("ledger_at", "at"),
        Index("ledger_actor", "actor_id", "at"),
        Index("ledger_overridden", "at", postgresql_where=text("kind = 'overridden'")),
    )

    lead_id: UUID = Field(foreign_key="leads.id", primary_key=True)
    seq: int = Field(primary_key=True)
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    kind: str
    from_stage: str
    to_stage: str
    actor_kind: str
    actor_id: UUID | None = None
    owner_id: UUID | None = None
    score: float | None = None
    tier: str | None = None
    policy_version: int
    deadline_kind: str | None = None
    deadline_at: datetime | None = moment()
    note_id: UUID | None = None
    detail: dict[str, Any] = document("{}")


class Note(SQLModel, table=True):
    """Free text a person wrote about a lead. Stored before the event that names it; shown only once an entry does."""

    __tablename__ = "notes"

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    lead_id: UUID = Field(foreign_key="leads.id", index=True)
    author_id: UUID = Field(foreign_key="users.id")
    body: str
    reason: str | None = None
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Engagement(SQLModel, table=True):
    """Something a lead or a visitor did. `event_id` is the sender's, and deduplicates.

    A trigger of the database writes `linked_at`, when it became known that the visitor is this lead (null: from the start), and
    `verdicts`, what was thought of whose doing it is before it was thought of again: a list of `{was, until}`.

    Only what has the verdict `human` counts; `sign` says what gave a machine away. `agent` is the user agent it came with,
    kept for a while so that a pattern that is learnt later can still be applied.
    """

    __tablename__ = "engagements"
    __table_args__ = (
        Index("engagements_lead", "lead_id", "at"),
        Index("engagements_visitor", "anonymous_id", postgresql_where=text("lead_id IS NULL")),
        Index("engagements_nobodys", "received_at", postgresql_where=text("lead_id IS NULL")),
        Index("engagements_agent", "agent", "received_at", postgresql_where=text("agent IS NOT NULL")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    event_id: str = Field(unique=True)
    lead_id: UUID | None = Field(default=None, foreign_key="leads.id")
    anonymous_id: str | None = None
    kind: str
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    received_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    properties: dict[str, Any] = document("{}")
    verdict: str = Field(default="human", sa_column_kwargs={"server_default": text("'human'")})
    sign: str | None = None
    agent: str | None = None
    linked_at: datetime | None = moment()
    verdicts: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True))


class LeadFacts(SQLModel, table=True):
    """What was known of a lead from a moment on: append-only, so that features can be computed as of any moment.

    A trigger of the database writes it whenever what is known changes. `kind` is `person` (forms and attributes, without what
    says who it is) or `enrichment`; the latest row of each up to a moment is what was known then.
    """

    __tablename__ = "lead_facts"
    __table_args__ = (Index("lead_facts_lead", "lead_id", "kind", "seen_at", "id"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    lead_id: UUID = Field(foreign_key="leads.id")
    seen_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    kind: str
    facts: dict[str, Any] = document("{}")


class PageStay(SQLModel, table=True):
    """How long people usually stay on a page, as it was worked out at a moment, so that a stay can be told to be long.

    `usual` is the mean logarithm of the seconds (`measure` `path`), of the seconds a word (`word`) or a pixel of height (`pixel`).
    Where `measure` is `done`, the working out itself; nobody's in particular.
    """

    __tablename__ = "page_stays"

    at: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    measure: str = Field(primary_key=True)
    path: str = Field(primary_key=True)
    views: int
    usual: float | None = None


class ScoreRecord(SQLModel, table=True):
    """One judgement of a lead: what, by which model, why, and as of when its inputs were read.

    `number` is of the order it carries out; null when bulk re-scoring found a lead's score as it was.
    """

    __tablename__ = "scores"
    __table_args__ = (Index("scores_lead", "lead_id", "at"), UniqueConstraint("lead_id", "number"))

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    lead_id: UUID = Field(foreign_key="leads.id")
    number: int | None = None
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    score: float
    points: float
    probability: float | None = None
    model_version: str = "points"
    reasons: list[dict[str, Any]] = document("[]")
