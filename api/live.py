"""The live feed: every board hears of a change within moments, from one connection to the database a process.

Changes are numbered in the order of their commit (`models.locks.CHANGE_LOCK`), so "everything after number n" misses
nothing. A wake-up says only that there is news; what it is gets read once, written out once and handed to everybody.
Whoever reads slowly finds the newest card of each lead and not the ones in between, and holds nobody else up.

Programs are sent cards as JSON, boards the same cards as rows of HTML, written out when the first board wants them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from time import monotonic
from uuid import UUID

import psycopg
import structlog
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from prometheus_client import Gauge
from sqlalchemy import RowMapping, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from api.auth import Principal
from api.board.counts import PAUSE, Counter, Counts
from api.board.notices import notice_html
from api.board.rows import row_html
from api.services.leads import CARD, card
from api.services.messages import notices_between
from models.lifecycle import Role, Stage
from models.schemas.leads import LeadCard
from models.schemas.records import NoticeView
from models.tables import CHANNEL

STREAMS = Gauge("twoway_live_streams", "Live feeds that are open.")
MOST = 2000
"""More news than this for one board, and it is told to load itself anew."""
HEARTBEAT = 15.0
LIFETIME = 3600.0
RECHECK = 20.0
"""Seconds between two looks whether a reader may still read."""
RETRY_MS = 2000
_BATCH = 500
_AT_ONCE = 100
_PAUSE = 0.03
_AWAY = (SQLAlchemyError, psycopg.Error, OSError)
_HEAD = text("SELECT greatest((SELECT max(change) FROM leads), (SELECT max(change) FROM notices), 0)")
_CARDS = text(f"{CARD} WHERE l.change > :after AND l.change <= :upto ORDER BY l.change LIMIT :limit")
_log = structlog.get_logger()


@dataclass(frozen=True)
class News:
    """One event of the feed.

    Args:
        change: its number.
        key: of what it is about; newer news of the same replaces older.
        what: the card or the notice; None for a lead that is gone.
        user, role: whom it is for; everybody when both are None.
    """

    change: int
    key: UUID
    what: LeadCard | NoticeView | None
    user: UUID | None = None
    role: Role | None = None

    @cached_property
    def data(self) -> bytes:
        """The event as programs are sent it."""
        if self.what is None:
            return _event("lead", f'{{"id":"{self.key}","stage":"erased"}}', self.change)
        return _event("lead" if isinstance(self.what, LeadCard) else "notice", self.what.model_dump_json(), self.change)

    @cached_property
    def html(self) -> bytes:
        """The event as boards are sent it."""
        if self.what is None:
            return _event("gone", str(self.key), self.change)
        if isinstance(self.what, LeadCard):
            return _event("row", row_html(self.what), self.change)
        return _event("notice", notice_html(self.what), self.change)

    def concerns(self, reader: Principal) -> bool:
        """Whether it is for this reader."""
        if self.user is not None:
            return self.user == reader.id
        return self.role is None or self.role in reader.roles


async def _read(connection: AsyncConnection, after: int, limit: int) -> tuple[list[News], int]:
    """News after a number in order, and up to which number that is all; at most `limit` cards and as many notices.

    The head is read first: a lead that changes once more meanwhile has a number beyond it and comes with the next reading.
    """
    upto = await head(connection)
    rows = (await connection.execute(_CARDS, {"after": after, "upto": upto, "limit": limit})).mappings().all()
    if len(rows) == limit:
        upto = rows[-1]["change"]
    notices = await notices_between(connection, after, upto, limit)
    if len(notices) == limit:
        upto = notices[-1][1].change
    news = [News(row["change"], row["id"], _card(row)) for row in rows if row["change"] <= upto]
    news += [News(notice.change, notice.id, notice, user, notice.role) for user, notice in notices]
    return sorted(news, key=lambda one: one.change), upto


async def head(connection: AsyncConnection) -> int:
    """The number of the latest change."""
    found: int = (await connection.execute(_HEAD)).scalar_one()
    return found


def _card(row: RowMapping) -> LeadCard | None:
    """A lead's card; None for an erased one."""
    return None if row["stage"] == Stage.ERASED else card(row)


def _event(name: str, data: str, change: int | None = None) -> bytes:
    return format_sse_event(data_str=data, event=name, id=None if change is None else str(change))


class Subscriber:
    """One open feed: what its reader has not been sent yet.

    Args:
        reader: who reads.
        board: they read HTML, and how many leads there are, and not JSON.
    """

    def __init__(self, reader: Principal, *, board: bool = False) -> None:
        self.reader = reader
        self.board = board
        self.woken = asyncio.Event()
        self.closing = False
        self._position = 0
        self._reset_to: int | None = None
        self._pending: dict[UUID, News] = {}
        self._counted = ""
        self._counts = ""

    def begin(self, backlog: Sequence[News], upto: int, *, reset: bool) -> None:
        """Start with what happened before; what was offered meanwhile comes after it.

        Args:
            backlog: in order.
            upto: the number up to which that is all.
            reset: it is not all, so the reader has to load anew.
        """
        meanwhile, self._pending = self._pending, {}
        if reset or self._reset_to is not None:  # even before it began, more may have happened than it can hold
            self._position = self._reset_to = max(upto, self._reset_to or 0)
        else:
            self._put(backlog)
            self._position = upto
        self._put(meanwhile.values())

    def offer(self, news: Iterable[News], upto: int) -> None:
        """Take note of news, in order, that reach up to a number."""
        self._put(news)
        if len(self._pending) > MOST:
            self._pending.clear()
            self._position = self._reset_to = upto
        self.woken.set()

    def recount(self, counts: Counts) -> None:
        """Take note of how many leads there are now."""
        found = counts.document(self.reader.id) if self.board else ""
        if found != self._counted:
            self._counted = self._counts = found
            self.woken.set()

    def _put(self, news: Iterable[News]) -> None:
        for one in news:
            if one.change > self._position and one.concerns(self.reader):
                self._pending.pop(one.key, None)  # so that the newest is also the last in order
                self._pending[one.key] = one

    def take(self) -> bytes:
        """What to send next, in order of the numbers; empty when the reader has everything."""
        self.woken.clear()
        parts = []
        if self._reset_to is not None:
            parts.append(_event("reset", f'{{"change":{self._reset_to}}}', self._reset_to))
            self._reset_to = None
        chosen = list(islice(self._pending.values(), _AT_ONCE))
        for one in chosen:
            del self._pending[one.key]
        parts += [one.html if self.board else one.data for one in chosen]
        if self._counts:
            parts.append(_event("counts", self._counts))
            self._counts = ""
        return b"".join(parts)


class LiveHub:
    """Reads news once and hands them to every open feed.

    Args:
        database: where changes are.
    """

    def __init__(self, database: Database) -> None:
        self.counter = Counter(database)
        self._database = database
        self._subscribers: set[Subscriber] = set()
        self._last: int | None = None
        self._woken = asyncio.Event()
        self._changed = asyncio.Event()
        self._closed = False

    async def run(self) -> None:
        """Listen and hand on until cancelled. While the database is away feeds stay open, and catch up afterwards."""
        async with asyncio.TaskGroup() as together:
            together.create_task(self._listen())
            together.create_task(self._hand_on())
            together.create_task(self._count())

    def close(self) -> None:
        """End every feed with a request to reconnect, elsewhere or later."""
        self._closed = True
        for subscriber in self._subscribers:
            subscriber.closing = True
            subscriber.woken.set()

    @asynccontextmanager
    async def subscribe(self, reader: Principal, after: int | None, *, board: bool = False) -> AsyncIterator[tuple[Subscriber, int]]:
        """An open feed, and the number of the latest change at that moment.

        Args:
            reader: whose.
            after: the last change they know; None to begin now.
            board: they read HTML.

        Raises:
            sqlalchemy.exc.DBAPIError: when the database is out of reach.
        """
        subscriber = Subscriber(reader, board=board)
        subscriber.closing = self._closed
        self._subscribers.add(subscriber)  # before reading, so that nothing falls in between
        STREAMS.inc()
        try:
            yield subscriber, await self._catch_up(subscriber, after)
        finally:
            STREAMS.dec()
            self._subscribers.discard(subscriber)
            if not self._subscribers:
                self._last = None

    async def _catch_up(self, subscriber: Subscriber, after: int | None) -> int:
        async with self._database.autocommit() as connection:
            latest = await head(connection)
            if after is None or after == latest:
                subscriber.begin([], latest, reset=False)
            elif after > latest:  # another database than the one the reader knew
                subscriber.begin([], latest, reset=True)
            else:
                news, upto = await _read(connection, after, MOST + 1)
                mine = [one for one in news if one.concerns(subscriber.reader)]
                subscriber.begin(mine, max(latest, upto), reset=upto < latest or len(mine) > MOST)
        if self._last is None:
            self._last = latest
        self._woken.set()
        self._changed.set()
        return latest

    async def _listen(self) -> None:
        address = make_url(self._database.url).set(drivername="postgresql").render_as_string(hide_password=False)
        wait = 0.25
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(address, autocommit=True, connect_timeout=5) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    wait = 0.25
                    while True:
                        self._woken.set()
                        heard = [one async for one in connection.notifies(timeout=HEARTBEAT, stop_after=1)]
                        if not heard:
                            await connection.execute("SELECT 1")  # a connection that died silently is noticed here
            except (psycopg.Error, OSError) as err:
                _log.warning("the live feed lost its connection", cause=type(err).__name__)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)

    async def _hand_on(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                while self._last is not None and await self._read_on(self._last):
                    pass
            except _AWAY as err:
                _log.warning("the live feed cannot read", cause=type(err).__name__)
                await asyncio.sleep(1)
                self._woken.set()
            await asyncio.sleep(_PAUSE)  # many changes at once are one reading

    async def _count(self) -> None:
        """Tell boards how many leads there are, once things changed, and not more often than somebody could read it."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if any(subscriber.board for subscriber in self._subscribers):
                try:
                    counts = await self.counter.counts(anew=True)
                except _AWAY as err:
                    _log.warning("the leads cannot be counted", cause=type(err).__name__)
                    self._changed.set()
                else:
                    for subscriber in self._subscribers:
                        subscriber.recount(counts)
            await asyncio.sleep(PAUSE)

    async def _read_on(self, after: int) -> bool:
        """Hand on one batch; True when there may be another right behind it."""
        async with self._database.autocommit() as connection:
            news, upto = await _read(connection, after, _BATCH)
        if self._last is not None:
            self._last = max(self._last, upto)
        for subscriber in self._subscribers:
            subscriber.offer(news, upto)
        if news:
            self._changed.set()
        return len(news) >= _BATCH


async def stream(
    subscriber: Subscriber, head: int, resumed: bool, again: Callable[[], Awaitable[Principal | None]]
) -> AsyncIterator[bytes]:
    """A feed as it goes over the wire.

    Args:
        subscriber: whose.
        head: the latest change when it was opened.
        resumed: there may be a backlog, so the greeting must not carry a number the reader has not reached.
        again: looks up anew who reads; None when they no longer may.
    """
    opened = checked = monotonic()
    yield format_sse_event(data_str=f'{{"change":{head}}}', event="hello", id=None if resumed else str(head), retry=RETRY_MS)
    while not subscriber.closing and monotonic() < opened + LIFETIME:
        if chunk := subscriber.take():
            yield chunk
        else:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await subscriber.woken.wait()
            except TimeoutError:
                yield KEEPALIVE_COMMENT
        if monotonic() >= checked + RECHECK:
            checked = monotonic()
            try:
                reader = await again()
            except _AWAY:
                continue  # nobody can tell now; the next look will
            if reader is None:
                return
            subscriber.reader = reader
    yield _event("reconnect", "{}")
