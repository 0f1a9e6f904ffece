"""The live feed, and the notices that also come over it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse

from api.auth import Principal, identify
from api.deps import PEOPLE, Db, Wired, Wiring, require
from api.live import Subscriber, stream
from api.services import messages
from models.schemas.common import Limit, Page
from models.schemas.records import NoticeView, ReadUpto, Unread

router = APIRouter(prefix="/api", tags=["live"])
Reader = Annotated[Principal, Depends(require(*PEOPLE))]
_UNKNOWN = 2**63 - 1
"""Beyond every change: whoever says that they know this one is told to load anew."""
_DIGITS = 19
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed that was opened."""

    subscriber: Subscriber
    head: int
    resumed: bool


async def known_change(
    after: Annotated[int | None, Query(ge=0, le=_UNKNOWN, description="The last change you know; none to begin now.")] = None,
    last_event_id: Annotated[str | None, Header(description="What a browser sends when it reconnects.")] = None,
) -> int | None:
    """The last change a reader knows, as they say when they open a feed."""
    if not last_event_id:
        return after
    known = last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < _DIGITS
    return int(last_event_id) if known else _UNKNOWN


KnownChange = Annotated[int | None, Depends(known_change)]


async def _opened(wired: Wired, me: Reader, after: KnownChange) -> AsyncIterator[Feed]:
    """A feed with its backlog read, so that a database that is away is told with a status; closed after the answer."""
    async with wired.hub.subscribe(me, after) as (subscriber, head):
        yield Feed(subscriber, head, resumed=after is not None)


async def _opened_board(wired: Wired, me: Reader, after: KnownChange) -> AsyncIterator[Feed]:
    """The same for a board."""
    async with wired.hub.subscribe(me, after, board=True) as (subscriber, head):
        yield Feed(subscriber, head, resumed=after is not None)


Opened = Annotated[Feed, Depends(_opened)]
OpenedBoard = Annotated[Feed, Depends(_opened_board)]


def streamed(request: Request, wired: Wiring, feed: Feed) -> EventSourceResponse:
    """A feed as an answer; it ends when its reader may no longer read."""

    async def again() -> Principal | None:
        found = await identify(request, wired.doorman, wired.settings.public_url)
        return found if found and found.has(*PEOPLE) else None

    return EventSourceResponse(stream(feed.subscriber, feed.head, feed.resumed, again), headers=_HEADERS)


@router.get("/live", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}})
async def live_feed(request: Request, wired: Wired, feed: Opened) -> EventSourceResponse:
    """Server-sent events: `hello`, then `lead` (a card that changed) and `notice` (for you), numbered by change.

    `reset` says that too much happened to tell: load the list anew. `reconnect` says to come again at once.
    """
    return streamed(request, wired, feed)


@router.get("/notices")
async def list_notices(
    database: Db,
    me: Reader,
    unread: Annotated[bool, Query(description="Leave out what was read.")] = False,
    cursor: str | None = None,
    limit: Limit = 50,
) -> Page[NoticeView]:
    """What you are told, unread first, latest first."""
    return await messages.notices(database, me, unread=unread, cursor=cursor, limit=limit)


@router.post("/notices/read")
async def read_notices(database: Db, me: Reader, form: ReadUpto) -> Unread:
    """Note that you read everything up to a change. What is for a role is then read for everybody in it."""
    return Unread(unread=await messages.read_upto(database, me, form.upto))


@router.post("/notices/{notice_id}/read")
async def read_notice(database: Db, me: Reader, notice_id: UUID) -> NoticeView:
    """Note that you read it. One for a role is then read for everybody in it."""
    return await messages.read(database, me, notice_id)
