"""Who is asking: bearer tokens and session cookies, kept as digests, looked up in one query."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from time import monotonic
from uuid import UUID

from sqlalchemy import TextClause, text
from starlette.requests import HTTPConnection

from activities.database import Database
from api.origin import SAFE, demand_our_pages
from models.lifecycle import Role

COOKIE = "twoway_session"
"""The session cookie's name."""
IDLE = timedelta(days=14)
"""A session nobody used for this long is over."""

TTL = 5.0
"""Seconds for which another process may still let in a token that was revoked, or a session that was ended."""
_ENTRIES = 1000
_BY_TOKEN = text(
    """
    SELECT u.id, u.name, u.roles, NULL::uuid AS session FROM tokens t JOIN users u ON u.id = t.user_id
    WHERE t.digest = :digest AND t.revoked_at IS NULL AND u.active"""
)
_BY_SESSION = text(
    f"""
    WITH found AS (
        SELECT u.id, u.name, u.roles, s.id AS session FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.digest = :digest AND u.active
            AND s.expires_at > now() AND s.last_seen_at > now() - make_interval(secs => {IDLE.total_seconds():.0f})
    ), seen AS (
        UPDATE sessions SET last_seen_at = now() FROM found WHERE sessions.id = found.session AND last_seen_at < now() - interval '1 minute'
    )
    SELECT * FROM found"""  # noqa: S608 - a number of our own
)


@dataclass(frozen=True, slots=True)
class Principal:
    """A user who is signed in.

    Args:
        roles: what they may do.
        session: the browser session they are signed in by; None when it is a token.
    """

    id: UUID
    name: str
    roles: frozenset[Role]
    session: UUID | None = None

    def has(self, *roles: Role) -> bool:
        """Whether they have one of these roles; an admin passes all."""
        return Role.ADMIN in self.roles or not self.roles.isdisjoint(roles)


def new_token() -> str:
    """The text of a new token: 256 random bits, recognisable by its prefix."""
    return f"tw_{secrets.token_urlsafe(32)}"


def digest_of(token: str) -> str:
    """What of a token is stored."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class Doorman:
    """Knows who a token or a session belongs to, and remembers it for a moment, since every request asks.

    Args:
        database: where tokens, sessions and users are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[tuple[TextClause, str], tuple[float, Principal]] = OrderedDict()
        self._generation = 0

    async def who(self, token: str) -> Principal | None:
        """Whose token this is; None when it is nobody's, was revoked, or its user is deactivated.

        Raises:
            sqlalchemy.exc.DBAPIError: when the database is out of reach.
        """
        return await self._find(_BY_TOKEN, token)

    async def of_session(self, secret: str) -> Principal | None:
        """Whose session this is, by its cookie; None when there is none, it is over, or its user is deactivated.

        Raises:
            sqlalchemy.exc.DBAPIError: when the database is out of reach.
        """
        return await self._find(_BY_SESSION, secret)

    async def _find(self, query: TextClause, secret: str) -> Principal | None:
        key = (query, digest_of(secret))
        known = self._known.get(key)
        if known and known[0] > monotonic():
            return known[1]
        generation = self._generation
        async with self._database.autocommit() as connection:
            row = (await connection.execute(query, {"digest": key[1]})).one_or_none()
        if row is None:
            self._known.pop(key, None)
            return None
        found = Principal(row.id, row.name, frozenset(map(Role, row.roles)), row.session)
        if generation == self._generation:
            self._known[key] = (monotonic() + TTL, found)
            self._known.move_to_end(key)
            if len(self._known) > _ENTRIES:
                self._known.popitem(last=False)
        return found

    def forget(self) -> None:
        """Ask the database again from now on. To be called once a change of users, tokens or sessions is committed."""
        self._generation += 1
        self._known.clear()


async def identify(asking: HTTPConnection, doorman: Doorman, public_url: str) -> Principal | None:
    """Who sends a request: by bearer token, or else by session cookie. A token that is not valid is not made up for by a cookie.

    Args:
        asking: the request.
        doorman: who knows.
        public_url: where our own pages are.

    Raises:
        CrossSite: when an unsafe request comes with a session's cookie, but not from one of our pages.
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    scheme, _, token = asking.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await doorman.who(token.strip())
    secret = asking.cookies.get(COOKIE)
    found = await doorman.of_session(secret) if secret else None
    if found is not None and asking.scope["method"] not in SAFE:
        demand_our_pages(asking.headers, public_url)
    return found
