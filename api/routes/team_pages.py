"""The team as pages: who there is, what they may do and take, when they are there, and how they and their programs get in."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from api.auth import Principal
from api.board.frame import frame
from api.board.pages import page
from api.board.team import UserForm, absence, zones
from api.deps import Wired, Wiring, require
from api.errors import Conflict, Invalid
from api.forms import filled, sent, text_of, wrong
from api.routes.users import Leader, Managed
from api.services import sign_in_links, team, users
from models.schemas.people import NewToken, NewUser, UserChange

router = APIRouter(prefix="/team", tags=["pages"], include_in_schema=False)
Admin = Annotated[Principal, Depends(require())]
Cursor = Annotated[str | None, Query(max_length=500)]
_LISTED = 100
_SEE_OTHER = 303


@router.get("")
async def list_team(me: Leader, wired: Wired, cursor: Cursor = None) -> HTMLResponse:
    """Everybody, with what they have on their hands."""
    members, onwards = await team.team(wired.database, cursor=cursor, limit=_LISTED)
    return page("team.html", **await frame(wired, me), members=members, onwards=onwards, cursor=cursor)


@router.get("/new")
async def new_member(me: Admin, wired: Wired) -> HTMLResponse:
    """Where somebody is taken on."""
    return await _new(wired, me, UserForm())


@router.post("/new")
async def add_member(me: Admin, wired: Wired, office: Managed, request: Request) -> HTMLResponse:
    """Take somebody on, and show the link that signs them in once."""
    form = UserForm.sent(await sent(request))
    try:
        created = await users.create(office.database, form.read(NewUser), office.engine)
    except (Invalid, Conflict) as err:
        return await _new(wired, me, form, err)
    link = await sign_in_links.make(wired.database, wired.settings, created.id)
    return await _member(wired, me, created.id, link=link, status=201)


@router.get("/{user_id}")
async def see_member(user_id: UUID, me: Leader, wired: Wired) -> HTMLResponse:
    """One of them: to be changed by an admin, to be sent away and called back by a manager."""
    return await _member(wired, me, user_id)


@router.post("/{user_id}")
async def change_member(user_id: UUID, me: Admin, wired: Wired, office: Managed, request: Request) -> Response:
    """Change what they may do and take, and when they work."""
    form = UserForm.sent(await sent(request))
    before = UserForm.of(await users.user(wired.database, user_id))
    try:
        await users.change(office, user_id, form.read(UserChange, before))
    except (Invalid, Conflict) as err:
        return await _member(wired, me, user_id, form=form, wrong=wrong(err), status=err.status)
    return RedirectResponse("/team", _SEE_OTHER)


@router.post("/{user_id}/active")
async def switch_member(user_id: UUID, me: Admin, wired: Wired, office: Managed, request: Request) -> Response:
    """Shut somebody out and hand their leads on, or let them in again."""
    try:
        await users.change(office, user_id, filled(UserChange, {"active": text_of(await sent(request), "active")}))
    except (Invalid, Conflict) as err:
        return await _member(wired, me, user_id, wrong={"active": next(iter(wrong(err).values()))}, status=err.status)
    return RedirectResponse(f"/team/{user_id}", _SEE_OTHER)


@router.post("/{user_id}/away")
async def send_away(user_id: UUID, me: Leader, wired: Wired, office: Managed, request: Request) -> Response:
    """Note an absence."""
    form = await sent(request)
    user = await users.user(wired.database, user_id)
    try:
        await users.away(office, user_id, absence(form, user.timezone))
    except Invalid as err:
        return await _member(wired, me, user_id, away=form, wrong=wrong(err), status=err.status)
    return RedirectResponse(f"/team/{user_id}", _SEE_OTHER)


@router.post("/{user_id}/back")
async def call_back(user_id: UUID, me: Leader, office: Managed, request: Request) -> RedirectResponse:
    """Forget an absence: they are back, or stay."""
    try:
        start = datetime.fromisoformat(text_of(await sent(request), "start"))
    except ValueError:
        raise Invalid({"start": "must be the beginning of an absence"}) from None
    await users.back(office, user_id, start)
    return RedirectResponse(f"/team/{user_id}", _SEE_OTHER)


@router.post("/{user_id}/link")
async def make_link(user_id: UUID, me: Admin, wired: Wired) -> HTMLResponse:
    """Make a link that signs them in once, and show it this once."""
    try:
        link = await sign_in_links.make(wired.database, wired.settings, user_id)
    except Conflict as err:
        return await _member(wired, me, user_id, wrong=wrong(err), status=err.status)
    return await _member(wired, me, user_id, link=link)


@router.post("/{user_id}/tokens")
async def make_token(user_id: UUID, me: Admin, wired: Wired, request: Request) -> HTMLResponse:
    """Make a token for a program, and show it this once."""
    try:
        form = filled(NewToken, {"name": text_of(await sent(request), "token-name")})
        token = await users.issue(wired.database, user_id, form.name)
    except Invalid as err:
        return await _member(wired, me, user_id, wrong={"token-name": next(iter(wrong(err).values()))}, status=err.status)
    except Conflict as err:
        return await _member(wired, me, user_id, wrong=wrong(err), status=err.status)
    return await _member(wired, me, user_id, token=token)


@router.post("/{user_id}/tokens/{token_id}/revoke")
async def revoke_token(user_id: UUID, token_id: UUID, me: Admin, office: Managed) -> RedirectResponse:
    """Make a token worthless at once."""
    await users.revoke(office, user_id, token_id)
    return RedirectResponse(f"/team/{user_id}#tokens", _SEE_OTHER)


async def _new(wired: Wiring, me: Principal, form: UserForm, problem: Invalid | Conflict | None = None) -> HTMLResponse:
    return page(
        "team_new.html",
        status=problem.status if problem else 200,
        **await frame(wired, me),
        form=form,
        wrong=wrong(problem) if problem else {},
        agreed=await team.agreed(wired.database),
        zones=zones(),
    )


async def _member(wired: Wiring, me: Principal, user_id: UUID, *, status: int = 200, **more: Any) -> HTMLResponse:
    """The page of one of them.

    Args:
        wired: what the application holds.
        me: who reads.
        user_id: whom it is about.
        status: of HTTP.
        more: `wrong`, the forms as they were sent (`form`, `away`), a `link` or a `token` to show once.
    """
    member = await team.member(wired.database, user_id)
    context: dict[str, Any] = {
        "member": member,
        "form": UserForm.of(member.user),
        "away": {},
        "wrong": {},
        "link": None,
        "token": None,
        "agreed": await team.agreed(wired.database),
        "tokens": (await users.tokens(wired.database, user_id)).items if me.has() else [],
        "zones": zones(),
    }
    return page("team_member.html", status=status, **await frame(wired, me), **(context | more))
