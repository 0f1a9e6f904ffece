"""One exchange with a CRM over HTTP: bounded in time and size, and failures in our words."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from activities.crm.protocol import CrmError, Trouble

_LARGEST = 16 << 20
_LONGEST_WAIT = timedelta(hours=1)
_ERROR = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """What a CRM answered.

    Args:
        status: of HTTP.
        body: as JSON; None when there is none, or a failure's is no JSON.
        headers: its headers.
    """

    status: int
    body: Any
    headers: httpx.Headers

    @property
    def ok(self) -> bool:
        """It did what it was asked."""
        return self.status < _ERROR


class Wire:
    """Speaks HTTP with one CRM. Redirects are not followed: no API of theirs needs one, and the token must not leave for elsewhere.

    Args:
        base: address of the API.
        seconds: that one exchange may take, all of it.
    """

    def __init__(self, base: str, seconds: float) -> None:
        self.base, self._seconds = base.rstrip("/"), seconds
        self._client = httpx.AsyncClient(timeout=seconds, headers={"Accept": "application/json"}, follow_redirects=False)

    async def ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **what: Any) -> Answer:
        """Ask for something.

        Args:
            method: of HTTP.
            path: within the API, or a whole address.
            headers: to send.
            what: `json`, `params` or `data`, as httpx has them.

        Raises:
            CrmError: `away`, `limited`, or `malformed` for an answer that is too large or no JSON.
        """
        address = path if path.startswith("http") else f"{self.base}{path}"
        try:
            async with asyncio.timeout(self._seconds), self._client.stream(method, address, headers=headers, **what) as response:
                content = bytearray()
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > _LARGEST:
                        raise CrmError(Trouble.MALFORMED)
        except (httpx.TransportError, httpx.DecodingError, TimeoutError):
            raise CrmError(Trouble.AWAY) from None
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise CrmError(Trouble.LIMITED, wait_of(response.headers))
        if response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise CrmError(Trouble.AWAY, wait_of(response.headers) if "retry-after" in response.headers else None)
        return Answer(response.status_code, _parsed(bytes(content), response.status_code), response.headers)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()


def _parsed(content: bytes, status: int) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        if status >= _ERROR:
            return None
        raise CrmError(Trouble.MALFORMED) from None


def wait_of(headers: httpx.Headers) -> timedelta:
    """How long a CRM wants us to wait: `Retry-After` in seconds or as a date, HubSpot's own headers, else ten seconds; an hour at most."""
    stated = headers.get("retry-after", "").strip()
    wait = timedelta(seconds=10)
    if stated.isdigit():
        wait = timedelta(seconds=int(stated)) if len(stated) < 10 else _LONGEST_WAIT
    elif stated:
        with suppress(ValueError, TypeError):
            wait = max(timedelta(), parsedate_to_datetime(stated) - datetime.now(UTC))
    elif headers.get("x-hubspot-ratelimit-daily-remaining") == "0":
        wait = _LONGEST_WAIT
    elif (span := headers.get("x-hubspot-ratelimit-interval-milliseconds", "")).isdigit():
        wait = timedelta(milliseconds=int(span[:9]))
    return min(wait, _LONGEST_WAIT)


@contextmanager
def reading() -> Iterator[None]:
    """Take an answer apart. What is not where it should be means that the API is another than the one we know.

    Raises:
        CrmError: `malformed`.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise CrmError(Trouble.MALFORMED) from None
