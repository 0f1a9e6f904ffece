"""One lead's life told again, under whatever agreement.

What came from outside comes when it came: the arrival, engagement, consent, scores. As long as the life is the one on record,
everything else comes as recorded too, to the millisecond in which a timer fired late; so the agreement it was lived under
gives exactly the ledger that was written. From the first entry that differs on, time is punctual, and people do what they
were seen to do (`crowd`): what a rep did with this lead counts as long as that rep has it, and is drawn otherwise.
"""

from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from random import Random

from models.lifecycle import AnyEffect, Enrich, Entry, LeadState, Role, Route, Score, Send, Stage, changed
from models.messages import Arrived, Claim, Enriched, Event, Override, PolicyChanged, Review, Routed, Scored, Sent, Standing, Tick, Told
from models.policy import Policy
from workflows.decision import decide, newborn
from workflows.tree.clock import first_due
from workflows.whatif.crowd import Crowd, Deed, Script, Tenure, actor, done_by, is_deed, offered, tenures, waits_for_contact
from workflows.whatif.record import Past, Row, is_row, row_of

PolicyOf = Callable[[int], Policy]
"""The agreement that takes the place of a version of it."""
_ANSWERS: dict[type[AnyEffect], type[Event]] = {Enrich: Enriched, Score: Scored, Route: Routed, Send: Sent}
_EFFECTS = {answer: effect for effect, answer in _ANSWERS.items()}
_SOON = timedelta(minutes=1)
"""An answer that was recorded within this time is used as it was."""
_SECOND = timedelta(seconds=1)
"""How long an answer takes that was not recorded."""
_REP = Standing(roles=(Role.REP,))
_BOT = "the reviewers"
_MOST = 2000
"""Decisions after which a life is given up: an agreement of the strangest kind may never let a lead rest."""
_moment = itemgetter(0)
Planned = tuple[datetime, Callable[[], Event | None]]
"""Something drawn: when, and what it is if it still makes sense then."""


@dataclass(slots=True)
class Lived:
    """A life that was told again.

    Attributes:
        rows: its ledger.
        entries: the same in full.
        as_recorded: it is the life on record, entry by entry.
        drawn: something in it was left to chance.
    """

    rows: list[Row] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    as_recorded: bool = True
    drawn: bool = False


def live(past: Past, policy_of: PolicyOf, until: datetime, crowd: Crowd, chance: Random) -> Lived:
    """Tell a lead's life again.

    Args:
        past: what is on record.
        policy_of: the agreement in the place of each version. With that version itself, the life is the recorded one.
        until: when to stop.
        crowd: what people were seen to do.
        chance: what is left to it.

    Returns:
        The life. `as_recorded` is true as long as nothing differs from the record, deadlines included.
    """
    return _Telling(past, policy_of, until, crowd, chance).run()


class _Telling:
    """A life that is being told."""

    __slots__ = (
        "_asked",
        "_at",
        "_chance",
        "_covered",
        "_crowd",
        "_lived",
        "_next",
        "_past",
        "_planned",
        "_policy",
        "_policy_of",
        "_score",
        "_spell",
        "_state",
        "_tenure",
        "_until",
    )

    def __init__(self, past: Past, policy_of: PolicyOf, until: datetime, crowd: Crowd, chance: Random) -> None:
        self._past, self._policy_of, self._until, self._crowd, self._chance = past, policy_of, until, crowd, chance
        first = past.told[0]
        self._policy = policy_of(first.version)
        self._at = first.event.at
        self._state = newborn(past.lead, self._at, self._policy)
        self._lived = Lived()
        self._next = 0
        self._planned: list[Planned] = []
        self._asked: set[int] = set()
        self._score: Scored | None = None
        self._tenure: tuple[str | None, datetime | None] = (None, None)
        self._covered = True
        self._spell: tuple[Stage, datetime] | None = None

    def run(self) -> Lived:
        """Tell it to the end."""
        self._on_record_alone()
        told, until = self._past.told, self._until
        for _ in range(_MOST):
            recorded = told[self._next] if self._next < len(told) else None
            policy = self._policy if recorded is None else self._policy_of(recorded.version)  # what was due then was so under this one
            wake = first_due(self._state, policy)
            moment = recorded.event.at if recorded else until
            if wake is not None and recorded is not None and recorded.due == wake:
                wake = None  # what is on record saw to this, as late as it was
            planned = self._planned[0][0] if self._planned else None
            if wake is not None and wake < moment and (planned is None or wake <= planned):
                if wake > until:
                    break
                self._aside(Tick(at=wake))
            elif planned is not None and planned < moment:
                if planned > until:
                    break
                event = self._planned.pop(0)[1]()
                if event is not None:
                    self._aside(event)
            elif recorded is None or moment > until:
                break
            else:
                self._next += 1
                self._on_record(recorded)
        return self._lived

    def _on_record_alone(self) -> None:
        """As far as it is the life on record: the same as `run` does, and quick, because most of most lives is."""
        lived, rows, policy_of, until = self._lived, self._past.rows, self._policy_of, self._until
        without, told, state = self._crowd.without, self._past.told, self._state
        for number, recorded in enumerate(told):
            event = recorded.event
            policy = policy_of(recorded.version)
            wake = first_due(state, policy)
            early = wake is not None and wake < event.at and wake != recorded.due
            if early or event.at > until or (without and self._takes_the_missing(event)):
                self._next, self._state = number, state
                return
            self._policy, self._state = policy, state
            decision = decide(*self._prepared(event), policy)
            state = decision.state
            self._at = event.at
            if decision.entries and not self._as_on_record(decision.entries, rows):
                lived.as_recorded = False
            if not lived.as_recorded or state.effect_number != recorded.asked:
                lived.as_recorded = False
                self._next, self._state = number + 1, state
                self._plan()
                return
        self._next, self._state = len(told), state

    def _as_on_record(self, entries: Sequence[Entry], rows: Sequence[Row]) -> bool:
        """Take over entries; whether they are the record's next ones."""
        lived = self._lived
        place = len(lived.rows)
        lived.entries += entries
        same = place + len(entries) <= len(rows)
        for number, entry in enumerate(entries, place):
            same = same and is_row(entry, rows[number])
            lived.rows.append(rows[number] if same else row_of(entry))
        return same

    # --- what is told ------------------------------------------------------------------------------------------------

    def _on_record(self, told: Told) -> None:
        """What happened then, as far as it can happen now."""
        self._lived.as_recorded = False
        self._policy = self._policy_of(told.version)
        event = self._fitting(told.event)
        if event is not None or told.due is not None:
            self._tell(event or Tick(at=told.event.at))
        self._plan()

    def _takes_the_missing(self, event: Event) -> bool:
        """Whether it gives the lead to somebody who is not there any more."""
        rep = event.rep if isinstance(event, Claim | Routed) else event.owner if isinstance(event, Override) else None
        return rep in self._crowd.without

    def _aside(self, event: Event) -> None:
        """Tell something that is not on record."""
        self._lived.as_recorded = False
        self._tell(event)
        self._plan()

    def _tell(self, event: Event) -> None:
        before, event = self._prepared(event)
        decision = decide(before, event, self._policy)
        self._state, self._at = decision.state, max(event.at, before.written_at or event.at)
        if decision.entries:
            self._lived.entries += decision.entries
            self._lived.rows += map(row_of, decision.entries)

    def _prepared(self, event: Event) -> tuple[LeadState, Event]:
        """The lead and the event as the tree gets them: one that comes back does so under the agreement of that day."""
        state = self._state
        if isinstance(event, Scored):
            self._score = event
        elif isinstance(event, Arrived) and state.seq:
            state = changed(state, policy_version=self._policy.version)
        elif isinstance(event, PolicyChanged) and event.version != self._policy.version:
            event = event.model_copy(update={"version": self._policy.version})
        return state, event

    def _fitting(self, event: Event) -> Event | None:
        """A recorded event as it can happen in a life that is another by now; None when it cannot."""
        state = self._state
        if type(event) in _EFFECTS:
            return self._fitting_answer(event)
        if is_deed(event):
            mine = self._covered and actor(event) == state.owner  # type: ignore[arg-type]
            return event if mine or getattr(event, "by_manager", False) else None
        if isinstance(event, Claim):
            return event if state.claimable and event.rep not in self._crowd.without else None
        if isinstance(event, Review):
            return event if state.stage is Stage.REVIEW else None
        return None if isinstance(event, Tick) or self._takes_the_missing(event) else event

    def _fitting_answer(self, event: Event) -> Event | None:
        effect = _EFFECTS[type(event)]
        owed = next((e for e in self._state.effects if isinstance(e, effect)), None)
        if isinstance(event, Scored):
            self._score = event
        if owed is None or owed.number in self._asked:
            return None
        if isinstance(event, Routed) and isinstance(owed, Route) and event.rep and not self._may_have(event.rep, owed):
            return None
        if getattr(event, "number", 0) == owed.number:
            return event
        return event.model_copy(update={"number": owed.number})

    def _may_have(self, rep: str, owed: Route) -> bool:
        return rep not in owed.excluded and rep not in self._crowd.without

    # --- what is thought of, in a life that is another by now ---------------------------------------------------------

    def _plan(self) -> None:
        state = self._state
        if state.closed:
            self._planned.clear()
            return
        for effect in state.effects:
            if effect.number not in self._asked and not self._recorded_soon(effect):
                self._asked.add(effect.number)
                self._answer_later(effect)
        if (state.owner, state.owned_since) != self._tenure:
            self._tenure = (state.owner, state.owned_since)
            self._begin_tenure()
        if state.owner is None and state.stage in (Stage.NEW, Stage.REVIEW) and self._spell != (state.stage, state.since):
            self._spell = (state.stage, state.since)
            self._claim_later() if state.stage is Stage.NEW else self._review_later()

    def _later(self, at: datetime, what: Callable[[], Event | None]) -> None:
        self._lived.drawn = True
        insort(self._planned, (max(at, self._at), what), key=_moment)

    def _recorded_soon(self, effect: AnyEffect) -> bool:
        """Whether the record has an answer to it that fits, in a moment; where nobody was free, in whatever time that took."""
        wanted, until = _ANSWERS[type(effect)], self._at + _SOON
        waiting = isinstance(effect, Route) and effect.not_before is not None
        for number in range(self._next, len(self._past.told)):
            event = self._past.told[number].event
            if event.at > until and not waiting:
                return isinstance(effect, Score) and self._score is None
            if isinstance(event, wanted):
                rep = event.rep if isinstance(event, Routed) else None
                return not isinstance(effect, Route) or waiting or (rep is not None and self._may_have(rep, effect))
        return False

    def _answer_later(self, effect: AnyEffect) -> None:
        number = effect.number
        at = self._at + _SECOND
        if isinstance(effect, Route) and effect.not_before:
            at = max(at, effect.not_before)

        def answer() -> Event | None:
            owed = next((e for e in self._state.effects if e.number == number), None)
            return None if owed is None else self._answer(owed, at)

        drawn = self._lived.drawn
        self._later(at, answer)
        self._lived.drawn = drawn or isinstance(effect, Route)

    def _answer(self, owed: AnyEffect, at: datetime) -> Event | None:
        match owed:
            case Enrich():
                return Enriched(at=at, number=owed.number)
            case Score():
                last = self._score
                return Scored(at=at, number=owed.number, score=last.score if last else None, known=last.known if last else None)
            case Send():
                return Sent(at=at, number=owed.number)
            case Route():
                rep = self._recorded_rep(owed) or self._crowd.route(self._chance, owed.excluded)
                return Routed(at=at, number=owed.number, rep=rep) if rep else None

    def _recorded_rep(self, owed: Route) -> str | None:
        """The rep whom the lead was given next, where this one may have it."""
        for number in range(self._next, len(self._past.told)):
            event = self._past.told[number].event
            if isinstance(event, Routed) and event.rep:
                return event.rep if self._may_have(event.rep, owed) else None
        return None

    def _begin_tenure(self) -> None:
        """Somebody has the lead: what they did with it, if they had it at this time; what they would do, otherwise."""
        rep, since = self._tenure
        if rep is None or since is None:
            self._covered = True
            return
        same = next((t for t in tenures(self._past.rows) if t.rep == rep and abs(t.start - since) <= _SOON), None)
        self._covered = same is not None and rep not in self._crowd.without
        if not self._covered:
            self._do(self._crowd.work(rep, self._chance), since)
        elif same is not None and not same.gave_up and same.end is not None:
            self._go_on_after(same)

    def _go_on_after(self, tenure: Tenure) -> None:
        """The record takes the lead from them at a moment at which they may keep it now: what they would have done is drawn then."""
        assert tenure.end is not None  # noqa: S101 - narrows the type
        token, ended = self._tenure, tenure.end - tenure.start

        def go_on() -> None:
            if self._tenure == token and waits_for_contact(self._state.stage):
                self._do(self._crowd.work(tenure.rep, self._chance, ended), tenure.start)

        self._later(tenure.end + _SECOND, go_on)

    def _do(self, script: Script, since: datetime) -> None:
        token = self._tenure
        rep = token[0] or ""

        def deed(what: Deed, at: datetime) -> Callable[[], Event | None]:
            return lambda: done_by(what, rep, at) if (self._state.owner, self._state.owned_since) == token else None

        self._lived.drawn = True
        for after, what in script:
            self._later(since + after, deed(what, since + after))

    def _claim_later(self) -> None:
        """The lead is for anybody to claim, longer than it was: who would have, is drawn where the record ends."""
        state = self._state
        start, end, _ = offered(self._past.rows)
        if state.round > 1 or state.arrived_at != start or state.routing or end is None:
            return
        known = max(end, self._at)

        def look() -> None:
            if self._state.stage is not Stage.NEW or self._state.owner is not None:
                return
            found = self._crowd.claim(self._state.tier, self._chance, known - start)
            if found is None or found.what is None:
                return
            rep, at = found.what, start + found.after

            def claim() -> Event | None:
                free = self._state.stage is Stage.NEW and self._state.owner is None
                return Claim(at=at, rep=rep, standing=_REP) if free else None

            self._later(at, claim)

        self._later(known + _SECOND, look)

    def _review_later(self) -> None:
        """The lead came to review when it did not on record: what the reviewers would say is drawn."""
        since = self._state.since
        if any(row.to_stage is Stage.REVIEW and abs(row.at - since) <= _SOON for row in self._past.rows):
            return
        found = self._crowd.review(self._chance)
        if found is None or found.what is None:
            return
        outcome, at = found.what, since + found.after

        def review() -> Event | None:
            there = self._state.stage is Stage.REVIEW and self._state.since == since
            return Review(at=at, actor=_BOT, outcome=outcome) if there else None

        self._later(at, review)
