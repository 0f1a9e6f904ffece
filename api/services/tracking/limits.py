"""How much one visitor and one address may send. Kept in memory, and in a bounded part of it."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network
from time import monotonic

from prometheus_client import Counter

from api.errors import Problem

EVENTS = Counter("twoway_tracking_events_total", "Events of websites' visitors, by what became of them.", ["outcome"])
"""Outcomes: `accepted`, `duplicate`, `future`, `too_old`, `malformed`, `forged` (names a lead), `reserved` (a kind that is not for
visitors to send), `foreign` (from a site that is not ours), `throttled`, `overflow` (the queue was full)."""
_MOST = 20_000
"""Visitors, and addresses, remembered at most; the one that was quiet for longest is forgotten first."""
_MINUTE = 60.0


class TooMany(Problem):
    """A visitor or an address sends more than people do.

    Args:
        wait: seconds until more is taken.
    """

    def __init__(self, wait: int) -> None:
        super().__init__(429, "too-many-events", "Too many events.", "Send fewer at a time.", {"Retry-After": str(wait)})


class Buckets:
    """Token buckets, one a key: so many in a minute, all at once if need be.

    Args:
        a_minute: how many.
        most: keys remembered.
    """

    def __init__(self, a_minute: int, most: int = _MOST) -> None:
        self._a_minute, self._most = a_minute, most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._left)

    def take(self, key: str, cost: int, now: float | None = None) -> bool:
        """Whether so many more are all right; they count if they are.

        Args:
            key: whose.
            cost: how many.
            now: seconds on a clock that never goes back.
        """
        at = monotonic() if now is None else now
        left, since = self._left.pop(key, (float(self._a_minute), at))
        left = min(float(self._a_minute), left + (at - since) * self._a_minute / _MINUTE)
        allowed = cost <= left
        self._left[key] = (left - cost if allowed else left, at)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return allowed


def network_of(address: str) -> str:
    """An address as it counts: whoever has one of IPv6 has 2^64 of them, so these are one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and not found.ipv4_mapped:
        return str(ip_network((found, 64), strict=False))
    return str(found)
