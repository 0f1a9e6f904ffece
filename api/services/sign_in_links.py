"""Links that sign one person in, once: for the first admin, for newcomers, and for who forgot a password."""

import secrets
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from activities.database import Database
from api.auth import digest_of
from api.errors import Conflict, NotFound
from models.ids import uuid7
from models.lifecycle import Role
from models.schemas.people import IssuedLink
from models.settings import Settings

LASTS = timedelta(minutes=15)
"""How long a link works."""
LASTS_FOR_THE_FIRST = timedelta(hours=24)
"""How long the one works that `twoway up` prints."""
_USER = text("SELECT name, active FROM users WHERE id = :id")
_MAKE = text(
    """
    INSERT INTO sign_in_links (id, user_id, digest, created_at, expires_at)
    VALUES (:id, :user, :digest, now(), now() + make_interval(secs => :lasts)) RETURNING expires_at"""
)
_WHOSE = text(
    """
    SELECT u.name FROM sign_in_links l JOIN users u ON u.id = l.user_id
    WHERE l.digest = :digest AND l.expires_at > now() AND u.active"""
)
_USE = text(
    """
    DELETE FROM sign_in_links l USING users u
    WHERE l.digest = :digest AND l.expires_at > now() AND u.id = l.user_id AND u.active RETURNING u.id"""
)
_FIRST_ADMIN = text("SELECT id FROM users WHERE active AND :role = ANY(roles) ORDER BY created_at, id LIMIT 1")
_PRUNE = text("DELETE FROM sign_in_links WHERE expires_at <= now()")


async def make(database: Database, settings: Settings, user: UUID, lasts: timedelta = LASTS) -> IssuedLink:
    """Make a link; its text is in the answer and nowhere else.

    Args:
        database: where users are.
        settings: say where people reach us.
        user: whom it signs in.
        lasts: how long it works.

    Raises:
        NotFound: when there is no such user.
        Conflict: when the user is deactivated.
    """
    secret = secrets.token_urlsafe(32)
    row = {"id": uuid7(), "user": user, "digest": digest_of(secret), "lasts": lasts.total_seconds()}
    async with database.connection() as connection:
        found = (await connection.execute(_USER, {"id": user})).one_or_none()
        if found is None:
            raise NotFound("user")
        if not found.active:
            raise Conflict(f"{found.name} is deactivated, so a link would open nothing.")
        expires: datetime = (await connection.execute(_MAKE, row)).scalar_one()
    return IssuedLink(url=f"{settings.public_url.rstrip('/')}/login/link/{secret}", expires_at=expires)


async def whose(database: Database, secret: str) -> str | None:
    """The name of whom a link signs in; None when it does not work, or no more."""
    async with database.connection() as connection:
        name: str | None = (await connection.execute(_WHOSE, {"digest": digest_of(secret)})).scalar_one_or_none()
    return name


async def use(database: Database, secret: str) -> UUID | None:
    """Use a link up. Of several that try at once, one gets the user's id; None when it does not work, or no more."""
    async with database.connection() as connection:
        user: UUID | None = (await connection.execute(_USE, {"digest": digest_of(secret)})).scalar_one_or_none()
    return user


async def first_admin(database: Database) -> UUID | None:
    """The admin who has been there longest; None when there is none."""
    async with database.connection() as connection:
        found: UUID | None = (await connection.execute(_FIRST_ADMIN, {"role": Role.ADMIN.value})).scalar_one_or_none()
    return found


async def prune(database: Database) -> None:
    """Remove links that work no more.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.connection() as connection:
        await connection.execute(_PRUNE)
