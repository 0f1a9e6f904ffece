"""Who may get a lead, what is asked of them, and the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from models.rules import Facts
from models.worktime import Away, WorkClock


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who might get a lead.

    Args:
        rep: who.
        capacity: how many leads they may have.
        load: how many they have, reserved ones included.
        today: how many were given to them since their own midnight.
        active: False when their account is switched off.
        away: their absences.
        last_at: when a lead was last chosen for them; None for never.
        weight: their share of the leads, beside the others' weights; 0 takes no turns.
        territories: what they serve, in lower case; none is whatever nobody else is asked for by name.
        clock: their working hours; None is always.
        next_day: when their next day begins, for whoever had their share of this one.
        sells: they have the role of a rep.
        manages: they have the role of a manager.
        kept: how many of `load` are places kept for leads that wait and come first.
    """

    rep: UUID
    capacity: int
    load: int = 0
    today: int = 0
    active: bool = True
    away: tuple[Away, ...] = ()
    last_at: datetime | None = None
    weight: float = 1.0
    territories: frozenset[str] = frozenset()
    clock: WorkClock | None = None
    next_day: datetime | None = None
    sells: bool = True
    manages: bool = False
    kept: int = 0

    def absent(self, at: datetime) -> str | None:
        """Why no lead at all can go to them now, as a sentence; None when one can."""
        if not self.active:
            return "is deactivated"
        absence = next((away for away in self.away if away.covers(at)), None) if self.away else None
        if absence is None:
            return None
        return f"is away until {absence.until:%Y-%m-%d %H:%M} UTC" if absence.until else "is away, nobody knows until when"

    def at_work(self, at: datetime) -> bool:
        """Whether this is their working time."""
        return self.clock is None or self.clock.runs(at)

    def having(self, load: int, today: int, next_day: datetime | None) -> Self:
        """The same with so many leads."""
        # By position, in the order of the fields: by name, or with `replace`, it takes several times as long.
        return type(self)(
            self.rep,
            self.capacity,
            load,
            today,
            self.active,
            self.away,
            self.last_at,
            self.weight,
            self.territories,
            self.clock,
            next_day,
            self.sells,
            self.manages,
        )

    def keeping(self) -> Self:
        """The same with one more place kept."""
        return replace(self, load=self.load + 1, today=self.today + 1, kept=self.kept + 1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A lead that needs a rep.

    Args:
        facts: what is known about it, for the agreement's rules.
        account_owner: whose its named account is.
        existing_owner: who has another lead of the same company, or won one.
        excluded: who may not get it, because they had it.
        since: when it began to wait; None for one that is asked for the first time.
    """

    facts: Facts = field(default_factory=dict)
    account_owner: UUID | None = None
    existing_owner: UUID | None = None
    excluded: frozenset[UUID] = frozenset()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Who gets a lead, and why.

    Args:
        rep: None when nobody is free.
        why: sentences; the last says why it is this rep, those before it what narrowed the choice.
        account_owner: the named account is theirs.
        others: why not the others, in sentences.
        turns: by how much each one's turn moved, in leads; nothing where it was nobody's turn.
        pool: who could have it, were they there and had room; what a waiting lead waits for.
        again_at: when time alone may change the answer; None when it does not.
        fallback: nobody was free for too long, so the agreement's fallback decided.
    """

    rep: Candidate | None
    why: tuple[str, ...]
    account_owner: bool = False
    others: tuple[tuple[Candidate, str], ...] = ()
    turns: Mapping[UUID, float] = field(default_factory=dict)
    pool: tuple[UUID, ...] = ()
    again_at: datetime | None = None
    fallback: bool = False

    def explanation(self) -> dict[str, Any]:
        """As JSON, as it stands in `assignments.explanation` and `routing_queue.explanation`: ids, numbers and our own sentences.

        Those for whom the same sentence holds stand together: of a hundred reps most only wait for their turn.
        """
        others: dict[str, list[str]] = {}
        for candidate, why in self.others:
            others.setdefault(why, []).append(str(candidate.rep))
        return {
            "chosen": str(self.rep.rep) if self.rep else None,
            "why": list(self.why),
            "account_owner": self.account_owner,
            "fallback": self.fallback,
            "others": [{"why": why, "reps": reps} for why, reps in others.items()],
        }
