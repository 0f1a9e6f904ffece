"""What all providers have in common: what they are given, and what their answers mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, Self
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx

from activities.letters import Letter

_LONGEST_PAUSE = timedelta(hours=1)
_OURS = frozenset({401, 402, 403, 404, 405})
"""Answers that are about our account or our settings, and not about this message: it waits until they are mended."""
_LATER = frozenset({408, 409, 425, 429})
"""Answers after which it may be taken later; 409 is Lob's while an earlier request with the same key is at work."""
_REDIRECTS, _CLIENT_ERRORS, _SERVER_ERRORS = 300, 400, 500


class RefusedError(Exception):
    """The provider will never take this message.

    Attributes:
        why: a code without personal data.
        gone: it is the address that is at fault, so nothing more should be sent to it.
    """

    def __init__(self, why: str, *, gone: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.gone = gone


class AwayError(Exception):
    """The provider cannot take the message now; it may later. After a timeout it may even have taken this one.

    Attributes:
        why: a code without personal data.
        after: when to ask again, if it says so.
    """

    def __init__(self, why: str, after: timedelta | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.after = after


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """Where a letter or a postcard goes.

    Args:
        country: ISO 3166 code.
    """

    name: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str

    def __str__(self) -> str:
        """One line, as it is shown."""
        town = " ".join(part for part in (self.postal_code, self.city) if part)
        return ", ".join(part for part in (self.name, self.line1, self.line2, town, self.region, self.country) if part)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message on its way.

    Args:
        message: the row of `messages`.
        key: what makes it the same message when it is handed over again; 32 hexadecimal digits.
        recipient: an e-mail address or a phone number (E.164); the address in one line for a letter.
        letter: what it says.
        address: of a letter or a postcard.
    """

    message: UUID
    key: str
    recipient: str
    letter: Letter
    address: PostalAddress | None = None

    @classmethod
    def notice(cls, name: str, recipient: str, letter: Letter) -> Self:
        """What one of our own users is told: no row of `messages`, but the same name makes the same message."""
        message = uuid5(NAMESPACE_URL, f"twoway:{name}")
        return cls(message, message.hex, recipient, letter)


class Provider(Protocol):
    """A way out for messages of one channel."""

    @property
    def configured(self) -> bool:
        """Whether it may be used at all."""

    async def deliver(self, parcel: Parcel) -> str:
        """Hand a message over.

        Returns:
            The provider's name for it.

        Raises:
            RefusedError: it will never be taken.
            AwayError: it may be taken later.
        """

    async def close(self) -> None:
        """Give back what is held open."""


class Api:
    """A provider's HTTP API, spoken to over connections that are kept.

    Args:
        name: of the provider, the first part of every reason.
        url: where it is.
        account: user and password.
        seconds: that one message may take.
        gone: its codes for an address that is at fault.
    """

    def __init__(self, name: str, url: str, account: tuple[str, str], seconds: float, gone: frozenset[str]) -> None:
        self._name, self._url, self._gone = name, url.rstrip("/"), gone
        self._account, self._seconds = httpx.BasicAuth(*account), seconds
        self._client: httpx.AsyncClient | None = None

    async def create(self, path: str, called: str, **what: Any) -> str:
        """Have something made, by a POST.

        Args:
            path: within the API.
            called: the field of the answer that has the new thing's name.
            what: the rest of the request, as for `httpx.AsyncClient.post`.

        Returns:
            Its name.

        Raises:
            RefusedError: for an answer of the 400s that is about this message; `why` ends with the provider's own code.
            AwayError: it was slow, away, busy or broken, does not accept our account, or said something that is none of its answers.
        """
        if self._client is None:
            self._client = httpx.AsyncClient(auth=self._account, timeout=self._seconds)
        try:
            answer = await self._client.post(f"{self._url}{path}", **what)
        except httpx.TimeoutException:
            raise AwayError(f"{self._name}_timeout") from None
        except (httpx.HTTPError, OSError) as err:
            raise AwayError(f"{self._name}_{type(err).__name__}") from None
        name = self._said(answer).get(called)
        if not isinstance(name, str) or not name:
            raise AwayError(f"{self._name}_malformed")
        return name

    def _said(self, answer: httpx.Response) -> Mapping[str, Any]:
        """What it says when it says yes."""
        said, status = _document(answer), answer.status_code
        if status >= _SERVER_ERRORS or status in _LATER:
            raise AwayError(f"{self._name}_{status}", _retry_after(answer))
        if status in _OURS or _REDIRECTS <= status < _CLIENT_ERRORS:
            raise AwayError(f"{self._name}_{status}")
        if status >= _CLIENT_ERRORS:
            code = _code(said) or str(status)
            raise RefusedError(f"{self._name}_{code}", gone=code in self._gone)
        return said or {}

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _document(answer: httpx.Response) -> Mapping[str, Any] | None:
    try:
        found = answer.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _code(said: Mapping[str, Any] | None) -> str | None:
    """The provider's code of an error, where it is a code: free text may quote the person."""
    error = (said or {}).get("error")
    code = (error if isinstance(error, dict) else said or {}).get("code")
    text = str(code)
    return text if isinstance(code, str | int) and len(text) <= 60 and text.replace("_", "").isalnum() else None


def _retry_after(answer: httpx.Response) -> timedelta | None:
    """`Retry-After` in seconds; its other form, a date, is left to our own pause."""
    seconds = answer.headers.get("retry-after", "")
    return min(timedelta(seconds=int(seconds[:6])), _LONGEST_PAUSE) if seconds.isascii() and seconds.isdigit() else None
