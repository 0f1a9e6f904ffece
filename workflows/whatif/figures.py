"""What a life counts for, and sums over many of them with their uncertainty."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import NamedTuple

from models.lifecycle import OWNED, EntryKind, Stage
from workflows.whatif.crowd import Tenure, tenures
from workflows.whatif.record import Row

_DAY = 86_400.0
_BROKEN = frozenset({EntryKind.LAPSED, EntryKind.MEAGER})
_FAST = (timedelta(hours=1), timedelta(hours=24))
BLOCKS = 200
"""Leads are put into so many groups at random, and groups are drawn instead of leads: as good, and it takes no memory."""
_REPLICATES = 400
_MISSED = 0.025
"""Share of the replicates on either side that an interval leaves out: it is one of 95 %."""


class Figure(StrEnum):
    """What two agreements are compared by."""

    CONTACTED = "contacted"
    CONTACTED_WITHIN_DAY = "contacted_within_day"
    HAND_BACKS = "hand_backs"
    BREACHES = "breaches"
    TAKEN = "taken"
    OPEN_LOAD = "open_per_rep"
    QUEUED = "queued"
    TO_NURTURE = "to_nurture"
    NURTURE_SENDS = "nurture_sends"
    EXPECTED_WINS = "expected_wins"


FIGURES = tuple(Figure)
Cell = tuple[int, int]
"""What a lead's chance of winning is told by: its first score in fifths (-1: none), and how soon a rep reached it (3: never)."""


def cell(rows: Sequence[Row]) -> Cell:
    """Which leads this one is like, when it comes to winning."""
    score = next((row.score for row in rows if row.kind is EntryKind.SCORED and row.score is not None), None)
    reached = next((row.at for row in rows if row.kind is EntryKind.CONTACTED), None)
    speed = 3 if reached is None else bisect_left(_FAST, reached - rows[0].at)
    return (-1 if score is None else min(4, int(score // 20)), speed)


@dataclass(slots=True)
class Wins:
    """The share of leads that were won, by what they are like."""

    _won: Counter[Cell] = field(default_factory=Counter)
    _all: Counter[Cell] = field(default_factory=Counter)

    def watch(self, rows: Sequence[Row]) -> None:
        """Learn from a lead's record."""
        like = cell(rows)
        self._all[like] += 1
        self._won[like] += any(row.kind is EntryKind.WON for row in rows)

    def chance(self, like: Cell) -> float:
        """The share of such leads that were won; where there were none, of those that were reached as soon."""
        if self._all[like]:
            return self._won[like] / self._all[like]
        alike = [other for other in self._all if other[1] == like[1]]
        count = sum(self._all[other] for other in alike)
        return sum(self._won[other] for other in alike) / count if count else 0.0


def counted(rows: Sequence[Row], until: datetime, wins: Wins, days: float) -> list[float]:
    """What a life adds to each figure, in the order of `FIGURES`.

    Args:
        rows: its ledger.
        until: up to when it is told.
        wins: the shares of leads that were won.
        days: the time over which load is averaged; for `OPEN_LOAD` the sum over leads is of leads open at a time.
    """
    reached = next((row.at for row in rows if row.kind is EntryKind.CONTACTED), None)
    held = list(tenures(rows))
    hand_backs = breaches = queued = to_nurture = sends = 0
    for row in rows:
        hand_backs += row.from_stage in OWNED and row.to_stage not in OWNED and (row.kind in _BROKEN or row.kind is EntryKind.RELEASED)
        breaches += row.kind in _BROKEN
        queued += row.kind is EntryKind.UNROUTED
        to_nurture += row.to_stage is Stage.NURTURE and row.from_stage is not Stage.NURTURE
        sends += row.kind is EntryKind.NURTURE_STEP
    load = sum(_held(tenure, until) for tenure in held) / days
    soon = reached is not None and reached - rows[0].at <= timedelta(days=1)
    return [
        float(reached is not None),
        float(soon),
        float(hand_backs),
        float(breaches),
        float(len(held)),
        load,
        float(queued),
        float(to_nurture),
        float(sends),
        wins.chance(cell(rows)),
    ]


class Interval(NamedTuple):
    """A figure and how far off it may be."""

    value: float
    low: float
    high: float


class Sums:
    """The figures of both agreements, by seed and by block of leads.

    Args:
        seeds: how many times chance was let decide.
        reps: how many share the load, before and afterwards.
    """

    def __init__(self, seeds: int, reps: tuple[int, int]) -> None:
        self.seeds, self.reps = seeds, reps
        self._was = [[0.0] * len(FIGURES) for _ in range(BLOCKS)]
        self._would = [[[0.0] * len(FIGURES) for _ in range(BLOCKS)] for _ in range(self.seeds)]

    def add(self, block: int, was: Sequence[float], would: Sequence[Sequence[float]]) -> None:
        """Add a lead: what it counted for, and what it would have with each seed; one for all where chance had no say."""
        _onto(self._was[block], was)
        for seed in range(self.seeds):
            _onto(self._would[seed][block], would[seed % len(would)])

    def intervals(self, chance: Random) -> Iterator[tuple[Figure, Interval, Interval, Interval]]:
        """Each figure as it was, as it would have been, and the difference, with 95 % intervals.

        Each replicate draws blocks with replacement and one of the seeds, so that an interval holds what is uncertain because
        these and no other leads came, because of chance, and because people were watched for a limited time only.
        """
        was = _total(self._was)
        would = [sum(values) / self.seeds for values in zip(*(_total(blocks) for blocks in self._would), strict=True)]
        befores: list[list[float]] = []
        afters: list[list[float]] = []
        for number in range(_REPLICATES):
            drawn = chance.choices(range(BLOCKS), k=BLOCKS)
            befores.append(_total([self._was[block] for block in drawn]))
            afters.append(_total([self._would[number % self.seeds][block] for block in drawn]))
        for place, figure in enumerate(FIGURES):
            share = (1 / max(1, self.reps[0]), 1 / max(1, self.reps[1])) if figure is Figure.OPEN_LOAD else (1.0, 1.0)
            old = [values[place] * share[0] for values in befores]
            new = [values[place] * share[1] for values in afters]
            gain = [after - before for before, after in zip(old, new, strict=True)]
            value, other = was[place] * share[0], would[place] * share[1]
            yield figure, _interval(value, old), _interval(other, new), _interval(other - value, gain)


def _onto(sums: list[float], values: Sequence[float]) -> None:
    for place, value in enumerate(values):
        if value:
            sums[place] += value


def _total(blocks: Sequence[Sequence[float]]) -> list[float]:
    return [sum(values) for values in zip(*blocks, strict=True)]


def _interval(value: float, replicates: list[float]) -> Interval:
    ordered = sorted(replicates)
    cut = int(_MISSED * len(ordered))
    return Interval(value, min(value, ordered[cut]), max(value, ordered[-1 - cut]))


class Shares:
    """How many leads each rep got, and for how long they had them.

    Args:
        until: up to when lives are told.
    """

    def __init__(self, until: datetime) -> None:
        self._until = until
        self._times: defaultdict[str, float] = defaultdict(float)
        self._days: defaultdict[str, float] = defaultdict(float)

    def add(self, rows: Sequence[Row], weight: float = 1.0) -> None:
        """Add a life, or a part of one of several."""
        for tenure in tenures(rows):
            self._times[tenure.rep] += weight
            self._days[tenure.rep] += weight * _held(tenure, self._until)

    @property
    def reps(self) -> set[str]:
        """Who got any."""
        return set(self._times)

    def of(self, rep: str) -> tuple[float, float]:
        """How many times somebody got a lead, and the sum of the days they had them."""
        return self._times.get(rep, 0.0), self._days.get(rep, 0.0)


def _held(tenure: Tenure, until: datetime) -> float:
    """For how many days a rep had a lead."""
    return ((tenure.end or until) - tenure.start).total_seconds() / _DAY
