"""Who was written to, told or given a lead."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Index, UniqueConstraint, Uuid, text
from sqlmodel import Field, SQLModel

from models.ids import uuid7
from models.tables.base import document, moment, now, part_of


class MessageRecord(SQLModel, table=True):
    """One nurture touch: decided on, and what became of it. `(lead_id, key)` makes it go out once."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("lead_id", "key"),
        Index("messages_at", text("decided_at DESC"), text("id DESC")),
        Index("messages_sms", "recipient", postgresql_where=text("channel = 'sms'")),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    lead_id: UUID = Field(foreign_key="leads.id")
    key: str
    campaign: str
    step: int
    channel: str
    template: str
    state: str
    why: str | None = None
    recipient: str | None = None
    subject: str | None = None
    body: str | None = None
    provider_id: str | None = None
    decided_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    sent_at: datetime | None = moment()
    opened_at: datetime | None = moment()
    clicked_at: datetime | None = moment()
    delivered_at: datetime | None = moment()
    language: str | None = None
    variant: str | None = None
    template_version: int | None = None
    """Of the template, with its language and variant: 0 for one that ships with the program."""


class NoticeRecord(SQLModel, table=True):
    """Something one user, or everybody in a role, is told. Numbered with the changes, so that the live feed resumes.

    About a lead, but for what is told of the scoring model.
    """

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("lead_id", "seq", "kind", "user_id", "role", postgresql_nulls_not_distinct=True),
        Index("notices_change", "change"),
        Index("notices_user", "user_id", text("at DESC")),
        Index("notices_role", "role", text("at DESC"), postgresql_where=text("role IS NOT NULL")),
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    change: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    lead_id: UUID | None = Field(default=None, foreign_key="leads.id")
    seq: int
    kind: str
    user_id: UUID | None = Field(default=None, foreign_key="users.id")
    role: str | None = None
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    read_at: datetime | None = moment()
    """When its user read it. What a role is told each of its members reads for themself: `NoticeRead`."""


class ConsentRecord(SQLModel, table=True):
    """A channel was allowed or stopped: when, and how. A trigger of the database writes what forms allow, whoever stores them.

    `how` is `form` (with its `source`), or the kind of what stopped it: `link`, `complaint`, `reply`, `api`.
    """

    __tablename__ = "consents"

    lead_id: UUID = part_of("leads.id")
    channel: str = Field(primary_key=True)
    granted: bool = Field(primary_key=True)
    at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    how: str
    source: str | None = None


class DeliveryReport(SQLModel, table=True):
    """What a provider said later about a message: delivered, bounced, complained about. Codes only, nothing about the person."""

    __tablename__ = "delivery_reports"

    message_id: UUID = part_of("messages.id")
    kind: str = Field(primary_key=True)
    code: str | None = None
    at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Suppression(SQLModel, table=True):
    """An address that nothing is sent to any more. It is kept as a hash only, so it outlives the erasure of its person.

    `why` is a `SuppressionReason`; `by_id` and `note` are set when one of us added it.
    """

    __tablename__ = "suppressions"
    __table_args__ = (Index("suppressions_at", text("at DESC"), text("id DESC")),)

    id: UUID = Field(default_factory=uuid7, sa_column=Column(Uuid, nullable=False, unique=True, server_default=text("gen_random_uuid()")))
    channel: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    why: str
    note: str | None = None
    at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    by_id: UUID | None = Field(default=None, foreign_key="users.id")


class LiftedSuppression(SQLModel, table=True):
    """A suppression as it was when somebody lifted it, and why. `asked_again` when they said that the person wants it so."""

    __tablename__ = "lifted_suppressions"
    __table_args__ = (
        Index("lifted_suppressions_address", "address"),
        Index("lifted_suppressions_at", text("lifted_at DESC"), text("id DESC")),
    )

    id: UUID = Field(primary_key=True)
    channel: str
    address: str
    why: str
    note: str | None = None
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    by_id: UUID | None = Field(default=None, foreign_key="users.id")
    lifted_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    lifted_by_id: UUID | None = Field(default=None, foreign_key="users.id")
    lifted_why: str | None = None
    asked_again: bool = False


class TemplateVersion(SQLModel, table=True):
    """A template as somebody published it. The latest version of each language and variant is in use, if it is `active`."""

    __tablename__ = "templates"
    __table_args__ = (UniqueConstraint("name", "channel", "language", "variant", "version"),)

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    name: str
    channel: str
    language: str
    variant: str
    version: int
    subject: str | None = None
    body: str
    active: bool = True
    author_id: UUID | None = Field(default=None, foreign_key="users.id")
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class NoticeRead(SQLModel, table=True):
    """One member of a role read what the role was told."""

    __tablename__ = "notice_reads"

    notice_id: UUID = part_of("notices.id")
    user_id: UUID = Field(foreign_key="users.id", primary_key=True)
    at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Assignment(SQLModel, table=True):
    """A rep the router chose: a reservation of their capacity until the lead's ledger says whether they got it."""

    __tablename__ = "assignments"
    __table_args__ = (Index("assignments_open", "rep_id", postgresql_where=text("NOT settled")), Index("assignments_rep", "rep_id", "at"))

    lead_id: UUID = Field(foreign_key="leads.id", primary_key=True)
    number: int = Field(primary_key=True)
    rep_id: UUID | None = Field(default=None, foreign_key="users.id")
    account_owner: bool = False
    settled: bool = False
    at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    explanation: dict[str, Any] = document("{}")
