"""Leads' pasts out of the database, a part at a time, so that it takes no more memory for many leads than for few."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from models.policy import Policy, stored_policy
from workflows.whatif.record import Past, past_of

PART = 500
"""Leads that are read at once."""
_COUNT = text("SELECT count(*) FROM leads WHERE created_at >= :since AND created_at < :until")
_POLICIES = text("SELECT version, document FROM policies")
# Only a lead whose events cover its ledger from the first entry to the last can be told again.
_PART = text(
    """
    SELECT l.id, t.told, r.rows FROM (
        SELECT id, seq FROM leads WHERE created_at >= :since AND created_at < :until AND id > :after ORDER BY id LIMIT :limit) l
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(one.value ORDER BY e.seq, one.ordinality)::text AS told
        FROM events e CROSS JOIN jsonb_array_elements(e.told) WITH ORDINALITY one
        WHERE e.lead_id = l.id
            AND (SELECT sum(upto - seq + 1) FROM events WHERE lead_id = l.id) = l.seq) t ON true
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(kind, from_stage, to_stage, owner_id, at, tier, score, deadline_at) ORDER BY seq)::text AS rows
        FROM ledger WHERE lead_id = l.id) r ON t.told IS NOT NULL
    ORDER BY l.id"""
)


@dataclass(slots=True)
class Part:
    """Some leads.

    Args:
        pasts: those that can be told again.
        leads: how many there are, with those that cannot.
    """

    pasts: list[Past]
    leads: int


def count(connection: Connection, since: datetime, until: datetime) -> int:
    """How many leads came in that time."""
    found: int = connection.execute(_COUNT, {"since": since, "until": until}).scalar_one()
    return found


def policies(connection: Connection) -> dict[int, Policy]:
    """Every published agreement by its version."""
    return {row.version: stored_policy(row.version, row.document) for row in connection.execute(_POLICIES)}


def parts(connection: Connection, since: datetime, until: datetime) -> Iterator[Part]:
    """All leads that came in that time, in parts."""
    after = UUID(int=0)
    while True:
        rows = connection.execute(_PART, {"since": since, "until": until, "after": after, "limit": PART}).all()
        if not rows:
            return
        yield Part([past_of(str(row.id), row.told, row.rows) for row in rows if row.told and row.rows], len(rows))
        after = rows[-1].id
