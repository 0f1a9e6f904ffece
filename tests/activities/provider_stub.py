"""A provider's API on this machine: answers what it is told to, and remembers what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: str


@dataclass
class ProviderStub:
    """What it answers, and what it was asked.

    Args:
        status, said, headers: the answer; `said` is JSON unless it is text.
        hangs: it takes the request and never answers.
    """

    url: str = ""
    status: int = 201
    said: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    asked: list[Asked] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *fields = head.decode().strip().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in fields)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.asked.append(Asked(line.split()[1], headers, body.decode()))
                if self.hangs:
                    await reader.read()  # until whoever asked gives up
                    return
                content = self.said.encode() if isinstance(self.said, str) else json.dumps(self.said).encode()
                more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
                writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(content)}\r\n{more}\r\n".encode() + content)
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def provider_stub() -> AsyncIterator[ProviderStub]:
    stub = ProviderStub()
    server = await asyncio.start_server(stub.serve, "127.0.0.1", 0)
    stub.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stub
    finally:
        server.close()
