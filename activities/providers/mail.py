"""Handing an e-mail to the SMTP server over connections that are kept, and what its answers mean."""

import asyncio
import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr

import aiosmtplib

from activities.letters import Letter
from activities.links import MailToken
from activities.providers.common import AwayError, Parcel, RefusedError
from models.settings import Settings

_LONGEST_LINE = 998
"""RFC 5322, section 2.1.1. A shorter limit would make the standard library encode the long links in headers."""
_PERMANENT = 500
_LONGEST_IDLE, _MOST_MAILS = 20.0, 100
"""Seconds for which a connection may lie unused, and how many mails it takes: servers end those that stay longer."""
_NOBODY = re.compile(r"^5\.1\.(1|2|3|6|10)\b|^5\.2\.1\b")
"""Enhanced status codes (RFC 3463) that say of the address that it does not exist, or no more."""


class Mail:
    """The way out for e-mails.

    Args:
        settings: the server, its credentials, the sender, and how long one mail may take.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens = MailToken(settings)
        self._idle: list[tuple[aiosmtplib.SMTP, int, float]] = []
        """Open connections, the one used last at the end; with how many mails each took, and when it was used last."""
        self._places: asyncio.Semaphore | None = None

    @property
    def configured(self) -> bool:
        """Whether there is a server at all."""
        return bool(self._settings.smtp_host)

    async def deliver(self, parcel: Parcel) -> str:
        """Hand a message over; when this returns the server has taken it on.

        Returns:
            Its Message-ID. It carries the message's signed name, so that a bounce finds it; a repeat has the same one.

        Raises:
            RefusedError: it never will.
            AwayError: it may later. After a timeout or a broken connection it may even have taken this one.
        """
        s = self._settings
        token = self._tokens.of(parcel.message)
        domain = parseaddr(s.mail_from)[1].rpartition("@")[2] or "localhost"
        message_id = f"<{token}@{domain}>"
        content = _composed(s, _address(parcel.recipient), message_id, parcel.letter)
        self._places = self._places or asyncio.Semaphore(s.smtp_connections)
        try:
            async with asyncio.timeout(s.smtp_timeout), self._places:
                await self._hand_over(parcel.recipient, self._tokens.return_path(parcel.message), content)
        except aiosmtplib.SMTPRecipientsRefused as err:
            raise _meaning(err.recipients[0]) from None
        except aiosmtplib.SMTPDataError as err:
            raise _meaning(err) from None
        except aiosmtplib.SMTPResponseException as err:  # to our name, sender or password: it says nothing about this message
            raise AwayError(f"smtp_{err.code}") from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as err:
            raise AwayError(type(err).__name__) from None
        return message_id

    async def close(self) -> None:
        """End all connections."""
        idle, self._idle = self._idle, []
        for client, _, _ in idle:
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await client.quit(timeout=1)
            client.close()

    async def _hand_over(self, recipient: str, sender: str, content: bytes) -> None:
        client, taken = await self._connection()
        kept = False
        try:
            await client.sendmail(sender, [recipient], content, mail_options=[] if recipient.isascii() else ["SMTPUTF8"])
            kept = True
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPDataError):
            kept = True  # a clean no leaves the connection as good as it was
            raise
        finally:
            if kept and client.is_connected and taken + 1 < _MOST_MAILS:
                self._idle.append((client, taken + 1, time.monotonic()))
            else:
                client.close()

    async def _connection(self) -> tuple[aiosmtplib.SMTP, int]:
        """One that is open and listens: a kept one is asked first (RSET), because mail handed to a dead one may or may not have left."""
        while self._idle:
            client, taken, since = self._idle.pop()
            try:
                if time.monotonic() - since < _LONGEST_IDLE and client.is_connected:
                    await client.rset()
                    return client, taken
            except (aiosmtplib.SMTPException, OSError):
                pass
            except BaseException:
                client.close()
                raise
            client.close()
        s = self._settings
        client = aiosmtplib.SMTP(
            hostname=s.smtp_host,
            port=s.smtp_port,
            username=s.smtp_user or None,
            password=s.smtp_password.get_secret_value() or None,
            use_tls=s.smtp_tls == "tls",
            start_tls=s.smtp_tls == "starttls",
            timeout=s.smtp_timeout,
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return client, 0


def _meaning(answer: aiosmtplib.SMTPResponseException) -> RefusedError | AwayError:
    why = f"smtp_{answer.code}"
    if answer.code < _PERMANENT:
        return AwayError(why)
    return RefusedError(why, gone=bool(_NOBODY.match(answer.message or "")))


def _address(text: str) -> Address:
    try:
        address = Address(addr_spec=text)
    except (ValueError, IndexError, MessageError):  # whatever the standard library's parser stumbles over
        raise RefusedError("no_address") from None
    return address


def _composed(settings: Settings, recipient: Address, message_id: str, letter: Letter) -> bytes:
    message = EmailMessage(policy=(SMTP if recipient.addr_spec.isascii() else SMTPUTF8).clone(max_line_length=_LONGEST_LINE))
    message["From"] = settings.mail_from
    message["To"] = recipient
    if settings.mail_reply_to:
        message["Reply-To"] = settings.mail_reply_to
    message["Subject"] = letter.subject or ""
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: answering machines leave it alone
    if letter.unsubscribe:
        message["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.plain, cte="quoted-printable")
    if letter.html:
        message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return message.as_bytes()
