"""Users, how they sign in, and their tokens, for whoever sits at the machine: no sign-in is asked."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select

from activities.database import Database
from api.services import sign_in_links, users
from local import Trouble
from models.schemas.people import IssuedLink, NewUser
from models.settings import Settings
from models.tables import User


@dataclass(frozen=True, slots=True)
class Added:
    """Somebody who was taken on.

    Args:
        user: their id.
        link: signs them in once.
        token: where one was asked for.
    """

    user: UUID
    link: IssuedLink
    token: str | None


async def add(settings: Settings, form: NewUser, *, token: bool) -> Added:
    """Take somebody on.

    Raises:
        Conflict: when the e-mail address is another user's.
    """
    async with _opened(settings) as database:
        user = await users.create(database, form)
        issued = await users.issue(database, user.id, "first") if token else None
        link = await sign_in_links.make(database, settings, user.id)
    return Added(user.id, link, issued.token if issued else None)


async def issue(settings: Settings, email: str, name: str) -> str:
    """Make a token for a user.

    Raises:
        Trouble: when there is no such user.
        Conflict: when the user is deactivated.
    """
    async with _opened(settings) as database:
        return (await users.issue(database, await _named(database, email), name)).token


async def link(settings: Settings, email: str) -> IssuedLink:
    """Make a link that signs a user in once.

    Raises:
        Trouble: when there is no such user.
        Conflict: when the user is deactivated.
    """
    async with _opened(settings) as database:
        return await sign_in_links.make(database, settings, await _named(database, email))


async def first_admins_link(settings: Settings) -> IssuedLink | None:
    """Make a link for the first admin that works for a day; None when there is no admin."""
    async with _opened(settings) as database:
        admin = await sign_in_links.first_admin(database)
        return await sign_in_links.make(database, settings, admin, sign_in_links.LASTS_FOR_THE_FIRST) if admin else None


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings)
    try:
        yield database
    finally:
        await database.close()


async def _named(database: Database, email: str) -> UUID:
    async with database.session() as session:
        found: Sequence[UUID] = (await session.exec(select(User.id).where(col(User.email) == email.strip().lower()))).all()
    if not found:
        raise Trouble(f"There is no user {email}. Add one with `twoway user add`.")
    return found[0]
