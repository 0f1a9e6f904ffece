"""Signing in by the company's own provider: what the rest of the program knows of it.

How it is spoken to is in `api.services.oidc`, which is loaded only where the settings name a provider: it takes a moment.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from starlette.requests import Request

from activities.database import Database
from models.settings import Settings

PATH = "/login/provider"
"""Where signing in by a provider begins; it comes back to `PATH/back`."""
COOKIE = "twoway_provider"
"""The name of the cookie that a browser takes along."""
LASTS = 600
"""Seconds somebody may take at the provider."""


class ProviderAway(Exception):  # noqa: N818 - said as it is read
    """The provider does not answer, or answers what makes no sense."""


class NotLetIn(Exception):  # noqa: N818 - said as it is read
    """Nobody is signed in.

    Args:
        sentence: why, for the person.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Leaving:
    """How a browser sets out for the provider.

    Args:
        url: where it goes.
        cookie: what it has to bring back.
    """

    url: str
    cookie: str


class Provider(Protocol):
    """Somebody who knows who people are."""

    @property
    def name(self) -> str:
        """What people call it."""

    async def leave(self, request: Request, onward: str) -> Leaving:
        """Set out for the provider.

        Args:
            request: the browser's.
            onward: a path of ours to go to once signed in.

        Raises:
            ProviderAway: when the provider does not answer.
        """

    async def come_back(self, request: Request, database: Database) -> tuple[UUID, str]:
        """See who came back.

        Returns:
            The user, and where they wanted to go.

        Raises:
            NotLetIn: when they are nobody we know, or something does not fit together.
            ProviderAway: when the provider does not answer.
        """


def configured(settings: Settings) -> Provider | None:
    """The provider that the settings name; None when they name none.

    Raises:
        ValueError: when they name half of one.
    """
    if not settings.oidc_issuer:
        return None
    needed = {
        "TWOWAY_OIDC_CLIENT_ID": settings.oidc_client_id,
        "TWOWAY_OIDC_CLIENT_SECRET": settings.oidc_client_secret.get_secret_value(),
        "TWOWAY_SECRET_KEY": settings.secret_key.get_secret_value(),
    }
    if missing := [name for name, value in needed.items() if not value]:
        raise ValueError(f"TWOWAY_OIDC_ISSUER is set, so {' and '.join(missing)} must be set as well")
    from api.services.oidc import OpenIdProvider  # noqa: PLC0415 - only who has a provider waits for Authlib to load

    return OpenIdProvider(settings)
