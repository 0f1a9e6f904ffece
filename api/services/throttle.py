"""How often a password may be tried. Counted in PostgreSQL, so that restarts and several processes make no difference."""

from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from sqlalchemy import text

from activities.database import Database
from api.errors import Problem
from models.locks import THROTTLE_LOCK

WINDOW = 900
"""Seconds for which a failure counts."""
PER_ACCOUNT = 10
"""Failures on one account within the window; the next try is refused."""
PER_ADDRESS = 30
"""Failures from one address, whatever the account: many people may share one."""
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_WAIT = text(
    f"""
    SELECT extract(epoch FROM max(at) + interval '{WINDOW} seconds' - now()) FROM (
        (SELECT at FROM sign_in_attempts WHERE account = :account AND at > now() - interval '{WINDOW} seconds'
            ORDER BY at DESC OFFSET {PER_ACCOUNT - 1} LIMIT 1)
        UNION ALL
        (SELECT at FROM sign_in_attempts WHERE address = :address AND at > now() - interval '{WINDOW} seconds'
            ORDER BY at DESC OFFSET {PER_ADDRESS - 1} LIMIT 1)
    ) AS decisive"""  # noqa: S608 - numbers of our own
)
_NOTE = text("INSERT INTO sign_in_attempts (account, address) VALUES (:account, :address)")
_CLEAR = text("DELETE FROM sign_in_attempts WHERE account = :account")
_PRUNE = text(f"DELETE FROM sign_in_attempts WHERE at <= now() - interval '{WINDOW} seconds'")  # noqa: S608


class TooManyTries(Problem):
    """Too many wrong passwords, on this account or from this address.

    Args:
        wait: seconds until the next try.
    """

    def __init__(self, wait: int) -> None:
        minutes = ceil(wait / 60)
        detail = f"Try again in {minutes} minute{'' if minutes == 1 else 's'}, or ask an admin for a sign-in link."
        super().__init__(429, "too-many-tries", "Too many wrong passwords.", detail, {"Retry-After": str(wait)})


async def admit(database: Database, email: str, address: str) -> None:
    """Let one more password be tried, and count it as a failure until `clear` says otherwise.

    Counting first means that many guesses at the same moment are still counted one by one.

    Args:
        database: where failures are counted.
        email: what was typed.
        address: where from.

    Raises:
        TooManyTries: when there were too many; a refused try does not count.
    """
    who = {"account": _account(email), "address": _address(address)}
    async with database.connection() as connection:
        await connection.execute(_LOCK, {"key": THROTTLE_LOCK})
        wait = (await connection.execute(_WAIT, who)).scalar_one()
        if wait is not None:
            raise TooManyTries(max(1, ceil(wait)))
        await connection.execute(_NOTE, who)


async def clear(database: Database, email: str) -> None:
    """Forget an account's failures: somebody knew the password."""
    async with database.connection() as connection:
        await connection.execute(_CLEAR, {"account": _account(email)})


async def prune(database: Database) -> None:
    """Forget failures that no longer count.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.connection() as connection:
        await connection.execute(_PRUNE)


def _account(email: str) -> str:
    return sha256(email.encode("utf-8", "surrogatepass")).hexdigest()


def _address(address: str) -> str:
    """An address, unreadable. Whoever has one of IPv6 has 2^64 of them, so these count as one."""
    try:
        found = ip_address(address)
    except ValueError:
        plain = address
    else:
        plain = str(ip_network((found, 64), strict=False)) if isinstance(found, IPv6Address) and not found.ipv4_mapped else str(found)
    return sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
