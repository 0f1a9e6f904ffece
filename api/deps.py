"""What routes ask for: the database, the engine, who is asking."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from activities.database import Database
from activities.posting import Poster
from api.auth import COOKIE, Doorman, Principal, identify
from api.errors import Forbidden, Unauthorized
from api.live import LiveHub
from api.services.engine import Engine
from api.services.provider import Provider
from api.services.tracking.collector import Collector
from models.lifecycle import Role
from models.settings import Settings

PEOPLE = (Role.REP, Role.REVIEWER, Role.MARKETER, Role.MANAGER)
"""Everybody but programs: `service` brings data in and reads none."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """What one running application holds, put together by `api.app`."""

    settings: Settings
    database: Database
    engine: Engine
    doorman: Doorman
    hub: LiveHub
    collector: Collector
    poster: Poster
    provider: Provider | None = None


async def wiring(request: Request) -> Wiring:
    """What the application that serves this request holds."""
    found: Wiring = request.app.state.wiring
    return found


Wired = Annotated[Wiring, Depends(wiring)]


async def _database(wired: Wired) -> Database:
    return wired.database


async def _engine(wired: Wired) -> Engine:
    return wired.engine


async def _doorman(wired: Wired) -> Doorman:
    return wired.doorman


async def _settings(wired: Wired) -> Settings:
    return wired.settings


Configured = Annotated[Settings, Depends(_settings)]
"""What the program runs with."""
Db = Annotated[Database, Depends(_database)]
"""The database."""
Engined = Annotated[Engine, Depends(_engine)]
"""The way to leads' workflows."""
Door = Annotated[Doorman, Depends(_doorman)]
"""Who remembers who is who; to be told when that changes."""

_BEARER = HTTPBearer(auto_error=False, scheme_name="token", description="`Authorization: Bearer <token>`")
_SESSION = APIKeyCookie(name=COOKIE, auto_error=False, scheme_name="session", description="What signing in at `/login` sets.")
_InDocs = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
_AlsoInDocs = Annotated[str | None, Security(_SESSION)]


async def known(request: Request, wired: Wired, _: _InDocs, __: _AlsoInDocs) -> Principal | None:
    """Who is asking, by token or by session cookie; None when nobody can tell.

    Raises:
        CrossSite: when an unsafe request comes with a session's cookie, but not from one of our pages.
    """
    found = await identify(request, wired.doorman, wired.settings.public_url)
    if found is not None:
        request.state.user = str(found.id)  # for the log
    return found


Visitor = Annotated[Principal | None, Depends(known)]
"""Who is asking, on doors that also open to nobody in particular."""


async def signed_in(visitor: Visitor) -> Principal:
    """Who is asking.

    Raises:
        Unauthorized: without a valid token or session.
        CrossSite: when an unsafe request comes with a session's cookie, but not from one of our pages.
    """
    if visitor is None:
        raise Unauthorized
    return visitor


Me = Annotated[Principal, Depends(signed_in)]
"""Who is asking."""


def require(*roles: Role) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency that lets in only who has one of these roles, and admins.

    Raises:
        Unauthorized: (the dependency) without a valid token or session.
        Forbidden: (the dependency) for somebody else.
    """

    async def allowed(me: Me) -> Principal:
        if not me.has(*roles):
            raise Forbidden(f"It takes the role {' or '.join(roles) or Role.ADMIN}.")
        return me

    return allowed


async def _request_key(request: Request) -> str | None:
    found: str | None = getattr(request.state, "idempotency_key", None)
    return found


RequestKey = Annotated[str | None, Depends(_request_key)]
"""The sender's `Idempotency-Key`, made the user's own and unreadable, to travel as `message.request`; None without one."""
