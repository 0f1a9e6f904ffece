"""Users and their tokens: who may do what, and who is here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import any_
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.database import Database
from activities.people import absences
from api.auth import Doorman, digest_of, new_token
from api.errors import Conflict, Invalid, NotFound
from api.services import outbox, sessions, waiting
from api.services.cursors import position
from api.services.engine import Engine
from models.lifecycle import Role
from models.messages import Retime
from models.schemas.common import Page, cursor_of
from models.schemas.people import MOST_ABSENCES, Absence, IssuedToken, NewUser, TokenView, UserChange, UserView
from models.tables import Lead, Token, User
from models.worktime import Away


@dataclass(frozen=True, slots=True)
class Office:
    """What changing users takes.

    Args:
        database: where they are.
        engine: tells their leads when they come and go.
        doorman: is told whom to look up anew.
    """

    database: Database
    engine: Engine
    doorman: Doorman


async def users(database: Database, *, cursor: str | None, limit: int) -> Page[UserView]:
    """All users, deactivated ones too, in the order they were created.

    Raises:
        Invalid: when the cursor is none of this list.
    """
    query = select(User).order_by(col(User.id)).limit(limit + 1)
    if after := position(cursor, UUID):
        query = query.where(col(User.id) > after[0])
    async with database.session() as session:
        rows = (await session.exec(query)).all()
    items = [view(user) for user in rows[:limit]]
    return Page(items=items, next_cursor=cursor_of(items[-1].id) if len(rows) > limit else None)


async def user(database: Database, user_id: UUID) -> UserView:
    """One user.

    Raises:
        NotFound: when there is none of that id.
    """
    async with database.session() as session:
        return view(await _existing(session, user_id))


async def create(database: Database, form: NewUser, engine: Engine | None = None) -> UserView:
    """Take somebody on. The leads that wait for a rep are asked again.

    Args:
        database: where users are.
        form: who.
        engine: asks those leads at once; without one the program that delivers signals finds them.

    Raises:
        Conflict: when the e-mail address is another user's.
    """
    created = User(**form.model_dump(exclude={"absent"}), absences=_stored(form.absent))
    try:
        async with database.session() as session:
            session.add(created)
            await session.flush()
            await waiting.wake(await session.connection())
    except IntegrityError:
        raise _taken(form.email) from None
    if engine is not None:
        engine.outbox_filled.set()
    return view(created)


async def change(office: Office, user_id: UUID, form: UserChange) -> UserView:
    """Change what the form names. When somebody comes, goes or is shut out, the clocks of their open leads move at once.

    Whatever may give a waiting lead a rep has it asked again.

    Raises:
        NotFound: when there is no such user.
        Conflict: when the e-mail address is another user's, or nobody would be left who can manage users.
    """
    try:
        return await _changed(office, user_id, lambda _: form)
    except IntegrityError:
        raise _taken(form.email or "") from None


async def away(office: Office, user_id: UUID, stretch: Absence) -> UserView:
    """Note an absence beside those there are. The clocks of the user's leads move at once.

    Raises:
        NotFound: when there is no such user.
        Invalid: when there are too many of them.
    """

    def with_it(found: User) -> UserChange:
        ahead = view(found).absences
        if len(ahead) >= MOST_ABSENCES:
            raise Invalid({"from": f"is one too many: at most {MOST_ABSENCES} absences can be noted"})
        return UserChange(absent=[*ahead, stretch])

    return await _changed(office, user_id, with_it)


async def back(office: Office, user_id: UUID, start: datetime) -> UserView:
    """Forget the absences that begin at this moment, begun or not: the user is back, or stays. Without any nothing changes.

    Raises:
        NotFound: when there is no such user.
    """
    return await _changed(office, user_id, lambda found: UserChange(absent=[gap for gap in view(found).absences if gap.start != start]))


async def _changed(office: Office, user_id: UUID, wanted_of: Callable[[User], UserChange]) -> UserView:
    """Change a user under a lock: what is wanted may hang on what there is."""
    async with office.database.session() as session:
        found = await _existing(session, user_id, lock=True)
        form = wanted_of(found)
        wanted = form.model_dump(exclude_unset=True, exclude={"absent"})
        before, could = _whereabouts(found), _takes(found)
        if _stops_managing(found, wanted):
            await _somebody_else_manages(session, found)
        for name, value in wanted.items():
            setattr(found, name, value)
        if "absent" in form.model_fields_set:
            found.absences = _stored(form.absent)
        if _whereabouts(found) != before:
            await _retime(session, found)
        if _takes(found) != could:
            await session.flush()
            await waiting.wake(await session.connection())
        if not found.active:
            await sessions.shut_out(await session.connection(), found.id)
    office.doorman.forget()
    office.engine.outbox_filled.set()
    return view(found)


async def issue(database: Database, user_id: UUID, name: str) -> IssuedToken:
    """Make a token; its text is in the answer and nowhere else.

    Raises:
        NotFound: when there is no such user.
        Conflict: when the user is deactivated.
    """
    text = new_token()
    async with database.session() as session:
        owner = await _existing(session, user_id)
        if not owner.active:
            raise Conflict(f"{owner.name} is deactivated, so a token would open nothing.")
        token = Token(user_id=user_id, name=name, digest=digest_of(text))
        session.add(token)
    return IssuedToken(id=token.id, name=name, created_at=token.created_at, revoked_at=None, token=text)


async def tokens(database: Database, user_id: UUID) -> Page[TokenView]:
    """A user's tokens, revoked ones too, latest first.

    Raises:
        NotFound: when there is no such user.
    """
    async with database.session() as session:
        await _existing(session, user_id)
        rows = (await session.exec(select(Token).where(Token.user_id == user_id).order_by(col(Token.id).desc()))).all()
    return Page(items=[TokenView.model_validate(token) for token in rows])


async def revoke(office: Office, user_id: UUID, token_id: UUID) -> None:
    """Make a token worthless for good; again changes nothing.

    Raises:
        NotFound: when the user has no such token.
    """
    async with office.database.session() as session:
        token = await session.get(Token, token_id, with_for_update=True)
        if token is None or token.user_id != user_id:
            raise NotFound("token")
        token.revoked_at = token.revoked_at or datetime.now(UTC)
    office.doorman.forget()


def view(found: User) -> UserView:
    """A user as HTTP shows one."""
    now = datetime.now(UTC)
    away = [gap for gap in absences(found.absences) if gap.until is None or gap.until > now]
    facts: dict[str, Any] = found.model_dump(exclude={"absences"})
    return UserView(
        **facts,
        absent=any(gap.covers(now) for gap in away),
        absences=[Absence(start=gap.start, until=gap.until) for gap in away],
    )


async def _existing(session: AsyncSession, user_id: UUID, *, lock: bool = False) -> User:
    found = await session.get(User, user_id, with_for_update=lock)
    if found is None:
        raise NotFound("user")
    return found


def _taken(email: str) -> Conflict:
    return Conflict(f"{email} belongs to another user.", "email")


def _stored(stretches: Sequence[Absence]) -> list[dict[str, Any]]:
    """Absences as they stand in the user's row: in order, those that are over left out."""
    now = datetime.now(UTC)
    ahead = sorted((gap for gap in stretches if gap.until is None or gap.until > now), key=lambda gap: gap.start)
    return [{"start": gap.start.isoformat(), "until": gap.until.isoformat() if gap.until else None} for gap in ahead]


def _away(found: User) -> tuple[Away, ...]:
    """When the user is away as far as their leads are concerned: a deactivated one for good."""
    return absences(found.absences) if found.active else (Away(datetime.now(UTC)),)


def _whereabouts(found: User) -> tuple[bool, list[dict[str, Any]]]:
    return found.active, found.absences if found.active else []


def _takes(found: User) -> tuple[object, ...]:
    """What about a user bears on which leads they can get."""
    return (
        *_whereabouts(found),
        list(found.roles),
        found.capacity,
        found.weight,
        list(found.territories),
        found.working_hours,
        found.timezone,
    )


async def _retime(session: AsyncSession, found: User) -> None:
    """Tell every open lead the user has, in the same transaction."""
    message = Retime(rep=str(found.id), away=_away(found))
    held = (await session.exec(select(Lead.id).where(Lead.owner_id == found.id, ~col(Lead.closed)))).all()
    await outbox.store(await session.connection(), [(lead, message) for lead in held])


def _stops_managing(found: User, wanted: dict[str, Any]) -> bool:
    manages = found.active and Role.ADMIN in found.roles
    return manages and not (wanted.get("active", True) and Role.ADMIN in wanted.get("roles", found.roles))


async def _somebody_else_manages(session: AsyncSession, found: User) -> None:
    """See to it that an admin remains, whoever else is being changed at the same time.

    Raises:
        Conflict: when this is the last one.
    """
    admins = select(User.id).where(col(User.active), any_(col(User.roles)) == Role.ADMIN.value)
    others = (await session.exec(admins.where(User.id != found.id).order_by(col(User.id)).with_for_update())).all()
    if not others:
        raise Conflict(f"{found.name} is the last admin: nobody could manage users any more.", "roles")
