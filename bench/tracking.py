"""How many beacons of websites' visitors a second the public door takes in."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from itertools import count
from urllib.parse import urlsplit
from uuid import uuid4

from bench.measure import Call, Result, p50, p99, paced
from bench.stack import stack

_SENDERS = 128
"""Browsers that wait for their answer at the same time: each waits for the next time that beacons are stored."""
_HEAD = "POST /t HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nOrigin: https://www.example.com\r\nContent-Type: text/plain\r\n"
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


async def run(*, quick: bool) -> list[Result]:
    """Beacons of one page view each, from many visitors. A 204 says that it is stored.

    Sent over plain sockets: a full client with that many connections takes longer for a request than the door does.
    """
    rounds, calls = (1, 200) if quick else (5, 4000)
    visitors, numbers, rates, slowest = [uuid4().hex for _ in range(500)], count(), [], []
    async with stack() as running, AsyncExitStack() as opened:
        where = urlsplit(str(running.http.base_url))
        browsers: list[_Browser] = []
        for _ in range(_SENDERS):
            browsers.append(_Browser(*await asyncio.open_connection(where.hostname, where.port), where.netloc))
            opened.callback(browsers[-1].writer.close)
        for number in range(rounds + 1):
            pace = await paced([_sending(browsers, visitors[next(numbers) % len(visitors)]) for _ in range(calls)], _SENDERS)
            if number:  # the first round warms up
                rates.append(pace.rate)
                slowest.append(p99(pace.latencies))
    return [Result("tracking_rate", p50(rates), "beacons/s", "higher", bar=1000), Result("tracking_p99", p50(slowest), "ms")]


class _Browser:
    """A connection that is kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self.reader, self.writer = reader, writer
        self._head = _HEAD.format(host=host, agent=_AGENT)

    async def send(self, body: bytes) -> None:
        """Send a beacon and wait for its answer.

        Raises:
            RuntimeError: when that is not a 204.
        """
        self.writer.write(f"{self._head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        if b" 204 " not in answer.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"a beacon was answered {answer!r}")


def _sending(browsers: list[_Browser], visitor: str) -> Call:
    async def send() -> None:
        now = time.time() * 1000
        properties = {"path": "/guide", "title": "A guide", "seconds": 31.5, "depth": 0.8, "device": "desktop", "hour": 9, "sequence": 2}
        event = {"id": uuid4().hex, "kind": "page_view", "at": now, "properties": properties}
        browser = browsers.pop()
        await browser.send(json.dumps({"anonymous_id": visitor, "sent_at": now, "events": [event]}).encode())
        browsers.append(browser)

    return send
