"""Who would get a lead, as a page: a form, and the router's own answer in sentences."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.auth import Principal
from api.board import routing as words
from api.board.frame import frame
from api.board.pages import page
from api.deps import Wired, Wiring
from api.errors import Invalid, NotFound, Refused
from api.forms import WHOLE, sent, wrong
from api.routes.routing import Asker
from api.services import routing
from models.schemas.routing import RoutingQuestion

router = APIRouter(prefix="/routing", tags=["pages"], include_in_schema=False)


@router.get("")
async def ask(me: Asker, wired: Wired, lead: Annotated[str, Query(max_length=500)] = "") -> HTMLResponse:
    """Where it is asked; with the id of a lead the answer for that one."""
    if not lead:
        return await _shown(wired, me, {})
    try:
        asked = RoutingQuestion(lead_id=words.lead_of(lead))
    except Invalid as err:
        return await _shown(wired, me, {"lead": lead}, status=err.status, wrong=wrong(err))
    return await _answer(wired, me, {"lead": lead}, asked)


@router.post("")
async def answer(me: Asker, wired: Wired, request: Request) -> HTMLResponse:
    """The answer for what the form says. It is sent, not asked for by address: what is in it may be about a person."""
    form = await sent(request)
    try:
        asked = words.question(form)
    except Invalid as err:
        return await _shown(wired, me, form, status=err.status, wrong=wrong(err))
    return await _answer(wired, me, form, asked)


async def _answer(wired: Wiring, me: Principal, form: Mapping[str, str], asked: RoutingQuestion) -> HTMLResponse:
    try:
        found = await routing.preview(wired.database, asked)
    except NotFound:
        return await _shown(wired, me, form, status=404, wrong={"lead": "There is no such lead."})
    except Refused as err:
        return await _shown(wired, me, form, status=err.status, wrong={WHOLE: err.detail or err.title})
    waiting = await routing.waiting(wired.database)
    return await _shown(wired, me, form, **words.shown(found), waiting=waiting, lead=asked.lead_id)


async def _shown(wired: Wiring, me: Principal, form: Mapping[str, str], *, status: int = 200, **more: Any) -> HTMLResponse:
    context: dict[str, Any] = {"form": form, "fields": words.FIELDS, "wrong": {}, "answer": None, **more}
    return page("routing.html", status=status, **await frame(wired, me), **context)
