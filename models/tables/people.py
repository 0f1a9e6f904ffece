"""Who signs in, and how."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.ids import uuid7
from models.tables.base import document, moment, now, words


class User(SQLModel, table=True):
    """Somebody, or some program, that signs in. `absences` is a list of `{start, until}`; `until` null means nobody knows.

    `digest` says whether they want the weekly mail. `password_hash` is argon2's own text, parameters included; null for who
    never set a password.
    """

    __tablename__ = "users"

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    email: str = Field(unique=True)
    name: str
    password_hash: str | None = None
    roles: list[str] = words()
    capacity: int | None = None
    weight: float = Field(default=1.0, sa_column_kwargs={"server_default": text("1")})
    territories: list[str] = words()
    working_hours: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    timezone: str = "UTC"
    absences: list[dict[str, Any]] = document("[]")
    active: bool = True
    digest: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=text("true")))
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))


class Token(SQLModel, table=True):
    """A bearer token, kept as the SHA-256 of its text: a random token needs no slow hash."""

    __tablename__ = "tokens"

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", index=True)
    name: str
    digest: str = Field(unique=True)
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    revoked_at: datetime | None = moment()


class BrowserSession(SQLModel, table=True):
    """A browser somebody is signed in with. Its cookie is a random secret, kept as a digest like a token's.

    `way` is how they signed in, `device` the browser in words. It ends at `expires_at`, or earlier when it lies idle.
    """

    __tablename__ = "sessions"

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", index=True)
    digest: str = Field(unique=True)
    way: str
    device: str
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    last_seen_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class SignInLink(SQLModel, table=True):
    """A link that signs its user in once; the row goes when it is used. Kept as a digest like a token."""

    __tablename__ = "sign_in_links"

    id: UUID = Field(default_factory=uuid7, primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", index=True)
    digest: str = Field(unique=True)
    created_at: datetime = Field(default_factory=now, sa_column=Column(DateTime(timezone=True), nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class SignInAttempt(SQLModel, table=True):
    """A password that was tried and was not right. `account` and `address` are digests of what was typed and of where from."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (Index("sign_in_attempts_account", "account", "at"), Index("sign_in_attempts_address", "address", "at"))

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    account: str
    address: str
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))
