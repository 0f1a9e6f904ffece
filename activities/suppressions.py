"""Addresses that nothing is sent to any more: they bounced for good, complained, answered STOP, or their person was erased.

An address is kept as a hash. It is not keyed with the secret key, because a list that a new key empties would let mails go out
again to people who must not get any.
"""

from hashlib import sha256
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.lifecycle import Channel
from models.schemas.fields import address_key
from models.schemas.suppressions import OWN_WISH

WISHES = ", ".join(f"'{reason.value}'" for reason in sorted(OWN_WISH))
"""What a person wanted themselves, as SQL lists it."""
_STRONGER = f"suppressions.why NOT IN ({WISHES}) AND excluded.why IN ({WISHES})"
_ADD = text(
    f"""
    INSERT INTO suppressions (channel, address, why, at, by_id, note) VALUES (:channel, :address, :why, now(), :by, :note)
    ON CONFLICT (channel, address) DO UPDATE SET why = excluded.why, at = excluded.at, by_id = excluded.by_id, note = excluded.note
    WHERE {_STRONGER}"""  # noqa: S608 - constants of ours
)
_FOUND = text("SELECT why FROM suppressions WHERE channel = :channel AND address = ANY(:addresses) ORDER BY at LIMIT 1")


def hashed(channel: Channel, address: str) -> str:
    """An address as the list has it: SHA-256 of `twoway:` and the address in its normal form, in hexadecimal.

    Args:
        channel: on which something would be sent to it.
        address: an e-mail address in any spelling, also of a person who gets no letters any more; a phone number, of which the digits
            count; a postal address, of which letters and digits count.
    """
    return sha256(f"twoway:{_plain(channel, address)}".encode()).hexdigest()


def _plain(channel: Channel, address: str) -> str:
    if "@" not in address:
        return "".join(c for c in address.casefold() if (c.isalnum() if channel is Channel.POST else c in "0123456789"))
    try:
        return address_key(address)
    except ValueError:
        return address.strip().lower()


async def suppress(
    connection: AsyncConnection, channel: Channel, address: str, why: str, *, by: UUID | None = None, note: str | None = None
) -> bool:
    """Send nothing more to an address. The first reason stays, unless this one is the person's own wish and that one was not.

    Args:
        connection: in whose transaction it happens.
        channel: on which nothing is sent.
        address: an e-mail address in any spelling, or a phone number.
        why: a `SuppressionReason`.
        by: the user who says so, if one does.
        note: what they remark about it.

    Returns:
        Whether the list is different now.
    """
    row = {"channel": channel.value, "address": hashed(channel, address), "why": why, "by": by, "note": note}
    return (await connection.execute(_ADD, row)).rowcount > 0


async def suppressed(connection: AsyncConnection, channel: Channel, *addresses: str | None) -> str | None:
    """Why nothing may be sent to any of these addresses; None when it may."""
    known = [hashed(channel, address) for address in addresses if address]
    if not known:
        return None
    why: str | None = (await connection.execute(_FOUND, {"channel": channel.value, "addresses": known})).scalar_one_or_none()
    return why
