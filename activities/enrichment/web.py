"""How sources are called, and what their failures mean: said once, for all of them."""

import json
import socket
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from activities.outward import Document, Inward, NoSuchHost, Outward, TooMuch, WrongKind

_MOST = 20_000_000
"""Bytes of an answer: the job board of a large company is some."""
_LONGEST_PAUSE = 24 * 3600.0
T = TypeVar("T")


class Kind(StrEnum):
    """What went wrong."""

    SLOW = "slow"
    BROKEN = "broken"
    AWAY = "away"
    LIMITED = "limited"
    SERVER = "server"
    REFUSED = "refused"
    CHANGED = "changed"


PASSING = frozenset({Kind.SLOW, Kind.BROKEN, Kind.AWAY, Kind.LIMITED, Kind.SERVER})
"""What passes by itself, so that it is worth asking again soon."""


class Trouble(Exception):  # noqa: N818 - an everyday one
    """A source could not tell. Its words name no person and no company.

    Args:
        kind: of trouble.
        after: seconds the source wants to be left alone.
    """

    def __init__(self, kind: Kind, after: float | None = None) -> None:
        super().__init__(kind.value)
        self.kind, self.after = kind, after


class Web:
    """The way to sources.

    Args:
        outward: for sites that strangers chose.
        agent: what we call ourselves.
        client: for services whose address the operator chose; the environment's proxies count.
    """

    def __init__(self, outward: Outward, agent: str, client: httpx.AsyncClient | None = None) -> None:
        self._outward = outward
        self._client = client or httpx.AsyncClient(timeout=10, follow_redirects=False, limits=httpx.Limits(max_connections=50))
        self._client.headers["User-Agent"] = agent

    async def get(
        self,
        url: str,
        shape: type[T],
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        method: str = "GET",
        limits: Collection[int] = (429, 503),
    ) -> T | None:
        """An answer in JSON.

        Args:
            url: whole.
            shape: what it must look like; more is ignored.
            params: of the query.
            headers: beside our own.
            auth: user and password.
            method: of HTTP.
            limits: statuses by which the source says that we ask too much.

        Returns:
            None when the source has nothing (404), or may not tell (451: the person does not want it to).

        Raises:
            Trouble: when it did not answer, or not so.
        """
        try:
            async with self._client.stream(method, url, params=params, headers=headers, auth=auth) as response:
                if response.status_code in (204, 404, 451):
                    return None
                _check(response, limits)
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > _MOST:
                        raise Trouble(Kind.CHANGED)
        except httpx.HTTPError as err:
            raise Trouble(_kind(err)) from None
        try:
            return TypeAdapter(shape).validate_python(json.loads(body))
        except (ValidationError, ValueError, RecursionError):
            raise Trouble(Kind.CHANGED) from None

    async def page(self, url: str) -> Document | None:
        """A page of a site that a stranger named.

        Returns:
            None when there is no such page or site, or it is not one that we read.

        Raises:
            Trouble: when it did not answer.
        """
        try:
            found = await self._outward.read(url)
        except (Inward, NoSuchHost, WrongKind, TooMuch, httpx.InvalidURL, httpx.TooManyRedirects):
            return None
        except TimeoutError:
            raise Trouble(Kind.SLOW) from None
        except httpx.HTTPError as err:
            raise Trouble(_kind(err)) from None
        if found.status in (429, 503) or found.status >= 500:
            raise Trouble(Kind.LIMITED if found.status in (429, 503) else Kind.SERVER, retry_after(found.headers))
        return found if found.status < 400 else None

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()
        await self._outward.close()


def _check(response: httpx.Response, limits: Collection[int]) -> None:
    status = response.status_code
    if status in limits:
        raise Trouble(Kind.LIMITED, retry_after(response.headers))
    if status >= 500 or status == 408:
        raise Trouble(Kind.SERVER, retry_after(response.headers))
    if status >= 300:
        raise Trouble(Kind.REFUSED)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds a `Retry-After` asks for, as a number or a date (RFC 9110, 10.2.3); None without one that can be read."""
    said = headers.get("retry-after", "").strip()
    if said.isdecimal() and said.isascii():
        return min(float(said), _LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_PAUSE)


def _kind(err: httpx.HTTPError) -> Kind:
    if isinstance(err, httpx.TimeoutException):
        return Kind.SLOW
    cause: BaseException | None = err
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return Kind.AWAY  # a service's name has an address, so it is the network that is gone
        cause = cause.__cause__ or cause.__context__
    return Kind.CHANGED if isinstance(err, httpx.DecodingError) else Kind.BROKEN
