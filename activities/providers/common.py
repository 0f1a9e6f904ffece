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
    """Where a letter goes.

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
        address: of a letter.
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


async def post(client: httpx.AsyncClient, name: str, url: str, **what: Any) -> Mapping[str, Any]:
    """A POST to a provider's API, and what it answers when it says yes.

    Args:
        client: with its time-outs.
        name: of the provider, the first part of every reason.
        url: where to.
        what: the rest of the request, as for `httpx.AsyncClient.post`.

    Raises:
        RefusedError: for an answer of the 400s that is about this message; `why` ends with the provider's own code.
        AwayError: it was slow, away, busy or broken, does not accept our account, or said something that is none of its answers.
    """
    try:
        answer = await client.post(url, **what)
    except httpx.TimeoutException:
        raise AwayError(f"{name}_timeout") from None
    except (httpx.HTTPError, OSError) as err:
        raise AwayError(f"{name}_{type(err).__name__}") from None
    said = _document(answer)
    status = answer.status_code
    if status >= _SERVER_ERRORS or status in _LATER:
        raise AwayError(f"{name}_{status}", _retry_after(answer))
    if status in _OURS or _REDIRECTS <= status < _CLIENT_ERRORS:
        raise AwayError(f"{name}_{status}")
    if status >= _CLIENT_ERRORS:
        raise RefusedError(f"{name}_{_code(said) or status}")
    if said is None:
        raise AwayError(f"{name}_malformed")
    return said


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
