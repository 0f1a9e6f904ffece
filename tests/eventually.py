"""Waiting for something that other processes bring about."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T]], good: Callable[[T], bool], seconds: float = 45.0) -> T:
    """What `look` finds, once it is good.

    It waits longer than the 30 seconds after which an activity whose worker took it and was not heard of again is given out anew.

    Raises:
        AssertionError: when it is not within that time; it says what was there last.
    """
    until = time.monotonic() + seconds
    while True:
        found = await look()
        if good(found):
            return found
        assert time.monotonic() < until, f"not within {seconds} s; last: {found!r}"
        await asyncio.sleep(0.05)
