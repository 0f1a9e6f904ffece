"""Users and their tokens. Admins manage them, managers note absences, everybody may look at themselves."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime

from api.auth import Principal
from api.deps import Configured, Db, Door, Engined, Me, require
from api.services import sign_in_links, users
from api.services.users import Office
from models.lifecycle import Role
from models.schemas.common import Limit, Page
from models.schemas.people import Absence, IssuedLink, IssuedToken, NewToken, NewUser, TokenView, UserChange, UserView

router = APIRouter(prefix="/api/users", tags=["users"])
_ADMINS = [Depends(require())]
_lead = require(Role.MANAGER)
_LEADERS = [Depends(_lead)]
Leader = Annotated[Principal, Depends(_lead)]
"""Who is asking, if they look after the team."""


def _office(database: Db, engine: Engined, doorman: Door) -> Office:
    return Office(database, engine, doorman)


Managed = Annotated[Office, Depends(_office)]


@router.get("", dependencies=_ADMINS)
async def list_users(database: Db, cursor: str | None = None, limit: Limit = 50) -> Page[UserView]:
    """All users, deactivated ones too."""
    return await users.users(database, cursor=cursor, limit=limit)


@router.post("", status_code=201, dependencies=_ADMINS)
async def create_user(office: Managed, form: NewUser) -> UserView:
    """Take somebody on. They sign in with a link or a token that you make for them."""
    return await users.create(office.database, form, office.engine)


@router.get("/me")
async def see_myself(database: Db, me: Me) -> UserView:
    """Who is asking."""
    return await users.user(database, me.id)


@router.get("/{user_id}", dependencies=_ADMINS)
async def see_user(database: Db, user_id: UUID) -> UserView:
    """One user."""
    return await users.user(database, user_id)


@router.patch("/{user_id}", dependencies=_ADMINS)
async def change_user(office: Managed, user_id: UUID, form: UserChange) -> UserView:
    """Change what is named. An absence, its end and a deactivation move the clocks of the user's leads at once."""
    return await users.change(office, user_id, form)


@router.post("/{user_id}/absences", status_code=201, dependencies=_LEADERS)
async def note_absence(office: Managed, user_id: UUID, form: Absence) -> UserView:
    """Note an absence beside those there are. The clocks of the user's leads move at once."""
    return await users.away(office, user_id, form)


@router.delete("/{user_id}/absences/{start}", dependencies=_LEADERS)
async def forget_absence(office: Managed, user_id: UUID, start: AwareDatetime) -> UserView:
    """Forget the absences that begin at this moment, begun or not: the user is back, or stays. Without any nothing changes."""
    return await users.back(office, user_id, start)


@router.get("/{user_id}/tokens", dependencies=_ADMINS)
async def list_tokens(database: Db, user_id: UUID) -> Page[TokenView]:
    """A user's tokens, without their texts."""
    return await users.tokens(database, user_id)


@router.post("/{user_id}/tokens", status_code=201, dependencies=_ADMINS)
async def issue_token(database: Db, user_id: UUID, form: NewToken, response: Response) -> IssuedToken:
    """Make a token. Its text is shown this once."""
    response.headers["Cache-Control"] = "no-store"
    return await users.issue(database, user_id, form.name)


@router.delete("/{user_id}/tokens/{token_id}", status_code=204, dependencies=_ADMINS)
async def revoke_token(office: Managed, user_id: UUID, token_id: UUID) -> None:
    """Make a token worthless at once."""
    await users.revoke(office, user_id, token_id)


@router.post("/{user_id}/links", status_code=201, dependencies=_ADMINS)
async def issue_link(database: Db, settings: Configured, user_id: UUID, response: Response) -> IssuedLink:
    """Make a link that signs the user in once, within 15 minutes. It is shown this once."""
    response.headers["Cache-Control"] = "no-store"
    return await sign_in_links.make(database, settings, user_id)
