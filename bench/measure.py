"""How things are measured, and what a measurement is."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Literal

Call = Callable[[], Awaitable[object]]
"""One thing to be done and timed. Raises when it fails: a failure is no measurement."""


@dataclass(frozen=True, slots=True)
class Result:
    """A number that was measured.

    Args:
        name: of the number, unique and stable.
        value: the number.
        unit: what it counts.
        better: whether less or more of it is good.
        bar: the most, or the least, it may be; None for a number that only informs.
    """

    name: str
    value: float
    unit: str
    better: Literal["lower", "higher"] = "lower"
    bar: float | None = None

    @property
    def missed(self) -> bool:
        """Whether there is a bar, and the number is on the wrong side of it."""
        if self.bar is None:
            return False
        return self.value > self.bar if self.better == "lower" else self.value < self.bar

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a number of calls went.

    Args:
        latencies: of each, in milliseconds.
        seconds: for all of them together.
    """

    latencies: Sequence[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.latencies) / self.seconds


async def paced(calls: Iterable[Call], concurrency: int) -> Pace:
    """Make calls, so many at a time, and time each.

    Raises:
        ExceptionGroup: when one of them fails.
    """
    left = iter(calls)
    latencies: list[float] = []

    async def work() -> None:
        for call in left:
            begun = perf_counter()
            await call()
            latencies.append((perf_counter() - begun) * 1000)

    begun = perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    return Pace(latencies, perf_counter() - begun)


def rounds(most: int, seconds: float) -> Iterator[int]:
    """Count rounds: 0, which is to warm everything up, and then up to `most`, as long as time is left.

    Args:
        most: the number of rounds that count.
        seconds: after which no further one begins, unless it is the first that counts.
    """
    until = perf_counter() + seconds
    for number in range(most + 1):
        if number > 1 and perf_counter() > until:
            return
        yield number


def p50(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def p99(values: Sequence[float]) -> float:
    """What 99 of 100 stay below."""
    return statistics.quantiles(values, n=100, method="inclusive")[98]
