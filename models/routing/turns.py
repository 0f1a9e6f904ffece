"""Whose turn it is: a weighted round robin that stays within one lead of everybody's share.

Each lead is shared out among those who are entitled to it, by weight: everybody's *turn* rises by their share of one lead, and
falls by one for whoever gets it. A turn is thus how many leads somebody is owed (below zero: was given ahead of time). Only
somebody who is owed something may be next, and of these the one whose next whole lead falls due first. This is earliest
deadline first on the windows of Tijdeman's chairman assignment problem (R. Tijdeman, "The chairman assignment problem",
Discrete Mathematics 32, 1980): as long as the same people are entitled, nobody is ever a whole lead from their share.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from models.routing.people import Candidate

Turns = Mapping[UUID, float]
"""How many leads each one is owed. Who is not named is owed nothing."""
_NOTHING = 1e-9
"""Below this a turn is what floating point left of a zero."""
_MILLION = 1e6
"""So finely due times are told apart, for the same reason."""


def entitlements(entitled: Iterable[Candidate]) -> dict[UUID, float]:
    """Each one's share of one lead, by weight; nothing where all weights are zero."""
    weights = {candidate.rep: candidate.weight for candidate in entitled if candidate.weight > 0}
    total = sum(weights.values())
    return {rep: weight / total for rep, weight in weights.items()}


def next_in_turn(free: Sequence[Candidate], shares: Mapping[UUID, float], turns: Turns) -> Candidate:
    """Who of those who are free is next.

    What the free ones are owed beside each other decides; what they all owe somebody who is away does not.

    Args:
        free: at least one, each with a share.
        shares: of this lead, as `entitlements` gives them; those who catch up later may have one too.
        turns: before this lead.

    Returns:
        Of those who are owed something, whose next whole lead falls due first. On a tie the one with the smallest part of
        their capacity in use, then whose last lead is longest ago, then the smallest id.
    """
    total = sum(shares[c.rep] for c in free)
    level = sum(turns.get(c.rep, 0.0) for c in free) / total

    def order(candidate: Candidate) -> tuple[bool, float, float, bool, float, UUID]:
        share = shares[candidate.rep]
        owed = turns.get(candidate.rep, 0.0) - level * share + share / total
        due = (1.0 - owed) * total / share
        full = candidate.load / candidate.capacity if candidate.capacity else 1.0
        last = candidate.last_at
        return owed <= _NOTHING, round(due * _MILLION), full, last is not None, last.timestamp() if last else 0.0, candidate.rep

    return min(free, key=order)


def moved(shares: Mapping[UUID, float], chosen: UUID) -> dict[UUID, float]:
    """By how much each turn moves when one of them gets the lead."""
    return {**shares, chosen: shares[chosen] - 1}


def added(turns: Turns, moves: Turns) -> dict[UUID, float]:
    """The turns after they moved."""
    after = dict(turns)
    for rep, move in moves.items():
        after[rep] = after.get(rep, 0.0) + move
    return after
