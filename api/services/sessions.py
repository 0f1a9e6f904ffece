"""Browser sessions: begun by signing in, kept in the database, ended by their owner, an admin or time."""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select

from activities.database import Database
from api.auth import IDLE, digest_of
from models.ids import uuid7
from models.tables import BrowserSession, SignInLink

LONGEST = timedelta(days=60)
"""A session is over this long after signing in, however much it is used."""
_BEGIN = text(
    """
    INSERT INTO sessions (id, user_id, digest, way, device, created_at, last_seen_at, expires_at)
    VALUES (:id, :user, :digest, :way, :device, now(), now(), now() + make_interval(secs => :longest))"""
)
_END_FORMER = text("DELETE FROM sessions WHERE digest = :digest")
_PRUNE = text("DELETE FROM sessions WHERE expires_at <= now() OR last_seen_at <= now() - make_interval(secs => :idle)")
_BROWSERS = {
    "Edg": "Edge",
    "OPR": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
}
_BROWSERS |= {"Chrome": "Chrome", "Safari": "Safari"}
"""How browsers name themselves, those first that also name another."""
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "Mac",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


class Way(StrEnum):
    """How somebody signed in."""

    PASSWORD = "password"
    LINK = "link"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Browser:
    """The browser somebody signs in with.

    Args:
        agent: what it says it is.
        secret: the cookie of the session it has, if any, which ends.
    """

    agent: str = ""
    secret: str | None = None


async def begin(database: Database, user: UUID, way: Way, browser: Browser) -> str:
    """Sign somebody in.

    Returns:
        The secret for the cookie; it is nowhere else.
    """
    secret = secrets.token_urlsafe(32)
    row = {"id": uuid7(), "user": user, "digest": digest_of(secret), "way": way.value, "device": device(browser.agent)}
    async with database.connection() as connection:
        if browser.secret:
            await connection.execute(_END_FORMER, {"digest": digest_of(browser.secret)})
        await connection.execute(_BEGIN, row | {"longest": LONGEST.total_seconds()})
    return secret


async def end(database: Database, session: UUID) -> None:
    """Sign one browser out."""
    async with database.connection() as connection:
        await connection.execute(delete(BrowserSession).where(col(BrowserSession.id) == session))


async def shut_out(connection: AsyncConnection, user: UUID, *, but: UUID | None = None) -> None:
    """End a user's sessions, and make worthless the links that would begin new ones.

    `Doorman.forget` is to be called once that is committed.

    Args:
        connection: within the caller's transaction.
        user: whose.
        but: a session that stays.
    """
    others = delete(BrowserSession).where(col(BrowserSession.user_id) == user)
    await connection.execute(others.where(col(BrowserSession.id) != but) if but else others)
    await connection.execute(delete(SignInLink).where(col(SignInLink.user_id) == user))


async def of_user(database: Database, user: UUID) -> list[BrowserSession]:
    """A user's sessions that are not over, those used last first."""
    now = datetime.now(UTC)
    alive = select(BrowserSession).where(
        BrowserSession.user_id == user, BrowserSession.expires_at > now, BrowserSession.last_seen_at > now - IDLE
    )
    async with database.session() as session:
        return list((await session.exec(alive.order_by(col(BrowserSession.last_seen_at).desc(), col(BrowserSession.id)))).all())


async def prune(database: Database) -> None:
    """Remove sessions that are over.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.connection() as connection:
        await connection.execute(_PRUNE, {"idle": IDLE.total_seconds()})


def device(agent: str) -> str:
    """What a browser says it is, in words that say no more than its owner needs to recognise it."""
    browser = next((name for mark, name in _BROWSERS.items() if re.search(rf"\b{mark}/", agent)), "Unknown browser")
    system = next((name for mark, name in _SYSTEMS.items() if mark in agent), None)
    return f"{browser} on {system}" if system else browser
