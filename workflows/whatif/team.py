"""Who may get leads, and how much each of them has at a moment, as a life is told and as it was on record.

Both are kept, because the record knows more than a replay: whoever took a lead then can take it now, if they have no more than
then and may have as many. In all other cases the limits decide, by the functions that decide for real.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from models.lifecycle import EntryKind, Role
from models.messages import Claim, Routed, Standing
from models.policy import Policy
from models.routing import Candidate, Choice, Turns, Wanted, choose, full
from models.routing.turns import added
from workflows.tree.rep import too_many
from workflows.whatif.record import Turn


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who may get leads.

    Args:
        candidate: as the choice of a rep knows them, with nothing on their hands.
        zone: where their day begins.
        capacity: how many leads they may have, where that is not what the agreement says.
    """

    candidate: Candidate
    zone: str = "UTC"
    capacity: int | None = None


@dataclass(slots=True)
class Hands:
    """How much somebody has.

    Attributes:
        open: leads.
        day: the day that the other two are about.
        claimed, given: how many they claimed that day, and how many the tree gave them.
    """

    open: int = 0
    day: date | None = None
    claimed: int = 0
    given: int = 0

    def get(self, how: EntryKind, day: date) -> None:
        """One more."""
        self.open += 1
        if self.day != day:
            self.day, self.claimed, self.given = day, 0, 0
        if how is EntryKind.CLAIMED:
            self.claimed += 1
        elif how is not EntryKind.OVERRIDDEN:
            self.given += 1

    def today(self, day: date) -> tuple[int, int]:
        """How many they claimed, and were given, on a day."""
        return (self.claimed, self.given) if self.day == day else (0, 0)


class Team:
    """The people of one telling.

    Args:
        members: who may get leads.
        policy: the agreement that holds.
        own: those that held, by version.
        without: who is not there any more.
    """

    def __init__(self, members: Iterable[Member], policy: Policy, own: Mapping[int, Policy], without: frozenset[str] = frozenset()) -> None:
        self._members = {str(member.candidate.rep): _allowed(member, policy) for member in members}
        self._ids = {rep: member.candidate.rep for rep, member in self._members.items()}
        self._here = {rep: member.candidate for rep, member in self._members.items() if rep not in without}
        self._policy = policy
        self._lowered = {version for version, other in own.items() if _lower(policy, other)}
        self._now: dict[str, Hands] = {rep: Hands() for rep in self._members}
        self._then: dict[str, Hands] = {rep: Hands() for rep in self._members}
        self._turns: Turns = {}
        self._stale = set(self._here)
        self._daily = policy.routing.per_rep_daily is not None

    def move(self, turn: Turn, *, now: bool, then: bool) -> None:
        """A lead changes hands as it is told now, or did so then, or both."""
        for hands, moves in ((self._now, now), (self._then, then)):
            if moves and turn.lost is not None:
                _of(hands, turn.lost).open -= 1
            if moves and turn.got is not None:
                _of(hands, turn.got).get(turn.how, self._day(turn.got, turn.at))
        if now:
            self._stale.update(rep for rep in (turn.lost, turn.got) if rep in self._here)

    def has_room(self, rep: str, at: datetime) -> bool:
        """Whether somebody may be given one more."""
        candidate = self._candidate(rep, at)
        return candidate is not None and full(candidate, self._policy.routing) is None

    def can_be_given(self, answer: Routed, version: int, at: datetime) -> bool:
        """Whether a rep who was given a lead under an agreement can be given it now."""
        rep = answer.rep or ""
        return answer.account_owner or self._as_then(rep, version, at) or self.has_room(rep, at)

    def can_claim(self, claim: Claim, version: int, at: datetime) -> bool:
        """Whether a rep who claimed a lead under an agreement can claim it now."""
        return self._as_then(claim.rep, version, at) or too_many(self.standing(claim, version, at), self._policy.claims) is None

    def standing(self, claim: Claim, version: int, at: datetime) -> Standing:
        """Of somebody who claims now: as it was on record, where they have no more than then; else with as many as they have."""
        had, rep = claim.standing, claim.rep
        if had is not None and self._as_then(rep, version, at):
            return had
        if had is None:
            member = self._members.get(rep)
            had = Standing(roles=(Role.REP,), away=member.candidate.away if member else ())
        now = _of(self._now, rep)
        return had.model_copy(update={"open": max(0, now.open), "today": now.today(self._day(rep, at))[0]})

    def choose(self, lead: Wanted, excluded: Iterable[str], at: datetime, kept: str | None = None) -> Choice:
        """Who gets a lead now.

        Args:
            lead: what it is chosen by.
            excluded: who may not get it.
            at: when.
            kept: who was given it on record: where they are among those who are free, they get it, because more was known then.
        """
        wanted = replace(lead, excluded=frozenset(self._ids[rep] for rep in excluded if rep in self._ids))
        for rep in list(self._here) if self._daily else sorted(self._stale):
            self._candidate(rep, at)
        found = choose(wanted, tuple(self._here.values()), self._policy.routing, self._turns, at)
        if found.rep is not None and kept is not None and self._ids.get(kept) in found.pool:
            return replace(found, rep=self._candidate(kept, at), turns={})
        if found.turns:
            self._turns = added(self._turns, found.turns)
        return found

    def _as_then(self, rep: str, version: int, at: datetime) -> bool:
        """Whether somebody has no more than they had then, and may have as many as under that agreement."""
        now, then = _of(self._now, rep), _of(self._then, rep)
        if version in self._lowered or now.open > then.open:
            return False
        if not self._daily:
            return True
        day = self._day(rep, at)
        return all(more <= less for more, less in zip(now.today(day), then.today(day), strict=True))

    def _candidate(self, rep: str, at: datetime) -> Candidate | None:
        """Somebody who is there, with what they have on their hands."""
        found = self._here.get(rep)
        if found is None or (rep not in self._stale and not self._daily):
            return found
        hands, today, ends = self._now[rep], 0, None
        if self._daily:
            day = self._day(rep, at)
            today, ends = sum(hands.today(day)), _midnight(day, self._members[rep].zone)
        found = self._here[rep] = found.having(max(0, hands.open), today, ends)
        self._stale.discard(rep)
        return found

    def _day(self, rep: str, at: datetime) -> date:
        member = self._members.get(rep)
        zone = member.zone if member else "UTC"
        return at.date() if zone == "UTC" else at.astimezone(ZoneInfo(zone)).date()


def _of(hands: dict[str, Hands], rep: str) -> Hands:
    found = hands.get(rep)
    if found is None:
        found = hands[rep] = Hands()
    return found


def _allowed(member: Member, policy: Policy) -> Member:
    """With as many leads as the agreement says, for whom nothing else is said."""
    capacity = policy.claims.per_rep_open if member.capacity is None else member.capacity
    return replace(member, candidate=replace(member.candidate, capacity=capacity))


def _lower(policy: Policy, other: Policy) -> bool:
    """Whether an agreement lets a rep have less than another one."""
    daily, before = policy.routing.per_rep_daily, other.routing.per_rep_daily
    return (
        policy.claims.per_rep_open < other.claims.per_rep_open
        or policy.claims.per_rep_daily < other.claims.per_rep_daily
        or (daily is not None and (before is None or daily < before))
    )


def _midnight(day: date, zone: str) -> datetime:
    tomorrow = day + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
