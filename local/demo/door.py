"""The demo's way to Twoway: its own API, as any client would use it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

_REFUSED = frozenset({httpx.codes.CONFLICT, httpx.codes.NOT_FOUND})
"""Part of the play: somebody was faster, the time ran out, the lead is gone."""


class Door:
    """Twoway as one person sees it.

    Args:
        url: where the API is.
        token: whose.
    """

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    async def __aenter__(self) -> Self:
        """Open."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        await self._http.aclose()

    async def look(self, path: str, **query: Any) -> Any:
        """What is at an address.

        Raises:
            httpx.HTTPError: when Twoway does not answer, or not as it should.
        """
        answer = await self._http.get(path, params=query)
        return answer.raise_for_status().json()

    async def do(self, path: str, body: Mapping[str, Any], method: str = "POST") -> Any:
        """Do something.

        Returns:
            The answer; None when it was refused, as happens among people who work on the same leads.

        Raises:
            httpx.HTTPError: when Twoway does not answer, or not as it should.
        """
        answer = await self._http.request(method, path, json=dict(body))
        if answer.status_code in _REFUSED:
            return None
        return answer.raise_for_status().json()
