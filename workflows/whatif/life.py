"""One lead's life as it is told again: where it stands, and what has come of it so far.

What came from outside comes when it came: the arrival, engagement, consent, scores. As long as the life is the one on record,
everything else comes as recorded too, to the millisecond in which a timer fired late; so the agreement it was lived under
gives exactly the ledger that was written. How it goes on is told by `telling`, with what `outlook` expects of people.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Protocol

from models.lifecycle import Entry, EntryKind, LeadState, Route, changed
from models.messages import Arrived, Claim, Event, Override, PolicyChanged, Routed, Scored, Standing
from models.policy import Policy
from workflows.decision import decide, newborn
from workflows.tree.clock import first_due
from workflows.tree.rep import too_many
from workflows.whatif.crowd import Crowd
from workflows.whatif.record import Past, Row, Turn, is_row, row_of

PolicyOf = Callable[[int], Policy]
"""The agreement that takes the place of a version of it."""
_SPECIAL = frozenset({Scored, Claim, Arrived, PolicyChanged})
"""Events that a life is told with a difference, or that it remembers."""
_NEVER = Random(0)  # noqa: S311 - stands where chance has no say, and is never asked


@dataclass(slots=True)
class Lived:
    """What came of a life.

    Attributes:
        rows: its ledger.
        entries: the same in full.
        as_recorded: it is the life on record, entry by entry.
        drawn: chance or the other leads had a say in it.
    """

    rows: list[Row] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    as_recorded: bool = True
    drawn: bool = False


class Around(Protocol):
    """What is around a life: the people who are there, and the other leads they have."""

    crowd: Crowd

    def standing(self, claim: Claim, version: int) -> Standing:
        """Of somebody who claims, and did so under an agreement on record: how much they have, with all leads as they are told."""

    def has_room(self, answer: Routed, version: int) -> bool:
        """Whether a rep who was given the lead on record can be given it now as well."""

    def rep_for(self, owed: Route, kept: str | None) -> Routed:
        """Who gets the lead that is being told: `kept`, whom it was given on record, where they are among those who are free."""

    def moved(self, turn: Turn) -> None:
        """A lead changed hands."""


class Life:
    """A life that is being told.

    Attributes:
        past: what is on record.
        until: when to stop.
        without: who is not there any more.
        state, at: the lead, and the moment it has come to.
        next: the number of the next event on record.
        score: the latest score.
        lived: what came of it.
        turns: its changes of hands, as long as nothing is around it.
        around: None as long as neither chance nor other leads have a say.
        chance: what is left to it; set with `around`.
    """

    __slots__ = ("around", "at", "chance", "lived", "next", "past", "policy", "policy_of", "score", "state", "turns", "until", "without")

    def __init__(self, past: Past, policy_of: PolicyOf, until: datetime, without: frozenset[str] = frozenset()) -> None:
        self.past, self.policy_of, self.until, self.without = past, policy_of, until, without
        first = past.told[0]
        self.policy = policy_of(first.version)
        self.at = first.event.at
        self.state = newborn(past.lead, self.at, self.policy)
        self.lived = Lived()
        self.next = 0
        self.score: Scored | None = None
        self.turns: list[Turn] = []
        self.around: Around | None = None
        self.chance = _NEVER

    def among(self, around: Around, chance: Random) -> "Life":
        """The same life, going on by itself with these around it."""
        other = Life.__new__(Life)
        other.past, other.policy_of, other.until, other.without = self.past, self.policy_of, self.until, self.without
        other.policy, other.state, other.at, other.next = self.policy, self.state, self.at, self.next
        other.score, other.turns, lived = self.score, self.turns, self.lived
        other.lived = Lived(lived.rows.copy(), lived.entries.copy(), lived.as_recorded, drawn=True)
        other.around, other.chance = around, chance
        return other

    def on_record(self, stop: int | None = None) -> bool:
        """Tell it as far as it is the life on record, or to an event; whether it was that all along.

        The same as `telling.Telling` does step by step, and quick, because most of most lives is as recorded.
        """
        lived, rows, policy_of, until = self.lived, self.past.rows, self.policy_of, self.until
        without, told, state = self.without, self.past.told, self.state
        for number, recorded in enumerate(told):
            event = recorded.event
            policy = policy_of(recorded.version)
            due = first_due(state, policy)
            early = due is not None and due[0] < event.at and due[0] != recorded.due
            if number == stop or early or event.at > until or (without and self.takes_the_missing(event)):
                self.next, self.state = number, state
                self.at = told[number - 1].event.at if number else self.at
                return True
            self.policy, before = policy, state
            if type(event) in _SPECIAL:
                self.state = state
                state, event = self.prepared(event)
            state, entries, _ = decide(state, event, policy)
            same = not entries or self._as_on_record(entries, rows)
            if state.owned_since is not before.owned_since:
                self.next = number + 1
                self._moved(before, state, event, entries[-1].kind)
            if not same or state.effect_number != recorded.asked:
                lived.as_recorded, self.state, self.next, self.at = False, state, number + 1, event.at
                return False
        self.next, self.state = number + 1, state
        self.at = event.at
        return True

    def _as_on_record(self, entries: Sequence[Entry], rows: Sequence[Row]) -> bool:
        """Take over entries; whether they are the record's next ones."""
        lived = self.lived
        place = len(lived.rows)
        lived.entries += entries
        same = place + len(entries) <= len(rows)
        for number, entry in enumerate(entries, place):
            same = same and is_row(entry, rows[number])
            lived.rows.append(rows[number] if same else row_of(entry))
        return same

    def tell(self, event: Event) -> None:
        """Decide on an event, and take over what comes of it."""
        before, event = self.prepared(event)
        decision = decide(before, event, self.policy)
        self.state = state = decision.state
        self.at = max(event.at, before.written_at or event.at)
        if decision.entries:
            self.lived.entries += decision.entries
            self.lived.rows += map(row_of, decision.entries)
        if state.owned_since is not before.owned_since:
            self._moved(before, state, event, decision.entries[-1].kind)

    def _moved(self, before: LeadState, after: LeadState, event: Event, how: EntryKind) -> None:
        by = event if isinstance(event, Claim | Routed) else None
        turn = Turn(after.written_at or event.at, before.owner, after.owner, how, by, self.next - 1, self._version)
        if self.around is None:
            self.turns.append(turn)
        else:
            self.around.moved(turn)

    def prepared(self, event: Event) -> tuple[LeadState, Event]:
        """The lead and the event as the tree gets them: one that comes back does so under the agreement of that day."""
        state = self.state
        if type(event) not in _SPECIAL:
            return state, event
        if isinstance(event, Scored):
            self.score = event
        elif isinstance(event, Claim):
            event = self._standing(event)
        elif isinstance(event, Arrived) and state.seq:
            state = changed(state, policy_version=self.policy.version)
        elif isinstance(event, PolicyChanged) and event.version != self.policy.version:
            event = event.model_copy(update={"version": self.policy.version})
        return state, event

    def _standing(self, claim: Claim) -> Claim:
        """A claim with how much that rep has; as long as nobody knows, with room, which whoever knows looks at later."""
        if self.around is not None:
            return claim.model_copy(update={"standing": self.around.standing(claim, self._version)})
        if claim.standing is None or too_many(claim.standing, self.policy.claims) is None:
            return claim
        return claim.model_copy(update={"standing": claim.standing.model_copy(update={"open": 0, "today": 0})})

    @property
    def _version(self) -> int:
        """The agreement under which the latest event on record was decided."""
        return self.past.told[self.next - 1].version

    def takes_the_missing(self, event: Event) -> bool:
        """Whether it gives the lead to somebody who is not there any more."""
        rep = event.rep if isinstance(event, Claim | Routed) else event.owner if isinstance(event, Override) else None
        return rep in self.without
