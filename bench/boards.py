"""How soon a change is on every board, what a thousand open boards cost, and what one weighs."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from time import perf_counter
from urllib.parse import urljoin

import psutil
from sqlalchemy import text

from bench.measure import Result, p50, p99
from bench.stack import Headers, Stack, stack, submission
from models.locks import CHANGE_LOCK
from models.tables import CHANGES, CHANNEL

_BOARDS, _MANY = 200, 1000
_AT_ONCE = 25
_PATIENCE = 10.0
_LEADS = 60
_MIB, _KB = 1 << 20, 1000
_TOUCH = text(f"UPDATE leads SET change = nextval('{CHANGES}') WHERE id = CAST(:lead AS uuid) RETURNING change")  # noqa: S608 - a constant
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_NOTIFY = text("SELECT pg_notify(:channel, '')")
_ASSET = re.compile(r'(?:href|src)="(/assets/[^"]+)"|from "(\./[^"]+)"')


class _Board(asyncio.Protocol):
    """One open feed: notes when the event of a change arrived, and does nothing else that would take time."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.opened = asyncio.get_running_loop().create_future()
        self.awaited = b""
        self.arrived = 0.0
        self.done = asyncio.Event()
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the type
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        now, seen = perf_counter(), self._tail + data
        if not self.opened.done() and b"event: hello" in seen:
            self.opened.set_result(seen.startswith(b"HTTP/1.1 200"))
        if self.awaited and self.awaited in seen:
            self.arrived, self.awaited = now, b""
            self.done.set()
        self._tail = seen[-64:]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("a feed was not opened"))

    def expect(self, change: int) -> None:
        """Wait for this change from now on; it may have come with what was just read."""
        self.done.clear()
        self.awaited = b"id: %d\n" % change
        if self.awaited in self._tail:
            self.arrived, self.awaited = perf_counter(), b""
            self.done.set()


async def run(*, quick: bool) -> list[Result]:
    """Boards as browsers open them, on one API process, while leads change."""
    changes = 20 if quick else 300
    async with stack() as running:
        rep = (await running.reps(1))[0]
        leads = [(await running.post("/api/leads", submission()))["id"] for _ in range(_LEADS)]
        await running.settle()
        results = await _weight(running, rep)
        async with _open(running, rep, _BOARDS) as boards:
            latencies = [latency for n in range(changes) for latency in await _change(running, leads[n % _LEADS], boards)]
        results += [
            Result("commit_to_board_p99_200", p99(latencies), "ms", bar=250),
            Result("commit_to_board_p50_200", p50(latencies), "ms"),
        ]
        process = psutil.Process(running.api.pid)
        async with _open(running, rep, _MANY) as boards:
            await _change(running, leads[0], boards)
            results.append(Result("boards_1000_memory", process.memory_info().rss / _MIB, "MiB", bar=300))
    return results


@asynccontextmanager
async def _open(running: Stack, rep: Headers, count: int) -> AsyncIterator[Sequence[_Board]]:
    """So many boards' feeds, open at the same time."""
    where = running.http.base_url
    headers = {"Host": f"{where.host}:{where.port}", "Accept": "text/event-stream", **rep}
    request = "\r\n".join(["GET /live HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()
    loop, left = asyncio.get_running_loop(), iter(range(count))
    boards: list[_Board] = []
    try:
        while some := list(islice(left, _AT_ONCE)):
            made = [await loop.create_connection(lambda: _Board(request), where.host, where.port or 80) for _ in some]
            boards += [board for _, board in made]
            async with asyncio.timeout(_PATIENCE):
                await asyncio.gather(*(board.opened for board in boards[-len(some) :]))
        yield boards
    finally:
        for board in boards:
            board.transport.close()


async def _change(running: Stack, lead: str, boards: Sequence[_Board]) -> list[float]:
    """Change a lead as the ledger does, and wait for it on every board; in milliseconds from the commit.

    Raises:
        TimeoutError: when a board does not hear of it.
    """
    async with running.database.connection() as connection:
        await connection.execute(_LOCK, {"key": CHANGE_LOCK})
        change: int = (await connection.execute(_TOUCH, {"lead": lead})).scalar_one()
        await connection.execute(_NOTIFY, {"channel": CHANNEL})
        for board in boards:
            board.expect(change)
        committing = perf_counter()
    async with asyncio.timeout(_PATIENCE):
        await asyncio.gather(*(board.done.wait() for board in boards))
    return [(board.arrived - committing) * 1000 for board in boards]


async def _weight(running: Stack, rep: Headers) -> list[Result]:
    """What the board's first page takes over the wire, with every style and script it loads, and what that is unpacked."""
    page = await running.http.get("/", params={"view": "all"}, headers=rep)
    page.raise_for_status()
    packed, plain = page.num_bytes_downloaded, len(page.content)
    waiting, seen = [found[0] for found in _ASSET.findall(page.text)], set[str]()
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        asset = await running.http.get(address)
        asset.raise_for_status()
        packed, plain = packed + asset.num_bytes_downloaded, plain + len(asset.content)
        waiting += [urljoin(address, found[1]) for found in _ASSET.findall(asset.text) if found[1]]
    return [Result("board_weight", packed / _KB, "kB", bar=150), Result("board_weight_unpacked", plain / _KB, "kB")]
