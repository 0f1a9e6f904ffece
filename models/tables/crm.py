"""What is known of leads' records in a CRM: ids, clocks and hashes; and, for the moment between reading and landing, what it said."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, text
from sqlmodel import Field, SQLModel

from models.tables.base import document, moment, now


class CrmLink(SQLModel, table=True):
    """A lead and its record in a CRM: one of each.

    `owner` is the CRM's id of the owner both sides last agreed on there (empty: nobody; null: never looked at), `lead_owner` ours
    then. `seen_version` is the record's version when it was last read or written, `pushed_hash` what was last written, `deal` the
    deal that was last concluded. `due`: to be looked at by the next sync, whether or not the lead changes.

    Without a lead it is that of somebody who was erased, so that they do not come back by the CRM; `gone_at` says since when,
    `forgotten` that the CRM was told where it is to be. With a lead and a `gone_at` the record was deleted in the CRM.
    """

    __tablename__ = "crm_links"
    __table_args__ = (
        Index("crm_links_lead", "crm", "lead_id", unique=True),
        Index("crm_links_of_lead", "lead_id"),
        Index("crm_links_due", "crm", "lead_id", postgresql_where=text("due")),
    )

    crm: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    lead_id: UUID | None = Field(default=None, foreign_key="leads.id")
    owner: str | None = None
    lead_owner: UUID | None = None
    seen_version: str | None = None
    pushed_hash: str | None = None
    pushed_at: datetime | None = moment()
    linked_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    form_at: datetime | None = moment()
    deal: str | None = None
    due: bool = False
    gone_at: datetime | None = moment()
    forgotten: bool = False


class CrmCursor(SQLModel, table=True):
    """How far a stream of a CRM was read or written. `change` is the latest change of leads that was written, for the stream `leads`.

    `started_at` is when syncing began: contacts made before are not new. `count` is of records, `problem` what was the matter
    the last time.
    """

    __tablename__ = "crm_cursors"

    crm: str = Field(primary_key=True)
    stream: str = Field(primary_key=True)
    since: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    position: str = ""
    change: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    started_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    synced_at: datetime | None = moment()
    count: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    problem: str | None = None
    problem_at: datetime | None = moment()


class CrmArrival(SQLModel, table=True):
    """What a CRM said of a person or a deal, until it has landed: seconds, as a rule. Only the latest of each is kept.

    `email_key` is the address by which erasure finds it, `landed` that the submission in it has been taken in.
    """

    __tablename__ = "crm_inbox"
    __table_args__ = (
        Index("crm_inbox_record", "crm", "stream", "external_id", unique=True),
        Index("crm_inbox_email", "email_key"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    crm: str
    stream: str
    external_id: str
    version: str
    document: dict[str, Any] = document("{}")
    email_key: str | None = None
    landed: bool = False
    taken_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class CrmRefusal(SQLModel, table=True):
    """Something that was not carried over, and why: ids and a word. Kept for 30 days.

    `version` is that of the CRM's record, where the record as such is of no use: until it changes it is not looked at again.
    """

    __tablename__ = "crm_refusals"
    __table_args__ = (
        Index("crm_refusals_latest", "crm", text("id DESC")),
        Index("crm_refusals_lead", "lead_id"),
        Index("crm_refusals_record", "crm", "external_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    crm: str
    at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    way: str
    what: str
    reason: str
    external_id: str | None = None
    lead_id: UUID | None = None
    version: str | None = None
