"""Leads' pasts out of the database, a part at a time, so that it takes no more memory for many leads than for few."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, text

from activities.roster import PERSON, Asked, candidate
from models.lifecycle import EntryKind
from models.messages import EPOCH
from models.policy import Policy, stored_policy
from models.routing import Wanted
from models.worktime import Away
from workflows.whatif.record import Past, Turn, past_of
from workflows.whatif.team import Member

PART = 500
"""Leads that are read at once."""
_LEADS = text("SELECT id FROM leads WHERE created_at >= :since AND created_at < :until ORDER BY created_at, id")
_POLICIES = text("SELECT version, document FROM policies")
# Only a lead whose events cover its ledger from the first entry to the last can be told again.
_WHOLE = "coalesce((SELECT sum(upto - seq + 1) FROM events WHERE lead_id = l.id), 0) = l.seq"
_PART = text(
    f"""
    SELECT l.id, t.told, r.rows FROM leads l
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(one.value ORDER BY e.seq, one.ordinality)::text AS told
        FROM events e CROSS JOIN jsonb_array_elements(e.told) WITH ORDINALITY one
        WHERE e.lead_id = l.id AND {_WHOLE}) t ON true
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(kind, from_stage, to_stage, owner_id, at, tier, score, deadline_at) ORDER BY seq)::text AS rows
        FROM ledger WHERE lead_id = l.id) r ON t.told IS NOT NULL
    WHERE l.id = ANY(:ids) ORDER BY l.created_at, l.id"""  # noqa: S608 - our own text
)
_PEOPLE = text(f"SELECT {PERSON} FROM leads l LEFT JOIN accounts a ON a.id = l.account_id WHERE l.id = ANY(:ids)")  # noqa: S608 - our own text
_TEAM = text(
    """
    SELECT id::text, active, absences::text, capacity, weight, territories, nullif(working_hours, 'null')::text, timezone, roles, created_at
    FROM users WHERE roles && ARRAY['rep', 'manager'] ORDER BY id"""
)
_APART = text(
    f"""
    SELECT at, lost::text, got::text, kind FROM (
        SELECT at, kind, owner_id AS got, lag(owner_id) OVER (PARTITION BY lead_id ORDER BY seq) AS lost FROM ledger WHERE lead_id IN (
            SELECT l.id FROM leads l
            WHERE NOT (l.created_at >= :since AND l.created_at < :until AND {_WHOLE}) AND (l.owner_id IS NOT NULL
                OR l.id IN (SELECT lead_id FROM ledger WHERE at >= :since AND owner_id IS NOT NULL)))) turns
    WHERE got IS DISTINCT FROM lost ORDER BY at"""  # noqa: S608 - our own text
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


def leads(connection: Connection, since: datetime, until: datetime) -> list[UUID]:
    """The leads that came in that time, in that order."""
    return list(connection.execute(_LEADS, {"since": since, "until": until}).scalars())


def policies(connection: Connection) -> dict[int, Policy]:
    """Every published agreement by its version."""
    return {row.version: stored_policy(row.version, row.document) for row in connection.execute(_POLICIES)}


def team(connection: Connection, policy: Policy) -> tuple[Member, ...]:
    """Everybody who may get leads, as they are now, from when they came."""
    found = []
    for *row, came in connection.execute(_TEAM):
        somebody = candidate((*row, 0, 0, None, None), policy)
        away = Away(EPOCH, came), *somebody.away
        found.append(Member(replace(somebody, away=away), zone=row[7], capacity=row[3]))
    return tuple(found)


def apart(connection: Connection, since: datetime, until: datetime) -> list[Turn]:
    """The changes of hands of leads that are not told again: they came at another time, or cannot be."""
    rows = connection.execute(_APART, {"since": since, "until": until})
    return [Turn(row.at, row.lost, row.got, EntryKind(row.kind)) for row in rows]


def parts(connection: Connection, ids: Sequence[UUID], *, people: bool) -> Iterator[Part]:
    """These leads in parts, in their order.

    Args:
        connection: to the database.
        ids: theirs.
        people: also what a rep is chosen by.
    """
    for place in range(0, len(ids), PART):
        some = ids[place : place + PART]
        rows = connection.execute(_PART, {"ids": some}).all()
        about = {row["id"]: row for row in connection.execute(_PEOPLE, {"ids": some}).mappings()} if people else {}
        pasts = [
            past_of(str(row.id), row.told, row.rows, partial(_wanted, about[row.id]) if row.id in about else Wanted)
            for row in rows
            if row.told and row.rows
        ]
        yield Part(pasts, len(some))


def _wanted(person: RowMapping) -> Wanted:
    """What a rep is chosen by, as it is known now."""
    known: dict[str, Any] = dict(person)
    return Wanted(facts=Asked(known).facts, account_owner=known["account_owner"])
