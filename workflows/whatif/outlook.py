"""What is expected in a life that is no longer the one on record: answers to what it asks for, and what people would do.

A rep who has the lead at the same time does what they did. Everything else is drawn from what people were seen to do (`crowd`).
"""

from bisect import insort
from collections.abc import Callable
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from models.lifecycle import AnyEffect, Enrich, LeadState, Route, Score, Send, Stage
from models.messages import Claim, Enriched, Event, Review, Routed, Scored, Sent
from workflows.whatif.crowd import Deed, Script, Tenure, done_by, offered, tenures, waits_for_contact
from workflows.whatif.life import Life

ANSWERS: dict[type[AnyEffect], type[Event]] = {Enrich: Enriched, Score: Scored, Route: Routed, Send: Sent}
"""What answers each effect."""
_SOON = timedelta(minutes=1)
"""An answer that was recorded within this time is used as it was."""
_SECOND = timedelta(seconds=1)
"""How long an answer takes that was not recorded."""
_BOT = "the reviewers"


class Expected(NamedTuple):
    """Something that is expected.

    Args:
        at: when.
        what: the event, if it still makes sense then.
        drawn: chance or the other leads have a say in it.
    """

    at: datetime
    what: "Callable[[Outlook, Life], Event | None]"
    drawn: bool


_moment = attrgetter("at")


class Outlook:
    """What is expected of one life.

    Attributes:
        expected: in the order of time.
        covered: what the owner does stands on record.
        waits: it is in the queue of those for whom nobody is free.
    """

    __slots__ = ("_asked", "_recorded", "_spell", "_tenure", "covered", "expected", "waits")

    def __init__(self) -> None:
        self.expected: list[Expected] = []
        self.covered, self.waits = True, False
        self._asked: set[int] = set()
        self._tenure: tuple[str | None, datetime | None] = (None, None)
        self._spell: tuple[Stage, datetime] | None = None
        self._recorded: tuple[Tenure, ...] | None = None

    def copy(self) -> "Outlook":
        """The same, to go its own way."""
        other = Outlook()
        other.expected, other._asked = self.expected.copy(), self._asked.copy()
        other.covered, other.waits, other._tenure, other._spell = self.covered, self.waits, self._tenure, self._spell
        other._recorded = self._recorded
        return other

    def is_owed(self, number: int) -> bool:
        """Whether an effect still waits for an answer that is on record."""
        return number not in self._asked

    def look(self, life: Life) -> bool:
        """Expect what follows from where the life stands; False when that takes chance, or others, and they have no say yet.

        Asked again once they have, it goes on where it stopped.
        """
        state = life.state
        if state.closed:
            self.expected.clear()
            return True
        tenure = state.owner, state.owned_since
        if not state.effects and tenure == self._tenure and (tenure[0] is not None or self._spell == (state.stage, state.since)):
            return True
        alone = life.around is None
        for effect in state.effects:
            if effect.number not in self._asked and not self._recorded_soon(life, effect):
                if alone and isinstance(effect, Route):
                    return False
                self._asked.add(effect.number)
                self._answer_later(life, effect)
        if tenure != self._tenure and not self._begin_tenure(life, state):
            return False
        if state.owner is None and state.stage in (Stage.NEW, Stage.REVIEW) and self._spell != (state.stage, state.since):
            self._spell = (state.stage, state.since)
            self._claim_later(life) if state.stage is Stage.NEW else self._review_later(life)
        return True

    def expect(self, life: Life, at: datetime, what: "Callable[[Outlook, Life], Event | None]", *, drawn: bool = True) -> None:
        """Expect something, now at the earliest."""
        insort(self.expected, Expected(max(at, life.at), what, drawn), key=_moment)

    # --- what it asked for -------------------------------------------------------------------------------------------

    def _recorded_soon(self, life: Life, effect: AnyEffect) -> bool:
        """Whether the record has an answer to it that fits, in a moment; where nobody was free and no others are there, ever."""
        wanted, until = ANSWERS[type(effect)], life.at + _SOON
        waiting = isinstance(effect, Route) and effect.not_before is not None
        if waiting and life.around is not None:
            return False
        told = life.past.told
        for number in range(life.next, len(told)):
            event = told[number].event
            if event.at > until and not waiting:
                return isinstance(effect, Score) and life.score is None
            if isinstance(event, wanted):
                rep = event.rep if isinstance(event, Routed) else None
                return not isinstance(effect, Route) or waiting or (rep is not None and may_have(life, rep, effect))
        return False

    def _answer_later(self, life: Life, effect: AnyEffect) -> None:
        number = effect.number
        at = life.at + _SECOND
        if isinstance(effect, Route):
            if effect.not_before is not None:
                self.waits = True  # in the queue, where a place that is freed is offered to it
                return
            self.expect(life, at, lambda outlook, life: outlook.ask(life, at))
            return
        self.expect(life, at, lambda _, life: _answer(life, number, at), drawn=False)

    def ask(self, life: Life, at: datetime) -> Event | None:
        """Whom the lead goes to; None when it no longer looks for anybody."""
        owed, around = life.state.routing, life.around
        if owed is None or around is None:
            return None
        return around.rep_for(owed, _recorded_rep(life, owed)).model_copy(update={"at": at, "number": owed.number})

    # --- what people do ----------------------------------------------------------------------------------------------

    def _begin_tenure(self, life: Life, state: LeadState) -> bool:
        """Somebody has the lead: what they did with it, if they had it at this time; what they would do, otherwise."""
        rep, since = state.owner, state.owned_since
        same = None
        if rep is not None and since is not None:
            if self._recorded is None:
                self._recorded = tuple(tenures(life.past.rows))
            same = next((t for t in self._recorded if t.rep == rep and abs(t.start - since) <= _SOON), None)
            if (same is None or rep in life.without) and life.around is None:
                return False
        self._tenure = rep, since
        self.covered = rep is None or (same is not None and rep not in life.without)
        if rep is None or since is None:
            return True
        if not self.covered:
            assert life.around is not None  # noqa: S101 - narrows the type
            self._do(life, life.around.crowd.work(rep, life.chance), since)
        elif same is not None and not same.gave_up and same.end is not None:
            self._go_on_after(life, same)
        return True

    def _go_on_after(self, life: Life, tenure: Tenure) -> None:
        """The record takes the lead from them at a moment at which they may keep it now: what they would have done is drawn then."""
        assert tenure.end is not None  # noqa: S101 - narrows the type
        token, ended = self._tenure, tenure.end - tenure.start

        def go_on(outlook: Outlook, life: Life) -> None:
            if outlook._tenure == token and waits_for_contact(life.state.stage) and life.around is not None:
                outlook._do(life, life.around.crowd.work(tenure.rep, life.chance, ended), tenure.start)

        self.expect(life, tenure.end + _SECOND, go_on)

    def _do(self, life: Life, script: Script, since: datetime) -> None:
        token = self._tenure
        rep = token[0] or ""

        def deed(what: Deed, at: datetime) -> Callable[[Outlook, Life], Event | None]:
            return lambda _, life: done_by(what, rep, at) if (life.state.owner, life.state.owned_since) == token else None

        for after, what in script:
            self.expect(life, since + after, deed(what, since + after))

    def _claim_later(self, life: Life) -> None:
        """The lead is for anybody to claim, longer than it was: who would have, is drawn where the record ends."""
        state = life.state
        start, end, _ = offered(life.past.rows)
        if state.round > 1 or state.arrived_at != start or state.routing or end is None:
            return
        self._draw_claim(life, start, max(end, life.at))

    def _draw_claim(self, life: Life, start: datetime, known: datetime) -> None:
        """Who claims it after a moment up to which nobody has; whoever has too many leaves it to the next one."""

        def look(outlook: Outlook, life: Life) -> None:
            if not _free(life) or life.around is None:
                return
            found = life.around.crowd.claim(life.state.tier, life.chance, known - start)
            if found is None or found.what is None:
                return
            rep, at = found.what, start + found.after

            def claim(outlook: Outlook, life: Life) -> Event | None:
                if not _free(life):
                    return None
                outlook._draw_claim(life, start, at)
                return Claim(at=at, rep=rep)

            outlook.expect(life, at, claim)

        self.expect(life, known + _SECOND, look)

    def _review_later(self, life: Life) -> None:
        """The lead came to review when it did not on record: what the reviewers would say is drawn."""
        since = life.state.since
        if any(row.to_stage is Stage.REVIEW and abs(row.at - since) <= _SOON for row in life.past.rows):
            return

        def look(outlook: Outlook, life: Life) -> None:
            found = life.around.crowd.review(life.chance) if life.around is not None else None
            if found is not None and found.what is not None:
                outcome, at = found.what, since + found.after

                def review(_: Outlook, life: Life) -> Event | None:
                    there = life.state.stage is Stage.REVIEW and life.state.since == since
                    return Review(at=at, actor=_BOT, outcome=outcome) if there else None

                outlook.expect(life, at, review)

        self.expect(life, since, look)


def may_have(life: Life, rep: str, owed: Route) -> bool:
    """Whether a rep is there and may be given the lead."""
    return rep not in owed.excluded and rep not in life.without


def _free(life: Life) -> bool:
    return life.state.stage is Stage.NEW and life.state.owner is None


def _answer(life: Life, number: int, at: datetime) -> Event | None:
    owed = next((e for e in life.state.effects if e.number == number), None)
    match owed:
        case Enrich():
            return Enriched(at=at, number=number)
        case Score():
            last = life.score
            return Scored(at=at, number=number, score=last.score if last else None, known=last.known if last else None)
        case Send():
            return Sent(at=at, number=number)
        case _:
            return None


def _recorded_rep(life: Life, owed: Route) -> str | None:
    """The rep whom the lead was given next, where this one may have it."""
    told = life.past.told
    for number in range(life.next, len(told)):
        event = told[number].event
        if isinstance(event, Routed) and event.rep:
            return event.rep if may_have(life, event.rep, owed) else None
    return None
