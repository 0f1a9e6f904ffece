"""The models that score, each with what is known of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Identity, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.tables.base import document, moment, now


class ScoringModel(SQLModel, table=True):
    """One version of the scoring model, from the order to train it until long after it was retired.

    `content` is the model's file, which loading runs nothing of; `columns` says which of our inputs each of its columns is;
    `compared` how it did against the champion of its time; `watch` what was seen of its drift. It holds no person's data: words and
    categories that many leads have, and numbers over all of them.
    """

    __tablename__ = "models"
    __table_args__ = (
        Index("models_latest", text("number DESC")),
        Index("models_champion", "state", unique=True, postgresql_where=text("state = 'champion'")),
    )

    version: str = Field(primary_key=True)
    number: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), nullable=False, unique=True))
    kind: str
    state: str
    user_id: UUID | None = Field(default=None, foreign_key="users.id")
    request: str | None = Field(default=None, unique=True)
    outcome: str
    columns: dict[str, str] = document("{}")
    learned_from: datetime | None = moment()
    learned_until: datetime | None = moment()
    rows: int = 0
    successes: int = 0
    verdict: str | None = None
    why: list[str] = document("[]")
    metrics: dict[str, Any] = document("{}")
    report: dict[str, Any] = document("{}")
    figures: list[dict[str, Any]] = document("[]")
    compared: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    watch: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    progress: str | None = None
    content: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    trained_at: datetime | None = moment()
    promoted_at: datetime | None = moment()
    retired_at: datetime | None = moment()


class ModelChange(SQLModel, table=True):
    """One change of who scores: from which version to which, and who made it; None for the schedule.

    `rescored_at` is when the last open lead was judged by the new one.
    """

    __tablename__ = "model_changes"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    from_version: str
    to_version: str
    user_id: UUID | None = Field(default=None, foreign_key="users.id")
    at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    why: str
    rescored_at: datetime | None = moment()
