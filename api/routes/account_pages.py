"""Named accounts as pages: which there are, whose they are, naming more, and changing one."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from api.auth import Principal
from api.board.frame import frame
from api.board.pages import page
from api.deps import Wired, Wiring
from api.errors import Conflict, Invalid, NotFound
from api.forms import WHOLE, filled, sent, text_of, wrong
from api.routes.accounts import Keeper
from api.services import accounts
from models.schemas.people import AccountChange, NewAccount

router = APIRouter(prefix="/accounts", tags=["pages"], include_in_schema=False)
Cursor = Annotated[str | None, Query(max_length=500)]
_LISTED = 100
_SEE_OTHER = 303
_FIELDS = ("name", "domain", "owner")


@router.get("")
async def list_accounts(me: Keeper, wired: Wired, cursor: Cursor = None) -> HTMLResponse:
    """The named accounts by domain, and a form for one more."""
    return await _shown(wired, me, cursor=cursor)


@router.post("")
async def name_account(me: Keeper, wired: Wired, request: Request) -> Response:
    """Name an account. Leads of its domain belong to it at once."""
    sent_form = await sent(request)
    form = {name: text_of(sent_form, name) for name in _FIELDS}
    try:
        await accounts.create(wired.database, filled(NewAccount, form))
    except (Invalid, Conflict) as err:
        return await _shown(wired, me, status=err.status, form=form, wrong=wrong(err))
    return RedirectResponse("/accounts", _SEE_OTHER)


@router.get("/{account_id}")
async def see_account(account_id: UUID, me: Keeper, wired: Wired) -> HTMLResponse:
    """One account, to be changed."""
    return await _one(wired, me, account_id)


@router.post("/{account_id}")
async def change_account(account_id: UUID, me: Keeper, wired: Wired, request: Request) -> Response:
    """Change its name, its domain or whose it is."""
    sent_form = await sent(request)
    form = {name: text_of(sent_form, name) for name in _FIELDS}
    try:
        await accounts.change(wired.database, account_id, filled(AccountChange, form))
    except (Invalid, Conflict) as err:
        return await _one(wired, me, account_id, status=err.status, form=form, wrong=wrong(err))
    return RedirectResponse("/accounts", _SEE_OTHER)


@router.post("/{account_id}/remove")
async def remove_account(account_id: UUID, me: Keeper, wired: Wired) -> Response:
    """Forget an account; its leads stay, and belong to none. One that is gone already is as good."""
    try:
        await accounts.delete(wired.database, account_id)
    except NotFound:
        pass
    except Conflict as err:
        return await _shown(wired, me, status=err.status, wrong={WHOLE: err.detail or err.title})
    return RedirectResponse("/accounts", _SEE_OTHER)


async def _shown(
    wired: Wiring,
    me: Principal,
    *,
    status: int = 200,
    cursor: str | None = None,
    form: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> HTMLResponse:
    found = await accounts.accounts(wired.database, cursor=cursor, limit=_LISTED)
    owners = await accounts.owners(wired.database)
    context: dict[str, Any] = {"form": form or {}, "wrong": wrong or {}, "found": found, "owners": owners, "cursor": cursor}
    context["owner_ids"] = {rep.id for rep in owners}
    return page("accounts.html", status=status, **await frame(wired, me), **context)


async def _one(
    wired: Wiring,
    me: Principal,
    account_id: UUID,
    *,
    status: int = 200,
    form: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> HTMLResponse:
    account = await accounts.account(wired.database, account_id)
    owners = await accounts.owners(wired.database)
    if account.owner not in owners:
        owners = [account.owner, *owners]  # who is no rep any more may stay until somebody else is chosen
    stands = {"name": account.name, "domain": account.domain, "owner": str(account.owner.id)}
    context: dict[str, Any] = {"account": account, "owners": owners, "form": form or stands, "wrong": wrong or {}}
    return page("named_account.html", status=status, **await frame(wired, me), **context)
