"""What providers say about messages after they left: kept once each, and what follows from it.

A hard bounce, or a letter that came back, puts the address on the list of those that nothing is sent to, a complaint does so and
is an unsubscribe, too. A soft bounce only counts: a lead of which the last few messages all came back is written to no more.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.links import Link
from activities.suppressions import suppress
from api.services import engagements, links
from api.services.engine import Engine
from api.services.mail_parsing import ReportKind
from models.lifecycle import Channel
from models.schemas.engagements import Batch

MOST_SOFT = 5
"""Soft bounces in a row after which an address counts as dead."""

_MESSAGE = text("SELECT id, lead_id, channel, recipient FROM messages WHERE id = :message FOR NO KEY UPDATE")
_KEEP = text(
    """
    INSERT INTO delivery_reports (message_id, kind, code, at) VALUES (:message, :kind, :code, now())
    ON CONFLICT (message_id, kind) DO NOTHING RETURNING true"""
)
_DELIVERED = text("UPDATE messages SET delivered_at = coalesce(delivered_at, now()) WHERE id = :message AND state <> 'bounced'")
_BOUNCED = text(
    """
    UPDATE messages SET state = 'bounced', why = :why, delivered_at = NULL WHERE id = :message AND state IN ('sent', 'sending')"""
)
_LAST = text(
    """
    SELECT count(*) = :most AND bool_and(soft) FROM (
        SELECT EXISTS (SELECT FROM delivery_reports r WHERE r.message_id = m.id AND r.kind = 'soft_bounce') AS soft FROM messages m
        WHERE m.lead_id = :lead AND m.channel = :channel AND m.sent_at IS NOT NULL ORDER BY m.sent_at DESC LIMIT :most) latest"""
)
_TEXTED = text(
    """
    SELECT DISTINCT ON (lead_id) lead_id, id FROM messages WHERE channel = 'sms' AND recipient = :number
    ORDER BY lead_id, decided_at DESC"""
)


async def take(database: Database, engine: Engine, message: UUID, kind: ReportKind, code: str | None = None, *, gone: bool = True) -> bool:
    """Keep a report about a message, and do what follows. A report that is known already changes nothing.

    Args:
        database: where messages are.
        engine: told of an unsubscribe.
        message: which.
        kind: what is said.
        code: why, without personal data.
        gone: a bounce is the address's fault, so nothing more is sent to it.

    Returns:
        Whether there is such a message.
    """
    async with database.connection() as connection:
        row = (await connection.execute(_MESSAGE, {"message": message})).one_or_none()
        if row is None:
            return False
        new = (await connection.execute(_KEEP, {"message": message, "kind": kind.value, "code": code})).scalar_one_or_none()
        if new:
            await _follow(connection, row, kind, code, gone=gone)
    if kind is ReportKind.COMPLAINT:  # again when it is reported again: what this stands on may have been cut off after the lines above
        await links.stopped(database, engine, Link(row.lead_id, Channel(row.channel), message), "complaint")
    return True


async def _follow(connection: AsyncConnection, message: Any, kind: ReportKind, code: str | None, *, gone: bool) -> None:
    channel, address = Channel(message.channel), message.recipient
    if kind is ReportKind.DELIVERED:
        await connection.execute(_DELIVERED, {"message": message.id})
        return
    if kind is ReportKind.BOUNCE:
        await connection.execute(_BOUNCED, {"message": message.id, "why": code})
    over = kind is not ReportKind.SOFT_BOUNCE and gone
    if kind is ReportKind.SOFT_BOUNCE:
        what = {"lead": message.lead_id, "channel": channel.value, "most": MOST_SOFT}
        over = bool((await connection.execute(_LAST, what)).scalar_one())
    if over and address:
        await suppress(connection, channel, address, kind.value)


async def suppress_address(database: Database, address: str, why: str) -> None:
    """Send no mail to an address any more, whoever's it is."""
    async with database.connection() as connection:
        await suppress(connection, Channel.EMAIL, address, why)


async def texted_back(database: Database, engine: Engine, number: str, reply: UUID | str, *, stop: bool) -> int:
    """Somebody answered a text message. Whoever answers STOP gets no more, under any lead that has this number.

    Args:
        database: where messages are.
        engine: told of what the leads did.
        number: whose, by E.164.
        reply: the provider's name for the answer, by which a repeat is recognised.
        stop: they want no more; otherwise it is a reply.

    Returns:
        How many leads were written to at this number.
    """
    async with database.connection() as connection:
        leads = (await connection.execute(_TEXTED, {"number": number})).all()
        if stop:
            await suppress(connection, Channel.SMS, number, "stop")
    if leads:
        events = list(_events(((row.lead_id, row.id) for row in leads), reply, stop=stop))
        await engagements.take(database, engine, Batch(events=events))
    return len(leads)


def _events(leads: Iterable[tuple[UUID, UUID]], reply: UUID | str, *, stop: bool) -> Iterable[dict[str, Any]]:
    at = datetime.now(UTC).isoformat()
    for lead, message in leads:
        what = {"channel": Channel.SMS.value, "how": "reply"} if stop else {"message": str(message), "channel": Channel.SMS.value}
        kind = "unsubscribe" if stop else "reply"
        yield {"id": f"sms-{reply}-{lead.hex[-12:]}", "kind": kind, "at": at, "lead_id": str(lead), "properties": what}
