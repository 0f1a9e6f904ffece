"""One's own account: who one is, where one is signed in, and one's password."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlmodel import col, update

from activities.database import Database
from api.auth import Principal
from api.errors import Invalid, NotFound
from api.services import passwords, sessions, throttle
from api.services.sessions import Way
from models.tables import BrowserSession, User

FRESH = timedelta(minutes=10)
"""For this long after signing in by link a new password may be set without the old one."""


@dataclass(frozen=True, slots=True)
class Mine:
    """What the account's page shows.

    Args:
        user: who it is.
        browsers: where they are signed in, those used last first.
        here: the browser that asks; None for a token.
        may_skip_old: a new password may be set without the old one.
    """

    user: User
    browsers: list[BrowserSession]
    here: BrowserSession | None
    may_skip_old: bool

    @property
    def may_set(self) -> bool:
        """Whether a password can be set now at all: without an old one that takes a fresh sign-in link."""
        return self.may_skip_old or self.user.password_hash is not None


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password to be.

    Args:
        old: the one so far, as typed.
        new: as typed.
        address: where the request came from.
    """

    old: str
    new: str
    address: str


async def mine(database: Database, me: Principal) -> Mine:
    """Everything about one's own account.

    Raises:
        NotFound: when the user has gone.
    """
    async with database.session() as session:
        user = await session.get(User, me.id)
    if user is None:
        raise NotFound("user")
    browsers = await sessions.of_user(database, me.id)
    here = next((one for one in browsers if one.id == me.session), None)
    fresh = here is not None and here.way == Way.LINK and datetime.now(UTC) < here.created_at + FRESH
    return Mine(user, browsers, here, fresh)


async def change_password(database: Database, me: Principal, wanted: NewPassword) -> None:
    """Set a new password and sign every other browser out. `Doorman.forget` is to be called afterwards.

    Raises:
        Invalid: naming `new` when it is no good, `old` when it is wrong or cannot be shown.
        TooManyTries: when the old one was guessed too often.
    """
    account = await mine(database, me)
    user = account.user
    if why := passwords.objection(wanted.new, email=user.email, name=user.name):
        raise Invalid({"new": why})
    if not account.may_skip_old:
        if not account.may_set:
            raise Invalid({"old": "You have none yet. Ask an admin for a sign-in link, and set one within ten minutes of using it."})
        await throttle.admit(database, user.email, wanted.address)
        right, _ = await passwords.matches(wanted.old, user.password_hash)
        if not right:
            raise Invalid({"old": "This is not your password."})
        await throttle.clear(database, user.email)
    digest = await passwords.hashed(wanted.new)
    async with database.connection() as connection:
        await connection.execute(update(User).where(col(User.id) == me.id).values(password_hash=digest))
        await sessions.shut_out(connection, me.id, but=me.session)


async def choose_digest(database: Database, me: Principal, *, wanted: bool) -> None:
    """Note whether somebody wants the weekly digest."""
    async with database.connection() as connection:
        await connection.execute(update(User).where(col(User.id) == me.id).values(digest=wanted))
