"""All lives of one telling, side by side in the order of time: who has how many leads decides who gets the next one.

A life that is told without anybody's say (`Telling.alone`) only passes by: its changes of hands are looked at when their time
comes. Where somebody cannot take a lead then that they took on record, the life is told again from its beginning up to there,
and from there on among the others, as one that forks is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from operator import attrgetter
from random import Random
from typing import Any

from models.lifecycle import Route
from models.messages import Claim, Routed, Standing
from models.routing import Choice
from workflows.whatif.crowd import Crowd
from workflows.whatif.life import Lived, PolicyOf
from workflows.whatif.record import Past, Turn, turns_of
from workflows.whatif.team import Team
from workflows.whatif.telling import Telling

_WAITING, _MOVING, _FOLLOWED = 0, 1, 2
"""At the same moment whoever waits comes before anybody new, and what only was so on record last."""
Finished = Callable[[int, Lived], None]
"""Told the number of a lead, and what came of its life."""


@dataclass(slots=True)
class _Strand:
    """The changes of hands of a life, one after the other.

    Args:
        turns: all of them.
        number: of the lead.
        now, then: they happen as lives are told, and did so on record.
        trunk, past: the life as told by itself, and what is on record of it; None where only that is followed.
        place: the next of them.
    """

    turns: Sequence[Turn]
    number: int
    now: bool
    then: bool
    trunk: Telling | None = None
    past: Past | None = None
    place: int = 0


@dataclass(slots=True, eq=False)
class _Among:
    """A life that is told among the others.

    Attributes:
        turn: number of the latest time it was put into the order; an older one is moot.
        since: when it began to wait for a rep.
        choice: what came of asking for one.
        again: when it asks again by itself.
    """

    telling: Telling
    number: int
    past: Past
    turn: int = -1
    since: datetime | None = None
    choice: Choice | None = None
    again: datetime | None = None

    @property
    def rank(self) -> tuple[float, datetime, int]:
        """Its place in the queue: the highest score first, then who waits longest."""
        state = self.telling.life.state
        return (1.0 if state.score is None else -state.score, self.since or state.since, self.number)

    @property
    def alike(self) -> tuple[object, ...]:
        """What those who wait have in common when the same reps will not do."""
        owed = self.telling.life.state.routing
        return (self.choice.pool if self.choice else (), owed.excluded if owed else ())


class World:
    """One telling of all lives.

    Args:
        team: who may get leads.
        crowd: what people were seen to do.
        policy_of: the agreement in the place of each version.
        until: when to stop.
        seed: of chance; each life has its own.
        finished: told of each life when it is over.
    """

    def __init__(self, team: Team, crowd: Crowd, policy_of: PolicyOf, until: datetime, seed: str, finished: Finished) -> None:
        self.crowd = crowd
        self._team, self._policy_of, self._until, self._seed, self._finished = team, policy_of, until, seed, finished
        self._order: list[tuple[datetime, int, Any, _Strand | _Among]] = []
        self._numbers = count()
        self._now = until
        self._told: _Among | None = None
        self._queue: dict[int, _Among] = {}
        self._freed: set[str] = set()

    def pass_by(self, turns: Sequence[Turn]) -> None:
        """Follow leads that are not told again, in the order of time: they are in somebody's hands all the same."""
        self._put(_Strand(turns, -1, now=True, then=True))

    def add(self, number: int, past: Past, trunk: Telling) -> None:
        """Add a life, no later than when it begins."""
        same = trunk.lived.as_recorded and not trunk.forks
        if not same:
            self._put(_Strand(turns_of(past.rows), number, now=False, then=True))
        self._put(_Strand(trunk.life.turns, number, now=True, then=same, trunk=trunk, past=past))

    def run(self, until: datetime | None = None) -> None:
        """Tell on up to a moment; to the end when none is given."""
        order, limit = self._order, self._until if until is None else min(until, self._until)
        while order and order[0][0] <= limit:
            self._now, kind, turn, what = heappop(order)
            if isinstance(what, _Strand):
                self._pass(what)
            elif kind == _WAITING:
                self._ask(what)
            elif what.turn == turn:
                self._go(what)
            if self._freed:
                self._serve()

    # --- what is around a life ---------------------------------------------------------------------------------------

    def standing(self, claim: Claim, version: int) -> Standing:
        """Of somebody who claims, and did so under an agreement on record: how much they have, with all leads as they are told."""
        return self._team.standing(claim, version, self._now)

    def has_room(self, answer: Routed, version: int) -> bool:
        """Whether a rep who was given the lead on record can be given it now as well."""
        return self._team.can_be_given(answer, version, self._now)

    def rep_for(self, owed: Route, kept: str | None) -> Routed:
        """Who gets the lead that is being told: `kept`, whom it was given on record, where they are among those who are free."""
        told = self._told
        assert told is not None  # noqa: S101 - nobody else asks
        wanted = replace(told.past.wanted(), since=told.since)
        told.choice = found = self._team.choose(wanted, owed.excluded, self._now, kept)
        if found.rep is None:
            return Routed(number=owed.number, again_at=found.again_at)
        return Routed(number=owed.number, rep=str(found.rep.rep), away=found.rep.away, account_owner=found.account_owner)

    def moved(self, turn: Turn) -> None:
        """A lead changed hands."""
        self._team.move(turn, now=True, then=False)
        if turn.lost is not None:
            self._freed.add(turn.lost)

    # --- lives that pass by ------------------------------------------------------------------------------------------

    def _put(self, strand: _Strand) -> None:
        """Put the next thing of a strand into the order."""
        kind, trunk = _MOVING if strand.now else _FOLLOWED, strand.trunk
        if strand.place < len(strand.turns):
            heappush(self._order, (strand.turns[strand.place].at, kind, next(self._numbers), strand))
        elif trunk is not None and trunk.forks:
            heappush(self._order, (trunk.life.at, kind, next(self._numbers), strand))
        elif trunk is not None:
            self._finished(strand.number, trunk.lived)

    def _pass(self, strand: _Strand) -> None:
        if strand.place == len(strand.turns):
            self._part(strand, strand.trunk)
            return
        turn = strand.turns[strand.place]
        if strand.trunk is not None and strand.past is not None and not self._can(turn):
            life = strand.trunk.life
            self._part(strand, Telling(strand.past, self._policy_of, self._until, life.without).alone(stop=turn.number))
            if not strand.then:
                return
            strand.trunk, strand.now = None, False
            self._put(strand)
            return
        self._team.move(turn, now=strand.now, then=strand.then)
        if strand.now and turn.lost is not None:
            self._freed.add(turn.lost)
        strand.place += 1
        self._put(strand)

    def _can(self, turn: Turn) -> bool:
        """Whether whoever got a lead by itself can have it with all the others."""
        if isinstance(turn.by, Claim):
            return self._team.can_claim(turn.by, turn.version, turn.at)
        return turn.by is None or turn.got is None or self._team.can_be_given(turn.by, turn.version, turn.at)

    # --- lives among the others --------------------------------------------------------------------------------------

    def _part(self, strand: _Strand, told: Telling | None) -> None:
        """From here on a life goes its own way."""
        assert told is not None  # noqa: S101 - a strand without is only followed
        assert strand.past is not None  # noqa: S101 - stands beside it
        chance = Random(f"{self._seed} {strand.past.lead}")  # noqa: S311 - no secrecy, the same every time
        self._later(_Among(told.among(self, chance), strand.number, strand.past))

    def _later(self, among: _Among) -> None:
        """Tell a life on to where it concerns the others, and put that into the order."""
        moment, waits = among.telling.advance(), among.telling.waits
        if waits and among.number not in self._queue:
            self._queue[among.number] = among
            among.since = self._now
            if among.choice is not None:
                self._ask_again(among)
            elif self._ask(among):
                return  # told on already
        elif not waits:
            self._queue.pop(among.number, None)
            among.since = None
        if moment is None:
            self._queue.pop(among.number, None)
            self._finished(among.number, among.telling.lived)
            return
        among.turn = next(self._numbers)
        heappush(self._order, (moment, _MOVING, among.turn, among))

    def _go(self, among: _Among) -> None:
        self._told, among.choice = among, None
        among.telling.go()
        self._later(among)

    # --- the queue ---------------------------------------------------------------------------------------------------

    def _ask_again(self, among: _Among) -> None:
        """At the time that alone may change something."""
        again = among.choice.again_at if among.choice else None
        if again is not None and again != among.again:
            heappush(self._order, (max(again, self._now), _WAITING, (among.rank, next(self._numbers)), among))
        among.again = again

    def _ask(self, among: _Among) -> bool:
        """Ask for a rep once more; whether there is one."""
        if self._queue.get(among.number) is not among or not among.telling.waits:
            return True
        self._told = among
        if among.telling.ask(self._now):
            self._later(among)
            return True
        self._ask_again(among)
        return False

    def _serve(self) -> None:
        """Places were freed: offer them to those who wait, in their order."""
        freed, self._freed = sorted(self._freed), set()
        for rep in freed if self._queue else ():
            refused: set[object] = set()
            for among in sorted(self._queue.values(), key=_rank):
                if not self._team.has_room(rep, self._now):
                    break
                if among.alike not in refused and not self._ask(among):
                    refused.add(among.alike)


_rank = attrgetter("rank")
