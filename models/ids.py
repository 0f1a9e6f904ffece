"""Identifiers."""

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """A new UUID version 7 (RFC 9562, section 5.7): it sorts by the millisecond it was made in."""
    value = int.from_bytes(os.urandom(10))
    stamp = time.time_ns() // 1_000_000
    return UUID(int=stamp << 80 | 0x7 << 76 | (value >> 64 & 0xFFF) << 64 | 0b10 << 62 | value & (1 << 62) - 1)
