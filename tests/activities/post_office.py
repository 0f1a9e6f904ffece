"""A real SMTP server of the tests' own, which can refuse, put off and take its time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class PostOffice:
    """What came in, and how it is answered.

    Args:
        port: where it listens.
        letters: what was taken on, in order.
        at_recipient, at_data: its answers.
        senders: of the envelopes that were opened.
        connections: how many were made.
        before_answer: awaited once a message is there and before it is answered.
    """

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    at_recipient: str = "250 OK"
    at_data: str = "250 Message accepted"
    before_answer: Callable[[], Awaitable[object]] | None = None
    senders: list[str] = field(default_factory=list)
    protocols: list[SMTP] = field(default_factory=list)

    @property
    def connections(self) -> int:
        return len(self.protocols)

    def protocol(self) -> SMTP:
        """What serves one more connection."""
        self.protocols.append(SMTP(self, hostname="post.example"))
        return self.protocols[-1]

    def hang_up(self) -> None:
        """Break all connections."""
        for protocol in self.protocols:
            if isinstance(protocol.transport, asyncio.Transport):
                protocol.transport.abort()

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        self.senders.append(address)
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if self.at_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.at_recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        letter = message_from_bytes(content, policy=default)
        assert isinstance(letter, EmailMessage)
        if self.at_data.startswith("250"):
            self.letters.append(letter)
        if self.before_answer:
            await self.before_answer()
        return self.at_data


@asynccontextmanager
async def post_office() -> AsyncIterator[PostOffice]:
    office = PostOffice()
    server = await asyncio.get_running_loop().create_server(office.protocol, "127.0.0.1", 0)
    office.port = server.sockets[0].getsockname()[1]
    try:
        yield office
    finally:
        server.close()
        await server.wait_closed()
