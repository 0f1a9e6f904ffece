"""When what a lead did reaches its workflow: at once where it asks for a person, else once in a debounce window.

Its workflow looks at everything again when the window ends, so nothing is missed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.lifecycle import Channel, FastLaneRule
from models.messages import Consent, Engage, Event
from models.policy import Policy

FAST_LANE = frozenset({"consultation_requested", "demo_requested", "contact_requested"})
"""Kinds by which a prospect asks for a person: they reach the workflow at once."""
_SHARE = 0.8
"""How much of the workflow's debounce window a lead is left alone for: less than all, so that no event falls between
the look at the end of one window and the beginning of the next."""

_ENOUGH = text(
    """
    SELECT e.lead_id FROM engagements e
        JOIN unnest(CAST(:kinds AS text[]), CAST(:points AS float8[])) AS worth (kind, points) ON worth.kind = e.kind
        JOIN leads l ON l.id = e.lead_id
    WHERE e.lead_id = ANY(:leads) AND e.at > now() - CAST(:window AS interval) AND e.received_at > coalesce(l.stirred_until, '-infinity')
        AND e.verdict = 'human'
    GROUP BY e.lead_id HAVING sum(worth.points) >= :enough"""
)
_STIR = text(
    """
    UPDATE leads SET stirred_until = now() + CAST(:quiet AS interval)
    FROM (SELECT id FROM leads WHERE id = ANY(:leads) ORDER BY id FOR NO KEY UPDATE) AS found
    WHERE leads.id = found.id AND NOT leads.closed AND (leads.stirred_until IS NULL OR leads.stirred_until < now())
    RETURNING leads.id"""
)


@dataclass(frozen=True, slots=True)
class Who:
    """What has to be known about a lead that did something.

    Args:
        closed: its life is over.
        named: it belongs to a named account.
        quiet: it was stirred a moment ago.
    """

    id: UUID
    closed: bool
    named: bool
    quiet: bool


@dataclass(slots=True)
class Doings:
    """What one lead did, as far as its workflow may want to know.

    Args:
        lead: who.
        at: when the latest of it was.
        kinds: of engagement.
        stopped: channels it wants no more of.
    """

    lead: Who
    at: datetime
    kinds: set[str] = field(default_factory=set)
    stopped: set[Channel] = field(default_factory=set)


async def signals(connection: AsyncConnection, policy: Policy, doings: Iterable[Doings]) -> list[tuple[UUID, Event]]:
    """What the workflows of these leads are told: what was stopped, and that something worth a new score happened.

    Args:
        connection: in the transaction in which it was stored.
        policy: the one in force.
        doings: of each lead, once.
    """
    found = list(doings)
    stops: list[tuple[UUID, Event]] = [(d.lead.id, Consent(stopped=tuple(sorted(d.stopped)))) for d in found if d.stopped]
    living = [d for d in found if d.kinds and not d.lead.closed]
    stirred = await _stirred(connection, policy, living)
    ids, awaited = {d.lead.id for d in stirred}, policy.nurture.awaited
    told = [(d, d.lead.id in ids, tuple(sorted(d.kinds & awaited))) for d in living]
    return stops + [
        (d.lead.id, Engage(stirring=stirring, rule=_rule(d) if stirring else None, occurred_at=d.at, kinds=kinds))
        for d, stirring, kinds in told
        if stirring or kinds
    ]


def _rule(doings: Doings) -> FastLaneRule | None:
    if doings.kinds & FAST_LANE:
        return FastLaneRule.CONSULTATION
    return FastLaneRule.NAMED_ACCOUNT if doings.lead.named else None


async def _stirred(connection: AsyncConnection, policy: Policy, doings: list[Doings]) -> list[Doings]:
    """Those leads that are worth stirring and were not stirred a moment ago. Who asks for a person is heard at once."""
    urgent = {d.lead.id for d in doings if d.kinds & FAST_LANE}
    calm = [d for d in doings if not d.lead.quiet and d.lead.id not in urgent]
    stirring = {d.lead.id for d in calm if d.lead.named or not d.kinds.isdisjoint(policy.rescore.stir)}
    worth = {kind: points for kind, points in policy.score.points.implicit.items() if points > 0}
    small = [d.lead.id for d in calm if d.lead.id not in stirring and not d.kinds.isdisjoint(worth)]
    if small:
        what = {"leads": small, "kinds": list(worth), "points": list(worth.values())}
        enough = {"window": policy.rescore.stir_window, "enough": policy.rescore.stir_points}
        stirring |= set((await connection.execute(_ENOUGH, {**what, **enough})).scalars())
    if stirring or urgent:
        quiet = {"leads": list(stirring | urgent), "quiet": policy.rescore.debounce * _SHARE}
        stirring &= set((await connection.execute(_STIR, quiet)).scalars())
    return [d for d in doings if d.lead.id in stirring | urgent]
