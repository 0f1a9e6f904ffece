"""Where the agreement is changed. All but the votes is for good: the database refuses to change or delete a row."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.ids import uuid7
from models.tables.base import now


def _at() -> datetime:
    found: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    return found


class PolicyProposal(SQLModel, table=True):
    """A change of the agreement that somebody proposed. What it says is in its revisions."""

    __tablename__ = "policy_proposals"

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    author_id: UUID = Field(foreign_key="users.id")
    created_at: datetime = _at()


class PolicyRevision(SQLModel, table=True):
    """What a proposal says from a moment on. An edit is a new revision, which nobody has signed yet.

    `based_on` is the version that was in force; `document` is the policy as it would be published, holidays as dates.
    """

    __tablename__ = "policy_revisions"

    proposal_id: UUID = Field(foreign_key="policy_proposals.id", primary_key=True)
    number: int = Field(primary_key=True)
    author_id: UUID = Field(foreign_key="users.id")
    based_on: int
    name: str
    digest: str
    document: str
    source: str
    why: str
    takes_effect: str
    created_at: datetime = _at()


class PolicySignature(SQLModel, table=True):
    """Somebody signed a revision for a team, `sales` or `marketing`. `digest` is what they signed."""

    __tablename__ = "policy_signatures"
    __table_args__ = (UniqueConstraint("proposal_id", "revision", "team"), UniqueConstraint("proposal_id", "revision", "user_id"))

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    proposal_id: UUID = Field(foreign_key="policy_proposals.id")
    revision: int
    digest: str
    team: str
    user_id: UUID = Field(foreign_key="users.id")
    at: datetime = _at()


class PolicyComment(SQLModel, table=True):
    """What somebody said about a proposal."""

    __tablename__ = "policy_comments"
    __table_args__ = (Index("policy_comments_proposal", "proposal_id", "at"),)

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    proposal_id: UUID = Field(foreign_key="policy_proposals.id")
    author_id: UUID = Field(foreign_key="users.id")
    body: str
    at: datetime = _at()


class PolicyOutcome(SQLModel, table=True):
    """How a proposal ended: `published` as `version`, or `withdrawn`. A proposal without one is open."""

    __tablename__ = "policy_outcomes"

    proposal_id: UUID = Field(foreign_key="policy_proposals.id", primary_key=True)
    kind: str
    by_id: UUID = Field(foreign_key="users.id")
    why: str | None = None
    version: int | None = None
    at: datetime = _at()


class PolicyVote(SQLModel, table=True):
    """What somebody in sales thinks a data point is worth: `value` points, or less, the same or more than now (`stance` -1, 0, 1)."""

    __tablename__ = "policy_votes"

    user_id: UUID = Field(foreign_key="users.id", primary_key=True)
    point: str = Field(primary_key=True)
    value: float | None = None
    stance: int | None = None
    at: datetime = _at()
