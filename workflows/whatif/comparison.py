"""Many lives under two agreements: as they were, and as they would have been."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

from models.policy import Policy
from workflows.whatif.crowd import Crowd
from workflows.whatif.differences import Changed, changes, unsimulated
from workflows.whatif.figures import BLOCKS, Shares, Sums, Wins, counted
from workflows.whatif.life import Lived
from workflows.whatif.record import Past, Row, Turn
from workflows.whatif.team import Member, Team
from workflows.whatif.telling import Telling
from workflows.whatif.world import World

SEEDS = 5
"""How many times chance is let decide, each time with the crowd drawn anew from what was seen."""
_CHECKED = 300
"""So many leads are also told again under their own agreement, to see that they are what they were."""
_DAY = 86_400.0
ASSUMPTIONS = (
    "What prospects did and how they were scored stays as it was and when it was; a changed points table or model is not applied to them.",
    "As long as a lead goes its old way, everything in it is as recorded, late timers included.",
    "A rep who has the same lead at the same time does with it what they did, whatever deadline stands over them and however much else "
    "they have: nobody hurries, idles or tires.",
    "A rep who gets a lead they did not have acts as fast, and does the same, as on leads they did have (drawn from those; from "
    "everybody's where theirs are fewer than 20). Where a lead was taken from a rep before they did anything, what they would have "
    "done later is drawn from those that were left longer (Kaplan-Meier). Nobody acts later than anybody was seen to: deadlines that "
    "are longer than all that were in force look worse than they are.",
    "A lead that is longer for anybody to claim is claimed as leads of its tier were; one that comes to review is reviewed as others were. "
    "What is claimed by somebody who is not there any more, is left to whoever else would have come for it.",
    "A rep is chosen as for real: by turns, working hours, absences, territories and how many leads each of them has just then. Where "
    "whoever was given the lead on record is among those who are free, they get it. Turns begin at nothing, and whose company a lead "
    "belongs to is not looked up anew. Capacities, hours and absences are those of today.",
    "With nobody free a lead waits, and is asked for in the order of the queue as soon as somebody has room, or the fallback's time "
    "has come.",
    "Leads that came before the time looked at stay in the hands they are in, and count as theirs; those of reps who are left out are "
    "not shared out.",
    "Expected wins are the share of leads won among those with a like score that were reached as soon. That is no proof that reaching "
    "them sooner wins them.",
    "Both agreements are told up to the same moment; what is still open then is open in both.",
)
"""What a comparison takes for granted, in words."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Args:
        policy: the other agreement.
        own: the agreements that were in force, by version.
        since, until: when the leads arrived.
        as_of: up to when lives are told.
        without: reps who are not there.
        team: everybody who may get leads.
        seed: of chance, so that the same question has the same answer.
    """

    policy: Policy
    own: Mapping[int, Policy]
    since: datetime
    until: datetime
    as_of: datetime
    without: frozenset[str] = frozenset()
    team: tuple[Member, ...] = ()
    seed: int = 7


@dataclass(slots=True)
class Watched:
    """What was learnt in a first look at all leads.

    Attributes:
        crowd: what people were seen to do.
        wins: which leads were won.
        reps: who had leads.
        leads: how many were looked at.
    """

    crowd: Crowd = field(default_factory=Crowd)
    wins: Wins = field(default_factory=Wins)
    reps: set[str] = field(default_factory=set)
    leads: int = 0

    def watch(self, past: Past, as_of: datetime, chance: Random) -> None:
        """Learn from a lead."""
        self.leads += 1
        rows = cut(past.rows, as_of)
        self.crowd.watch(past if len(rows) == len(past.rows) else Past(past.lead, past.told, rows), as_of, chance)
        self.wins.watch(rows)
        self.reps.update(row.owner for row in rows if row.owner is not None)


def cut(rows: Iterable[Row], as_of: datetime) -> list[Row]:
    """A ledger up to a moment."""
    return [row for row in rows if row.at <= as_of]


@dataclass(slots=True)
class _Open:
    """A lead of which not all lives have been told to the end."""

    past: Past
    rows: list[Row]
    lives: dict[int, Lived] = field(default_factory=dict)


class Comparison:
    """Tells leads again, in the order in which they arrived, and keeps only sums.

    Args:
        question: what is asked.
        watched: what people were seen to do.
        apart: changes of hands of leads that are not told again, and are in somebody's hands all the same.
    """

    def __init__(self, question: Question, watched: Watched, apart: Sequence[Turn] = ()) -> None:
        self._question, self._watched = question, watched
        chance = Random(question.seed)  # noqa: S311 - no secrecy
        self._worlds = [self._world(seed, watched.crowd.resampled(chance, question.without)) for seed in range(SEEDS)]
        for world in self._worlds:
            world.pass_by(apart)
        left = len(watched.reps - question.without)
        self._sums = Sums(SEEDS, (len(watched.reps), left))
        self._days = max((question.as_of - question.since).total_seconds() / _DAY, 1e-9)
        self._was, self._would = Shares(question.as_of), Shares(question.as_of)
        self._leads = self._checked = self._exact = 0
        self._changed = Changed()
        self._open: dict[int, _Open] = {}

    def _world(self, seed: int, crowd: Crowd) -> World:
        question = self._question
        team = Team(question.team, question.policy, question.own, question.without)
        return World(team, crowd, self._policy, question.as_of, f"{question.seed} {seed}", partial(self._finished, seed))

    def add(self, past: Past) -> None:
        """Tell a lead's life under the other agreement, with every seed: once as far as neither chance nor other leads have a say."""
        question = self._question
        rows = cut(past.rows, question.as_of)
        if self._checked < _CHECKED:
            self._check(past, rows)
        number, self._leads = self._leads, self._leads + 1
        self._open[number] = _Open(past, rows)
        trunk = Telling(past, self._policy, question.as_of, question.without).alone()
        for world in self._worlds:
            world.run(past.told[0].event.at)
            world.add(number, past, trunk)

    def _finished(self, seed: int, number: int, life: Lived) -> None:
        """A life was told to the end with a seed; once it was with all of them, it counts."""
        found = self._open[number]
        found.lives[seed] = life
        if len(found.lives) == SEEDS:
            self._count(number, self._open.pop(number))

    def _count(self, number: int, found: _Open) -> None:
        question, wins = self._question, self._watched.wins
        lives = [found.lives[seed] for seed in range(SEEDS)]
        if all(life is lives[0] for life in lives):
            lives = lives[:1]
        was = counted(found.rows, question.as_of, wins, self._days)
        same = len(lives) == 1 and lives[0].as_recorded
        would = [was] if same else [counted(life.rows, question.as_of, wins, self._days) for life in lives]
        self._sums.add(number % BLOCKS, was, would)
        self._was.add(found.rows)
        for life in lives:
            self._would.add(found.rows if same else life.rows, 1 / len(lives))
        if not same:
            self._changed.add(number, found.past.lead, found.rows, lives)

    def _policy(self, _: int) -> Policy:
        return self._question.policy

    def _check(self, past: Past, rows: list[Row]) -> None:
        """Told again under its own agreement a life must be the recorded one."""
        own = Telling(past, self._question.own.__getitem__, self._question.as_of).alone()
        self._checked += 1
        self._exact += own.lived.rows == rows and not own.forks

    def result(self) -> dict[str, Any]:
        """What came of it, as JSON; leads and reps by their ids."""
        for world in self._worlds:
            world.run()
        question = self._question
        chance = Random(question.seed)  # noqa: S311 - no secrecy
        figures = [
            {"name": name, "was": _plain(was), "would": _plain(would), "difference": _plain(gain)}
            for name, was, would, gain in self._sums.intervals(chance)
        ]
        return {
            "leads": self._leads,
            "as_of": question.as_of.isoformat(),
            "changed": round(self._changed.leads, 2),
            "exact": {"checked": self._checked, "same": self._exact},
            "figures": figures,
            "reps": list(map(self._share, sorted(self._watched.reps | self._would.reps))),
            "changed_leads": self._changed.listed(),
            "behaviour": self._watched.crowd.seen(),
            "assumptions": list(ASSUMPTIONS),
            "not_simulated": unsimulated(question.own.values(), question.policy),
            "changes": changes(question.own[max(question.own)], question.policy) if question.own else [],
        }

    def _share(self, rep: str) -> dict[str, Any]:
        (was, held), (would, holds) = self._was.of(rep), self._would.of(rep)
        return {
            "rep": rep,
            "was": round(was),
            "would": round(would, 2),
            "open_was": round(held / self._days, 2),
            "open_would": round(holds / self._days, 2),
        }


def _plain(interval: tuple[float, float, float]) -> dict[str, float]:
    value, low, high = interval
    return {"value": round(value, 3), "low": round(low, 3), "high": round(high, 3)}
