"""What one decision works on: a copy of the lead, the agreement, the moment, and who acts."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from models.lifecycle import ActorKind, AnyEffect, Effect, Entry, EntryKind, LeadState, Notice, Stage
from models.policy import Policy

Actor = tuple[ActorKind, str | None]
"""Who did it, as the ledger keeps it: what kind, and which user where it was one."""
CLOCK: Actor = (ActorKind.CLOCK, None)
SCORER: Actor = (ActorKind.SCORER, None)
ROUTER: Actor = (ActorKind.ROUTER, None)
PROSPECT: Actor = (ActorKind.PROSPECT, None)
POLICY: Actor = (ActorKind.POLICY, None)
SERVICE: Actor = (ActorKind.SERVICE, None)


def by_user(user: str) -> Actor:
    """The actor when a person did it."""
    return ActorKind.USER, user


@dataclass(slots=True)
class Draft:
    """A copy of the state that one decision may change, and the entries it has written so far.

    Args:
        state: the lead; nobody else holds this copy.
        policy: the agreement in force.
        at: when the decision is made, never before the lead's latest entry.
        entries: what the ledger gains, in order.
    """

    state: LeadState
    policy: Policy
    at: datetime
    entries: list[Entry] = field(default_factory=list)

    def write(
        self,
        kind: EntryKind,
        by: Actor,
        *,
        was: Stage | None = None,
        note: str | None = None,
        notices: Iterable[Notice] = (),
        **detail: str | float | bool | None,
    ) -> None:
        """Add an entry to the ledger, with the lead as it stands now.

        Args:
            kind: what happened.
            by: who did it.
            was: the stage the lead came from, where this took it to another.
            note: the id of what a person wrote about it.
            notices: who is to be told.
            detail: what else belongs to this kind of entry.
        """
        s = self.state
        s.seq += 1
        s.written_at = self.at
        stage, (actor_kind, actor) = s.stage, by
        told = tuple(detail.items()), tuple(notices)
        # By position, in the order of its fields: by name it takes twice as long, and most decisions write something.
        entry = Entry(
            s.seq,
            self.at,
            kind,
            was or stage,
            stage,
            actor_kind,
            actor,
            s.owner,
            s.score,
            s.tier,
            s.policy_version,
            s.deadline,
            note,
            *told,
        )
        self.entries.append(entry)

    def restamp(self) -> None:
        """Let the latest entry show the deadline as it stands after all."""
        self.entries[-1] = replace(self.entries[-1], deadline=self.state.deadline)

    def ask(self, effect: type[Effect], **what: Any) -> None:
        """Owe the world an effect; an older one of the same kind is moot."""
        s = self.state
        s.effect_number += 1
        asked: AnyEffect = effect(number=s.effect_number, **what)  # type: ignore[assignment]
        s.effects = (*[e for e in s.effects if not isinstance(e, effect)], asked)

    def drop(self, effect: type[Effect]) -> None:
        """Stop waiting for an effect."""
        if self.state.effects:
            self.state.effects = tuple([e for e in self.state.effects if not isinstance(e, effect)])

    def take(self, effect: type[Effect], number: int) -> Any:
        """The effect an answer belongs to, no longer owed; None when nobody waits for that answer any more."""
        found = next((e for e in self.state.effects if isinstance(e, effect) and e.number == number), None)
        if found:
            self.state.effects = tuple([e for e in self.state.effects if e is not found])
        return found
