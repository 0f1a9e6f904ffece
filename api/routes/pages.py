"""The board's pages: lists of leads, their parts for scripts, the feed that keeps them up to date, and notices."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Header, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from fastapi.sse import EventSourceResponse
from sqlalchemy import text

from api.auth import Principal
from api.board.frame import frame
from api.board.lists import Asked, BoardQuery, asked, choices, read
from api.board.notices import line
from api.board.pages import page
from api.board.views import SORTS
from api.deps import PEOPLE, Wired, Wiring, require
from api.routes.live import OpenedBoard, streamed
from api.services import messages
from models.schemas.records import ReadUpto

router = APIRouter(include_in_schema=False)
Reader = Annotated[Principal, Depends(require(*PEOPLE))]
Part = Annotated[str | None, Header(alias="X-Part")]
_LATEST = text("SELECT arrived_at FROM leads WHERE stage <> 'erased' ORDER BY arrived_at DESC, id DESC LIMIT 1")
_NOTICES = 50


async def _list(wired: Wiring, wanted: Asked, me: Principal) -> dict[str, Any]:
    """A list and what its head offers."""
    async with wired.database.connection() as connection:
        found = await read(connection, wanted, me)
        latest = None if found.items else (await connection.execute(_LATEST)).scalar_one_or_none()
        return {
            "asked": wanted,
            "page": found,
            "latest": latest,
            "choices": await choices(connection, wanted),
            "SORTS": SORTS,
        }


@router.get("/")
async def board(wired: Wired, me: Reader, query: Annotated[BoardQuery, Query()], part: Part = None) -> HTMLResponse:
    """The board; with `X-Part: list` only its list."""
    wanted = asked(query, me)
    around = await frame(wired, me, wanted.view)
    return page("_list.html" if part == "list" else "board.html", **around, **await _list(wired, wanted, me))


@router.get("/rows")
async def rows(wired: Wired, me: Reader, query: Annotated[BoardQuery, Query()]) -> HTMLResponse:
    """The rows of a list from its cursor on; with `ids`, those of these leads that are in it."""
    wanted = asked(query, me)
    async with wired.database.connection() as connection:
        return page("_rows.html", asked=wanted, page=await read(connection, wanted, me))


@router.get("/live", response_class=StreamingResponse)
async def live(request: Request, wired: Wired, feed: OpenedBoard) -> EventSourceResponse:
    """Server-sent events for boards, numbered as in `/api/live`: `row`, `gone`, `notice`, `counts`, `reset`, `reconnect`."""
    return streamed(request, wired, feed)


@router.get("/notices")
async def notices(wired: Wired, me: Reader, part: Part = None) -> HTMLResponse:
    """What this reader was told; with `X-Part: notices` only that."""
    found = await messages.notices(wired.database, me, unread=False, cursor=None, limit=_NOTICES)
    around = await frame(wired, me)
    latest = max((notice.change for notice in found.items), default=0)
    template = "_notices.html" if part == "notices" else "notices.html"
    return page(template, **around, notices=[line(notice) for notice in found.items], upto=latest)


@router.post("/notices/read")
async def read_notices(wired: Wired, me: Reader, form: Annotated[ReadUpto, Form()]) -> RedirectResponse:
    """Note that everything up to a change was read, and show the rest."""
    await messages.read_upto(wired.database, me, form.upto)
    return RedirectResponse("/notices", 303)
