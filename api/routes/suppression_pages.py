"""Suppressions as a page: whether an address may be written to, which may not, taking one out of use and lifting it again."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from api.auth import Principal
from api.board import suppressions as words
from api.board.frame import frame
from api.board.pages import page
from api.deps import Wired, Wiring
from api.errors import Conflict, Invalid, NotFound
from api.forms import Sent, sent, text_of, wrong
from api.routes.suppressions import Marketer
from api.services import suppressions, users

router = APIRouter(prefix="/suppressions", tags=["pages"], include_in_schema=False)
Cursor = Annotated[str | None, Query(max_length=500)]
Tab = Literal["on", "lifted"]
_LISTED = 50
_MOST_OF_ONE = 10
_SEE_OTHER = 303


@router.get("")
async def list_suppressions(
    me: Marketer, wired: Wired, q: Annotated[str, Query(max_length=320)] = "", tab: Tab = "on", cursor: Cursor = None
) -> HTMLResponse:
    """The list, or what was lifted; with `q` whether that address is on it."""
    return await _shown(wired, me, q=q.strip(), tab=tab, cursor=cursor)


@router.post("")
async def add_suppression(me: Marketer, wired: Wired, request: Request) -> Response:
    """Take an address out of use, and show that it is. In the answer itself: an address does not belong into an address."""
    form = await sent(request)
    try:
        found, new = await suppressions.add(wired.database, words.added(form), me.id)
    except Invalid as err:
        return await _shown(wired, me, status=err.status, form=form, wrong=wrong(err))
    said = "Nothing is sent there any more." if new else f"It stood here before: {words.reason(found).lower()}."
    return await _shown(wired, me, q=text_of(form, "address"), said=said, status=201 if new else 200)


@router.post("/{suppression}/lift")
async def lift_suppression(suppression: UUID, me: Marketer, wired: Wired, request: Request) -> Response:
    """Let it be written to again, and keep who said so and why."""
    form = await sent(request)
    try:
        await suppressions.lift(wired.database, suppression, words.lifting(form), me.id)
    except NotFound:
        return RedirectResponse("/suppressions", _SEE_OTHER)  # somebody else was quicker
    except (Invalid, Conflict) as err:
        return await _shown(wired, me, q=text_of(form, "q"), status=err.status, lifting=(suppression, form), wrong=wrong(err))
    return await _shown(wired, me, q=text_of(form, "q"), said="It may be written to again.")


async def _shown(
    wired: Wiring, me: Principal, *, q: str = "", tab: Tab = "on", cursor: Cursor = None, status: int = 200, **more: Any
) -> HTMLResponse:
    """The page.

    Args:
        wired: what the application holds.
        me: who reads.
        q: an address to look up; nothing is not asked.
        tab: which list is shown.
        cursor: where it goes on.
        status: of HTTP.
        more: `wrong`, the forms as they were sent (`form`, `lifting` with the suppression it is about), what was done (`said`).
    """
    listed = suppressions.suppressions if tab == "on" else suppressions.lifted
    context: dict[str, Any] = {
        "tab": tab,
        "cursor": cursor,
        "found": await listed(wired.database, cursor=cursor, limit=_LISTED),
        "zone": (await users.user(wired.database, me.id)).timezone,
        "q": q,
        "here": None,
        "form": Sent(),
        "lifting": (None, Sent()),
        "wrong": {},
        "said": "",
    }
    if q:
        try:
            context |= await _about(wired, q)
        except Invalid as err:
            status, context["wrong"] = err.status, {"q": next(iter(wrong(err).values()))}
    return page("suppressions.html", status=status, **await frame(wired, me), **(context | more))


async def _about(wired: Wiring, q: str) -> dict[str, Any]:
    """What is known of one address."""
    here = await suppressions.suppressions(wired.database, address=q, limit=_MOST_OF_ONE)
    before = await suppressions.lifted(wired.database, address=q, limit=_MOST_OF_ONE)
    return {"here": here.items, "before": before.items, "leads": await suppressions.leads_at(wired.database, q)}
