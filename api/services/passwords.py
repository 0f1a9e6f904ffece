"""Passwords: made unreadable by argon2, and compared in threads of their own, since each comparison takes 50 ms and 64 MiB."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from unicodedata import normalize

from pwdlib import PasswordHash

SHORTEST = 12
LONGEST = 1000
"""Characters of a password that may be chosen."""
_HASH = PasswordHash.recommended()
_THREADS = ThreadPoolExecutor(2, "passwords")  # no more at once, so that a flood of guesses takes neither all memory nor every core


def objection(password: str, *, email: str, name: str) -> str | None:
    """What speaks against a new password, as a sentence; None when nothing does.

    Args:
        password: what was chosen.
        email: of the user, which is the first thing somebody else would try.
        name: of the user, too.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        return f"Use {SHORTEST} to {LONGEST} characters. A few words in a row are easy to remember."
    if password.strip().casefold() in {email.casefold(), name.casefold()}:
        return "Use something else than your name or e-mail address."
    if len(set(password)) < SHORTEST // 3:
        return "Use more different characters."
    return None


async def hashed(password: str) -> str:
    """What of a password is stored."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _HASH.hash, _written(password))


async def matches(password: str, stored: str | None) -> tuple[bool, str | None]:
    """Whether a password is the one that was stored.

    Without a stored one it takes as long, so that the time tells nobody which accounts exist.

    Returns:
        Whether it is, and what to store from now on where today's parameters are stronger than those it was stored with.
    """
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _compared, password, stored)


def _compared(password: str, stored: str | None) -> tuple[bool, str | None]:
    right, fresh = _HASH.verify_and_update(_written(password), stored or _nobodys())
    return (right, fresh) if stored else (False, None)


@lru_cache
def _nobodys() -> str:
    return _HASH.hash("nobody's")


def _written(password: str) -> bytes:
    """A password as bytes, the same whichever way a keyboard composes its letters."""
    return normalize("NFKC", password).encode("utf-8", "surrogatepass")
