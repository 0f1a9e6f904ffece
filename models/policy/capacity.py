"""Thresholds from the reps' capacity: lead-rich, only the best are high; lead-poor, more are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.policy.scoring import Tiers
from models.worktime import Away

STEP = 0.5
"""Thresholds are multiples of this."""
FEWEST_LEADS = 50
"""With fewer scored leads the distribution of scores says nothing."""
SHORTEST = timedelta(weeks=1)
"""With a shorter past, nobody knows what a week brings."""
_WEEK = timedelta(weeks=1)
_LOWEST = 1.0
_OFF = 0.15
"""Thresholds stay while the expected load is within this share of the capacity."""
_LEAST_MOVE = 1.0
"""Thresholds stay rather than move by less."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What thresholds are solved from.

    Args:
        best: leads by the best score they had, rounded down to a multiple of `STEP`. A score is a calibrated probability times 100
            where a model judges.
        past: how far back these scores go.
        capacity: high leads that the reps can take on in the week to come.
        reps: how many reps that are.
    """

    best: Mapping[float, int]
    past: timedelta
    capacity: float
    reps: int

    @property
    def leads(self) -> int:
        """How many leads were scored."""
        return sum(self.best.values())

    def expected(self, high: float) -> float:
        """High leads a week, were this the threshold."""
        return sum(count for score, count in self.best.items() if score >= high) * (_WEEK / self.past) if self.past else 0.0


@dataclass(frozen=True, slots=True)
class Solution:
    """Thresholds and where they come from.

    Args:
        high, medium: in points of score.
        expected: high leads a week with them.
        solved: False when there was too little to go by, so that these are the agreed ones.
        why: in a sentence.
    """

    high: float
    medium: float
    expected: float
    solved: bool
    why: str


def present(away: Iterable[Away], at: datetime) -> float:
    """The share of the coming week in which somebody is there."""
    end, gone, until = at + _WEEK, timedelta(), at
    for one in sorted(away, key=lambda one: one.start):
        begins, ends = max(one.start, until), min(one.until or end, end)
        if ends > begins:
            gone, until = gone + (ends - begins), ends
    return 1 - gone / _WEEK


def solve(found: Measured, tiers: Tiers) -> Solution:
    """The thresholds under which about as many leads a week are high as the reps can take on.

    Of thresholds that come equally close the one nearest to what is in force is taken. `medium` keeps the proportion to `high`
    that was agreed.

    Args:
        found: scores and capacity.
        tiers: the agreed rule, with the thresholds in force.
    """
    agreed = tiers.agreed
    if found.leads < FEWEST_LEADS or found.past < SHORTEST or not found.reps:
        days = found.past / timedelta(days=1)
        why = f"{found.leads} scored leads in {days:.0f} days are too few" if found.reps else "there is no rep"
        return Solution(agreed.high, agreed.medium, found.expected(agreed.high), False, f"The agreed thresholds hold: {why}.")
    grid = [_LOWEST + STEP * n for n in range(round((100 - _LOWEST) / STEP) + 1)]
    high = min(grid, key=lambda t: (round(abs(found.expected(t) - found.capacity), 6), abs(t - tiers.high)))
    medium = min(round(high * agreed.medium / agreed.high / STEP) * STEP, high - STEP)
    reps = "1 rep" if found.reps == 1 else f"{found.reps} reps"
    why = f"{reps} can take on {found.capacity:.0f} high leads a week; from {high:g} points on, {found.expected(high):.0f} come."
    return Solution(high, medium, found.expected(high), True, why)


def worth_it(found: Measured, tiers: Tiers, better: Solution) -> bool:
    """Whether thresholds in force should give way: they are off by much, and the better ones are another matter."""
    if not better.solved:
        return False
    off = abs(found.expected(tiers.high) - found.capacity)
    return off > _OFF * found.capacity and abs(better.high - tiers.high) >= _LEAST_MOVE
