"""What the tables' columns have in common."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ARRAY, Column, DateTime, ForeignKey, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

CHANGES = "changes"
"""The sequence that numbers every change a board may see, in the order of commit."""
CHANNEL = "twoway_changes"
"""The NOTIFY channel that says there are new changes."""


def now() -> datetime:
    """This moment, aware and in UTC."""
    return datetime.now(UTC)


def moment(*, nullable: bool = True, index: bool = False) -> Any:
    """A column of aware times."""
    return Field(default=None, sa_column=Column(DateTime(timezone=True), nullable=nullable, index=index))


def document(default: str) -> Any:
    """A column of JSON; `default` is `{}` or `[]`."""
    factory: Any = list if default == "[]" else dict
    return Field(default_factory=factory, sa_column=Column(JSONB, nullable=False, server_default=text(f"'{default}'")))


def part_of(parent: str) -> Any:
    """The first half of a primary key: what this is a part of, and goes with."""
    return Field(sa_column=Column(Uuid, ForeignKey(parent, ondelete="CASCADE"), primary_key=True))


def words() -> Any:
    """A column of lists of texts."""
    return Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
