"""Sending something to an address outside and learning whether it arrived: what webhooks and chats have in common."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpx

from activities.outward import Guard, Inward
from models.settings import Settings

_LONGEST_ANSWER = 64 << 10
_LONGEST_WAIT = 3600.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of it.

    Args:
        status: of HTTP; None when there was no answer.
        why: a code that says what went wrong; None when it arrived.
        wait: seconds the other side asked to be left alone.
        body: of the answer, up to 64 KiB.
    """

    status: int | None = None
    why: str | None = None
    wait: float | None = None
    body: bytes = b""

    @property
    def arrived(self) -> bool:
        """Whether the other side took it."""
        return self.why is None


class Poster:
    """Posts to addresses that customers chose. They cannot be turned inward, and redirects are not followed.

    Args:
        settings: how we introduce ourselves, and whether this machine may be reached.
        seconds: for one request, from the first byte to the last.
        connections: most requests at a time; one more waits, and its waiting counts as the other side's.
    """

    def __init__(self, settings: Settings, seconds: float, connections: int = 50) -> None:
        self._seconds = seconds
        transport = Guard(loopback=settings.outward_loopback, connections=connections)
        self._client = httpx.AsyncClient(
            transport=transport, headers={"User-Agent": settings.agent, "Accept-Encoding": "identity"}, timeout=seconds, trust_env=False
        )

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Reply:
        """Send something; whatever goes wrong is told in the reply."""
        return await self.send("POST", url, content, headers)

    async def send(self, method: str, url: str, content: bytes, headers: Mapping[str, str]) -> Reply:
        """Send a request of any method; whatever goes wrong is told in the reply."""
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client.stream(method, url, content=content, headers=headers) as answer,
            ):
                self._client.cookies.clear()
                body = b""
                async for piece in answer.aiter_raw():
                    body += piece
                    if len(body) >= _LONGEST_ANSWER:
                        break
        except Inward:
            return Reply(why="inward")
        except (TimeoutError, httpx.TimeoutException):
            return Reply(why="timeout")
        except httpx.ConnectError:
            return Reply(why="unreachable")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return Reply(why="broken")
        if answer.is_success:
            return Reply(answer.status_code, body=body[:_LONGEST_ANSWER])
        return Reply(answer.status_code, f"http_{answer.status_code}", _wait(answer.headers.get("retry-after")), body[:_LONGEST_ANSWER])

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        await self.close()


def _wait(said: str | None) -> float | None:
    """`Retry-After` (RFC 9110, section 10.2.3) in seconds, an hour at most; None when it is not there or makes no sense."""
    if said is None:
        return None
    try:
        seconds = float(said) if said.strip().isdigit() else (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT) if math.isfinite(seconds) else None
