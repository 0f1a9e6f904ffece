"""What connects Twoway to other programs: webhooks out, notices by mail and chat, forms in.

Secrets stand here sealed (`activities.sealing`): we need them again to sign. Queues hold ids and what the ledger says, never
who a lead is: that is read when a message leaves, so that an erased lead is in none of them.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.ids import uuid7
from models.tables.base import document, moment, now, words


class WebhookEndpoint(SQLModel, table=True):
    """Where another program wants to hear of changes.

    `events` are types of events, none for all. `secret` is sealed; `former_secret` signs beside it until
    `former_until`. `failures` counts failures in a row, the first of them at `failing_since`; nothing is sent before
    `resume_at`. `disabled_why` says why we switched it off ourselves.
    """

    __tablename__ = "webhook_endpoints"

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    url: str
    description: str = ""
    events: list[str] = words()
    person: bool = False
    active: bool = True
    secret: str
    former_secret: str | None = None
    former_until: datetime | None = moment()
    failures: int = 0
    failing_since: datetime | None = moment()
    resume_at: datetime | None = moment()
    disabled_at: datetime | None = moment()
    disabled_why: str | None = None
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class WebhookDelivery(SQLModel, table=True):
    """One event for one endpoint: the queue, and the record of what was sent.

    `(life, decided_at)` is the fence of the write that made the entry, as in `activities.ledger`. `lead_id` is null for
    a ping. `endpoint_id` is no foreign key: deleting an endpoint must neither hold up the ledger nor make it fail. `lease`
    is held by the process that is sending it, until `leased_until`.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "lead_id", "seq", "life", "decided_at"),
        Index("webhook_deliveries_waiting", "endpoint_id", "lead_id", "seq", postgresql_where=text("state = 'waiting'")),
        Index("webhook_deliveries_next", "endpoint_id", "next_at", postgresql_where=text("state = 'waiting'")),
        Index("webhook_deliveries_number", "endpoint_id", "number"),
        Index("webhook_deliveries_lead", "lead_id", "seq"),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    number: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), nullable=False))
    endpoint_id: UUID
    lead_id: UUID | None = Field(default=None, foreign_key="leads.id")
    seq: int | None = None
    life: int | None = None
    decided_at: datetime | None = moment()
    type: str
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    data: dict[str, Any] = document("{}")
    state: str = Field(default="waiting", sa_column_kwargs={"server_default": text("'waiting'")})
    tries: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    due_since: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
    next_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
    lease: UUID | None = None
    leased_until: datetime | None = moment()
    tried_at: datetime | None = moment()
    status: int | None = None
    why: str | None = None


class NoticePreference(SQLModel, table=True):
    """Which notices a user wants outside the page, as kinds; without a row, the usual ones."""

    __tablename__ = "notice_preferences"

    user_id: UUID = Field(foreign_key="users.id", primary_key=True)
    email: list[str] = words()
    slack: list[str] = words()


class NoticeSending(SQLModel, table=True):
    """A notice on its way to one channel: once, by what it says to whom. `user_id` null is the company's channel."""

    __tablename__ = "notice_sendings"
    __table_args__ = (
        UniqueConstraint("lead_id", "seq", "kind", "channel", "user_id", "role", postgresql_nulls_not_distinct=True),
        Index("notice_sendings_next", "next_at", postgresql_where=text("state = 'waiting'")),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    lead_id: UUID = Field(foreign_key="leads.id")
    seq: int
    kind: str
    channel: str
    user_id: UUID | None = Field(default=None, foreign_key="users.id")
    role: str | None = None
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    state: str = Field(default="waiting", sa_column_kwargs={"server_default": text("'waiting'")})
    tries: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    next_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
    lease: UUID | None = None
    leased_until: datetime | None = moment()
    why: str | None = None


class NoticePosition(SQLModel, table=True):
    """Up to which change notices were put on their way. One row."""

    __tablename__ = "notice_position"

    id: int = Field(default=1, primary_key=True)
    change: int = Field(sa_column=Column(BigInteger, nullable=False))


class SlackUser(SQLModel, table=True):
    """Who somebody in Slack is here. `by_hand` when an admin said so, otherwise by their e-mail address there."""

    __tablename__ = "slack_users"

    slack_id: str = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", index=True)
    by_hand: bool = False


class FormSource(SQLModel, table=True):
    """A form elsewhere whose submissions come in as leads. `key` stands in its address, `secret` is sealed.

    `fields` maps our fields to where they are found in what is sent; `defaults` is what a submission says that does not say it itself.
    """

    __tablename__ = "form_sources"

    key: str = Field(primary_key=True)
    name: str
    kind: str
    secret: str
    fields: dict[str, Any] = document("{}")
    defaults: dict[str, Any] = document("{}")
    active: bool = True
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class FormReceipt(SQLModel, table=True):
    """A submission that landed, by a digest of its sender's id: sent again, even after its lead was erased, it does nothing."""

    __tablename__ = "form_receipts"
    __table_args__ = (Index("form_receipts_at", "at"),)

    source: str = Field(foreign_key="form_sources.key", ondelete="CASCADE", primary_key=True)
    digest: str = Field(primary_key=True)
    at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
