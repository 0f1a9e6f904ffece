"""One's own account: name and roles, password, and where one is signed in."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from api.auth import Principal
from api.board.notices import TITLES
from api.board.pages import page
from api.deps import PEOPLE, Me, Wired, Wiring, require
from api.entering import let_out, onwards
from api.errors import Invalid
from api.services import account, notice_choice, passwords, sessions
from api.services.account import NewPassword
from api.services.throttle import TooManyTries
from models.lifecycle import NoticeKind
from models.schemas.integrations import NoticeChange

router = APIRouter(prefix="/account", include_in_schema=False)
_WAYS = {sessions.Way.PASSWORD: "with a password", sessions.Way.LINK: "by link", sessions.Way.PROVIDER: "by your company's sign-in"}


Reader = Annotated[Principal, Depends(require(*PEOPLE))]
_Chosen = Annotated[tuple[NoticeKind, ...], Form()]


async def _shown(
    wired: Wiring, me: Principal, *, status: int = 200, wrong: Mapping[str, str] | None = None, done: str | None = None
) -> Response:
    mine = await account.mine(wired.database, me)
    notices = await notice_choice.choice(wired.database, me.id) if me.has(*PEOPLE) else None
    more = {"notices": notices, "titles": TITLES, "done": done, "shortest": passwords.SHORTEST}
    return page("account.html", status=status, mine=mine, ways=_WAYS, wrong=wrong or {}, **more)


@router.get("")
async def show(wired: Wired, me: Me, changed: bool = False, chosen: bool = False) -> Response:
    """One's own account."""
    return await _shown(wired, me, done="password" if changed else "notices" if chosen else None)


@router.post("/password")
async def set_password(
    request: Request, wired: Wired, me: Me, old: Annotated[str, Form()] = "", new: Annotated[str, Form()] = ""
) -> Response:
    """Set a new password, or say what is wrong with it."""
    address = request.client.host if request.client else "unknown"
    try:
        await account.change_password(wired.database, me, NewPassword(old, new, address))
    except Invalid as err:
        return await _shown(wired, me, status=err.status, wrong={each["field"]: each["message"] for each in err.fields["errors"]})
    except TooManyTries as err:
        answer = await _shown(wired, me, status=err.status, wrong={"old": f"{err.title} {err.detail}"})
        answer.headers.update(err.headers)
        return answer
    wired.doorman.forget()
    return onwards("/account?changed=true")


@router.post("/digest")
async def choose_digest(wired: Wired, me: Me, wanted: Annotated[bool, Form()] = False) -> Response:
    """Want the weekly digest, or not."""
    await account.choose_digest(wired.database, me, wanted=wanted)
    return onwards("/account")


@router.post("/notices")
async def choose_notices(wired: Wired, me: Reader, email: _Chosen = (), slack: _Chosen = ()) -> Response:
    """Say which notices are to come by e-mail and in Slack."""
    await notice_choice.choose(wired.database, me.id, NoticeChange(email=list(email), slack=list(slack)))
    return onwards("/account?chosen=true#notices")


@router.post("/sign-out-everywhere")
async def leave_everywhere(wired: Wired, me: Me) -> Response:
    """End all one's sessions, this one too."""
    async with wired.database.connection() as connection:
        await sessions.shut_out(connection, me.id)
    wired.doorman.forget()
    return let_out(wired)
