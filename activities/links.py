"""The signed links in messages: unsubscribe, opened, clicked, and one nobody sees. Whoever follows one need not sign in."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Literal
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer, URLSafeTimedSerializer

from models.lifecycle import Channel
from models.settings import Settings

Purpose = Literal["u", "o", "c", "h"]
"""Unsubscribe, opened, clicked, hidden: the first part of the link's path. A token for one is none for another."""
VISIT = 600
"""Seconds for which a click names the visitor it leads to: long enough to load a page, too short to be passed on with its address."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says.

    Args:
        lead: to whom the message went.
        channel: on which channel.
        message: which message, a row of `messages`.
        target: where a click leads.
    """

    lead: UUID
    channel: Channel
    message: UUID
    target: str | None = None


class Links:
    """Makes the links and reads them back.

    Args:
        settings: the secret key and the public address.
    """

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.secret_key.get_secret_value()
        self._base = settings.public_url.rstrip("/")

    def unsubscribe(self, link: Link) -> str:
        """Where the person stops the channel, by hand or with one click of their mail program (RFC 8058)."""
        return f"{self._base}/u/{self.token('u', link)}"

    def opened(self, link: Link) -> str:
        """The picture that tells a message was opened."""
        return f"{self._base}/o/{self.token('o', link)}.gif"

    def clicked(self, link: Link) -> str:
        """The way to `link.target` that tells it was clicked."""
        return f"{self._base}/c/{self.token('c', link)}"

    def hidden(self, link: Link) -> str:
        """A link that no person sees: who follows it is a machine that follows them all."""
        return f"{self._base}/h/{self.token('h', link)}"

    def visit(self, link: Link) -> str:
        """What a click takes along to the site it leads to, so that the visitor there is known; good for ten minutes."""
        token = self._visits().dumps([link.lead.hex, link.message.hex])
        return token if isinstance(token, str) else token.decode()

    def visitor(self, token: str) -> tuple[UUID, UUID] | None:
        """The lead and the message that a token of `visit` names; None when it is none or too old."""
        try:
            lead, message = self._visits().loads(token, max_age=VISIT)
        except BadData:
            return None
        return UUID(lead), UUID(message)

    def token(self, purpose: Purpose, link: Link) -> str:
        """A link as a signed token, good for one purpose, without an end.

        Raises:
            ValueError: when no secret key is set.
        """
        parts = [link.lead.hex, link.channel.value, link.message.hex, *([link.target] if link.target else [])]
        token = self._serializer(purpose).dumps(parts)
        return token if isinstance(token, str) else token.decode()

    def read(self, purpose: Purpose, token: str) -> Link | None:
        """What a token says; None when it is not one of ours for this purpose.

        Raises:
            ValueError: when no secret key is set.
        """
        try:
            lead, channel, message, *target = self._serializer(purpose).loads(token)
        except BadData:
            return None
        return Link(UUID(lead), Channel(channel), UUID(message), target[0] if target else None)

    def _serializer(self, purpose: Purpose) -> URLSafeSerializer:
        return URLSafeSerializer(self._key(), salt=f"twoway.link.{purpose}", signer_kwargs={"digest_method": hashlib.sha256})

    def _visits(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._key(), salt="twoway.visit", signer_kwargs={"digest_method": hashlib.sha256})

    def _key(self) -> str:
        if not self._secret:
            raise ValueError("TWOWAY_SECRET_KEY is not set: without it anybody could sign links")
        return self._secret


_TOKEN = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{16})")


class MailToken:
    """A mail's name for itself, signed: it stands in its Message-ID and, with `mail_bounces`, in its return path (VERP).

    Servers may change the case of an address, so it is of digits and small letters and read in any case.

    Args:
        settings: the secret key, the sender, and the mailbox that bounces come to.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def of(self, message: UUID) -> str:
        """The token of a row of `messages`.

        Raises:
            ValueError: when no secret key is set.
        """
        return f"{message.hex}.{self._sign(message)}"

    def return_path(self, message: UUID) -> str:
        """The envelope's sender: an address of this mail's own where bounces have a mailbox, otherwise the sender's."""
        mailbox = self._settings.mail_bounces
        name, separator, domain = mailbox.rpartition("@")
        return f"{name}+{self.of(message)}@{domain}" if separator else parseaddr(self._settings.mail_from)[1]

    def find(self, text: str) -> UUID | None:
        """The message that is named anywhere in a text, such as an address or a Message-ID, with a signature of ours."""
        for name, signature in _TOKEN.findall(text.lower()):
            message = UUID(name)
            if hmac.compare_digest(signature, self._sign(message)):
                return message
        return None

    def _sign(self, message: UUID) -> str:
        secret = self._settings.secret_key.get_secret_value()
        if not secret:
            raise ValueError("TWOWAY_SECRET_KEY is not set: without it anybody could sign mails' names")
        return hmac.new(secret.encode(), f"twoway.mail.{message.hex}".encode(), hashlib.sha256).hexdigest()[:16]
