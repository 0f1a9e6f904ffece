"""Addresses that nothing is sent to any more: they bounced for good, complained, answered STOP, or their person was erased.

An address is kept as a hash. It is not keyed with the secret key, because a list that a new key empties would let mails go out
again to people who must not get any.
"""

from hashlib import sha256

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.lifecycle import Channel
from models.schemas.fields import address_key

_ADD = text("INSERT INTO suppressions (channel, address, why, at) VALUES (:channel, :address, :why, now()) ON CONFLICT DO NOTHING")
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


async def suppress(connection: AsyncConnection, channel: Channel, address: str, why: str) -> None:
    """Send nothing more to an address. The first reason stays."""
    await connection.execute(_ADD, {"channel": channel.value, "address": hashed(channel, address), "why": why})


async def suppressed(connection: AsyncConnection, channel: Channel, *addresses: str | None) -> str | None:
    """Why nothing may be sent to any of these addresses; None when it may."""
    known = [hashed(channel, address) for address in addresses if address]
    if not known:
        return None
    why: str | None = (await connection.execute(_FOUND, {"channel": channel.value, "addresses": known})).scalar_one_or_none()
    return why
