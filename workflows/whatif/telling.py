"""A life told again, step by step: what is due by itself, what is expected, and what is on record, in the order of time.

From the first entry that differs from the record on, time is punctual, and what was recorded happens as far as it still can.
As long as neither chance nor the other leads have a say in it a life is told once for all; where they do it forks.
"""

from datetime import datetime
from random import Random

from models.lifecycle import Route, Stage
from models.messages import Claim, Event, Override, PlaceFreed, Review, Routed, Scored, Tick, Told
from workflows.tree.clock import first_due
from workflows.whatif.crowd import actor, is_deed
from workflows.whatif.life import Around, Life, Lived, PolicyOf
from workflows.whatif.outlook import ANSWERS, Outlook, may_have
from workflows.whatif.record import Past

_EFFECTS = {answer: effect for effect, answer in ANSWERS.items()}
_GIVING = frozenset({Claim, Routed, Override})
"""Events that may give the lead to a rep."""
_MOST = 2000
"""Decisions after which a life is given up: an agreement of the strangest kind may never let a lead rest."""


_END, _DUE, _EXPECTED, _RECORDED = range(4)
"""What the next step is: none, what is due by itself, what is expected, what is on record."""


class Telling:
    """A life that is being told.

    Args:
        past: what is on record.
        policy_of: the agreement in the place of each version. With that version itself, the life is the recorded one.
        until: when to stop.
        without: who is not there any more.

    Attributes:
        forks: from here on chance or the other leads have a say.
    """

    __slots__ = ("_left", "_moment", "_outlook", "_policy", "_step", "forks", "life")

    def __init__(self, past: Past, policy_of: PolicyOf, until: datetime, without: frozenset[str] = frozenset()) -> None:
        self.life = Life(past, policy_of, until, without)
        self._outlook = Outlook()
        self.forks = False
        self._left = _MOST
        self._step, self._moment, self._policy = _END, self.life.at, self.life.policy

    @property
    def lived(self) -> Lived:
        """What came of it so far."""
        return self.life.lived

    @property
    def waits(self) -> bool:
        """Whether it is in the queue of those for whom nobody is free."""
        owed = self.life.state.routing
        return self._outlook.waits and owed is not None and owed.not_before is not None

    def alone(self, stop: int | None = None) -> "Telling":
        """Tell it as far as it goes without chance and the other leads, or up to an event on record."""
        on_record = self.life.on_record(stop)
        self.forks = not on_record and not self._outlook.look(self.life)
        while not self.forks and (stop is None or self.life.next < stop):
            self._choose()
            if self._step is _END:
                break
            if self._step is _EXPECTED and self._outlook.expected[0].drawn:
                self.forks = True
            else:
                self.forks = not self._take()
        return self

    def among(self, around: Around, chance: Random) -> "Telling":
        """The same, going on by itself with these around it."""
        other = Telling.__new__(Telling)
        other.life, other._outlook = self.life.among(around, chance), self._outlook.copy()
        other.forks, other._left = False, self._left
        other._step, other._moment, other._policy = _END, self.life.at, self.life.policy
        other._outlook.look(other.life)
        return other

    def advance(self) -> datetime | None:
        """Tell on to where the next step concerns other leads, or they it: the moment of it, None at the end."""
        while True:
            self._choose()
            if self._step is _END:
                return None
            if self._concerns_others():
                return self._moment
            self._take()

    def go(self) -> None:
        """Take the step that `advance` stopped before."""
        self._take()

    def ask(self, at: datetime) -> bool:
        """In the queue, look for a rep once more; whether one is free."""
        answer = self._outlook.ask(self.life, at)
        if not isinstance(answer, Routed) or answer.rep is None:
            return False
        self._left -= 1
        owed = self.life.state.routing
        if owed is not None and owed.not_before is not None and owed.not_before > at:
            self.life.tell(PlaceFreed(at=at))
        self.life.tell(answer)
        self._outlook.waits = False
        self._outlook.look(self.life)
        return True

    def _choose(self) -> None:
        """What comes next."""
        life, expected = self.life, self._outlook.expected
        told, number = life.past.told, life.next
        if number < len(told):
            recorded = told[number]
            step, moment, saw_to = _RECORDED, recorded.event.at, recorded.due
            self._policy = life.policy_of(recorded.version)  # what was due then was so under this one
        else:
            step, moment, saw_to, self._policy = _END, life.until, None, life.policy
        if expected and expected[0].at < moment:
            step, moment = _EXPECTED, expected[0].at
        due = first_due(life.state, self._policy)
        # What the record saw to, happens as late as it did.
        if due is not None and due[0] != saw_to and (due[0] < moment or (step == _EXPECTED and due[0] == moment)):
            step, moment = _DUE, due[0]
        self._step, self._moment = step if moment <= life.until and self._left else _END, moment

    def _concerns_others(self) -> bool:
        state = self.life.state
        if state.owner is not None or state.routing is not None:
            return True
        if self._step is _RECORDED:
            return type(self.life.past.told[self.life.next].event) in _GIVING
        return self._step is _EXPECTED and self._outlook.expected[0].drawn

    def _take(self) -> bool:
        """Take the next step; False when what follows from it takes chance, or others."""
        life, outlook = self.life, self._outlook
        self._left -= 1
        life.lived.as_recorded = False
        if self._step is _RECORDED:
            told = life.past.told[life.next]
            life.next += 1
            life.policy = self._policy
            event = self._fitting(told.event, told)
            if event is not None or told.due is not None:
                life.tell(event or Tick(at=told.event.at))
        elif self._step is _DUE:
            life.tell(Tick(at=self._moment))
        else:
            expected = outlook.expected.pop(0)
            event = expected.what(outlook, life)
            if event is None:
                return True
            life.tell(event)
        return outlook.look(life)

    # --- what is on record, in a life that is another by now --------------------------------------------------------------

    def _fitting(self, event: Event, told: Told) -> Event | None:
        """A recorded event as it can happen in a life that is another by now; None when it cannot."""
        life = self.life
        state = life.state
        if type(event) in _EFFECTS:
            return self._fitting_answer(event, told)
        if is_deed(event):
            mine = self._outlook.covered and actor(event) == state.owner  # type: ignore[arg-type]
            return event if mine or getattr(event, "by_manager", False) else None
        if isinstance(event, Claim):
            return event if state.claimable and event.rep not in life.without else None
        if isinstance(event, Review):
            return event if state.stage is Stage.REVIEW else None
        return None if isinstance(event, Tick) or life.takes_the_missing(event) else event

    def _fitting_answer(self, event: Event, told: Told) -> Event | None:
        life, effect = self.life, _EFFECTS[type(event)]
        owed = next((e for e in life.state.effects if isinstance(e, effect)), None)
        if isinstance(event, Scored):
            life.score = event
        if owed is None or not (self._outlook.is_owed(owed.number) or (isinstance(owed, Route) and self.waits)):
            return None
        if isinstance(event, Routed) and isinstance(owed, Route) and not self._can_be_given(event, owed, told.version):
            return None
        if getattr(event, "number", 0) == owed.number:
            return event
        return event.model_copy(update={"number": owed.number})

    def _can_be_given(self, event: Routed, owed: Route, version: int) -> bool:
        if event.rep is None:
            return True
        around = self.life.around
        return may_have(self.life, event.rep, owed) and (around is None or around.has_room(event, version))
