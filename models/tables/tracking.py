"""Visitors of websites: who named themselves where, and which of them are machines."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, Index
from sqlmodel import Field, SQLModel


class Naming(SQLModel, table=True):
    """A visitor named themselves: from `at` on, this device is this lead's, until it names another.

    A lead has many devices, a device many leads over time. `how` is `form`, `identify` or `click`.
    """

    __tablename__ = "namings"
    __table_args__ = (Index("namings_lead", "lead_id"),)

    anonymous_id: str = Field(primary_key=True)
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))
    lead_id: UUID = Field(foreign_key="leads.id")
    how: str


class Robot(SQLModel, table=True):
    """A visitor that turned out to be a machine. `why` is a `Sign`."""

    __tablename__ = "robots"

    anonymous_id: str = Field(primary_key=True)
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    why: str
