"""What a choice of a rep is made from, read from the database: who there is and how much they have, the lead, who waits before it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from activities.enrichment.basics import country_code, email_kind
from activities.people import absences
from activities.scoring.facts import facts_of
from models.lifecycle import OWNED, Role
from models.policy import Policy
from models.policy.clock import clock_of
from models.routing import Candidate, Choice, Turns, Wanted, in_turn
from models.rules import Facts
from models.worktime import Away, WorkClock

MOST_AHEAD = 100
"""So many of the leads that wait before one are looked at; whoever is further behind has nothing to expect anyway."""
_OWNED = [stage.value for stage in OWNED]

# One document instead of a row a rep: a hundred reps are read for every lead, and decoding JSON is what Python does fastest.
_REPS = """
    SELECT coalesce(json_agg(json_build_array(
        u.id, u.active, u.absences::text, u.capacity, u.weight, u.territories, nullif(u.working_hours, 'null')::text, u.timezone, u.roles,
        (SELECT count(*) FROM leads l WHERE l.owner_id = u.id AND l.stage = ANY(%(owned)s)) + given.open,
        CASE WHEN %(daily)s THEN given.today
            + (SELECT count(*) FROM ledger e WHERE e.actor_id = u.id AND e.kind = 'claimed' AND e.at >= day.begins) ELSE 0 END,
        (SELECT extract(epoch FROM max(a.at)) FROM assignments a WHERE a.rep_id = u.id),
        CASE WHEN %(daily)s THEN extract(epoch FROM day.ends) END) ORDER BY u.id), '[]')::text
    FROM users u, LATERAL (SELECT date_trunc('day', now() AT TIME ZONE u.timezone) AS today) AS local,
        LATERAL (SELECT local.today AT TIME ZONE u.timezone AS begins,
            (local.today + interval '1 day') AT TIME ZONE u.timezone AS ends) AS day,
        LATERAL (SELECT count(*) FILTER (WHERE NOT a.settled) AS open, count(*) FILTER (WHERE a.at >= day.begins) AS today
            FROM assignments a WHERE a.rep_id = u.id AND (NOT a.settled OR (%(daily)s AND a.at >= day.begins))
                AND a.lead_id IS DISTINCT FROM %(lead)s) AS given
    WHERE u.roles && ARRAY['rep', 'manager']"""
PERSON = """
    l.id, l.email, l.first_name, l.last_name, l.company, l.title, l.phone, l.country, l.source, l.campaign, l.interest, l.message,
    l.attributes, l.enrichment, l.domain, l.account_id, l.tier, a.owner_id AS account_owner,
    coalesce((SELECT s.score FROM scores s WHERE s.lead_id = l.id ORDER BY s.at DESC, s.id DESC LIMIT 1), l.score) AS score"""
"""What `Asked.person` needs, of `leads l LEFT JOIN accounts a`."""
LEADS = f"SELECT {PERSON} FROM leads l LEFT JOIN accounts a ON a.id = l.account_id WHERE l.id = ANY(%(leads)s)"  # noqa: S608
"""What `Asked.person` needs of these leads."""
_ACCOUNT_OWNER = "SELECT owner_id FROM accounts WHERE id = %(account)s"

# Whoever has a lead of the company, or is about to get one, before whoever won one; the latest first.
_COMPANY = """
    SELECT coalesce(o.owner_id, p.rep_id, (o.state #>> '{{holders,-1,rep}}')::uuid) AS rep
    FROM leads o LEFT JOIN assignments p ON p.lead_id = o.id AND NOT p.settled
    WHERE {same} AND o.id IS DISTINCT FROM %(lead)s AND (o.owner_id IS NOT NULL OR o.stage = 'won' OR p.rep_id IS NOT NULL)
    ORDER BY o.stage = 'won', coalesce(o.owned_since, p.at, o.since) DESC LIMIT 1"""
_BY_DOMAIN = _COMPANY.format(same="o.domain = %(domain)s")
_BY_NAME = _COMPANY.format(same="lower(o.company) = lower(%(company)s) AND (o.owner_id IS NOT NULL OR o.stage = 'won')")
# How the turns stand, since when the lead waits, and who waits before it: one document, for the reason above.
_QUEUE = """
    WITH mine AS (
        SELECT (SELECT since FROM routing_queue WHERE lead_id = %(lead)s) AS since, coalesce(%(score)s::float8, -1) AS score)
    SELECT (SELECT turns FROM routing_turns WHERE id = 1)::text, mine.since, (
        SELECT json_agg(json_build_array(before.lead_id, before.since, before.excluded)) FROM (
            SELECT q.lead_id, q.since, q.excluded
            FROM routing_queue q JOIN leads l ON l.id = q.lead_id, LATERAL (SELECT coalesce(l.score, q.score, -1) AS score) AS their
            WHERE q.lead_id IS DISTINCT FROM %(lead)s AND q.asked_at > now() - %(fresh)s::interval
                AND (their.score > mine.score OR (their.score = mine.score AND q.since < coalesce(mine.since, now())))
            ORDER BY their.score DESC, q.since, q.lead_id LIMIT %(limit)s) AS before)::text
    FROM mine"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A lead as its choice needs it, whether it has a row yet or not.

    Args:
        person: its columns from forms, with `enrichment`, `domain`, `account_owner`, `score` and `tier`.
        excluded: ids of reps who may not get it.
        lead: its id; None for one that is only thought of.
        since: when it began to wait.
    """

    person: Mapping[str, Any]
    excluded: frozenset[UUID] = frozenset()
    lead: UUID | None = None
    since: datetime | None = None

    @property
    def facts(self) -> Facts:
        """What is known about it, for the rules: its country is both what was written and its code, its score stands beside the rest."""
        person = self.person
        found = dict(facts_of(person, person["enrichment"]))
        names = {str(name).strip().lower() for name in (found.get("country"), country_code(str(found.get("country") or ""))) if name}
        more = {"score": person.get("score"), "tier": person.get("tier"), "country": frozenset(names) if names else None}
        return found | {name: value for name, value in more.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a choice depends on, as of one moment.

    Args:
        reps: everybody with the role of a rep or a manager.
        turns: how many leads each one is owed.
        wanted: the lead.
        ahead: the leads that wait before it.
        policy: the agreement.
    """

    reps: Sequence[Candidate]
    turns: Turns
    wanted: Wanted
    ahead: Sequence[Wanted]
    policy: Policy

    def choice(self, at: datetime) -> Choice:
        """Who gets the lead at this moment. Where nobody has room, whoever waits before it makes no difference."""
        room = any(c.load < c.capacity for c in self.reps)
        return in_turn(self.wanted, self.ahead if room else (), self.reps, self.policy.routing, self.turns, at)


async def leads(connection: AsyncConnection[Any], ids: Iterable[UUID]) -> dict[UUID, DictRow]:
    """What `Asked.person` needs of these leads."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(LEADS, {"leads": list(ids)})).fetchall()
    return {row["id"]: row for row in rows}


async def account_owner(connection: AsyncConnection[Any], account: UUID | None) -> UUID | None:
    """Whose a named account is."""
    if account is None:
        return None
    row = await (await connection.execute(_ACCOUNT_OWNER, {"account": account})).fetchone()
    return row[0] if row else None


async def situation(connection: AsyncConnection[Any], policy: Policy, asked: Asked, *, lock: int | None = None) -> Situation:
    """Everything a choice depends on. Writes nothing.

    Args:
        connection: in a transaction.
        policy: the agreement.
        asked: the lead.
        lock: an advisory lock to take before anything is read, and to hold until the transaction ends.
    """
    what = {"lead": asked.lead, "owned": _OWNED, "daily": policy.routing.per_rep_daily is not None}
    waits = {"lead": asked.lead, "score": asked.person.get("score"), "fresh": _fresh(policy), "limit": MOST_AHEAD}
    async with connection.cursor() as gate, connection.cursor() as everybody, connection.cursor() as queue, connection.cursor() as company:
        company_had = _company(asked, policy)
        async with connection.pipeline():  # nothing is fetched within: each fetch would be a round trip under the lock
            if lock is not None:
                await gate.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))
            await everybody.execute(_REPS, what)
            await queue.execute(_QUEUE, waits)
            if company_had:
                await company.execute(*company_had)
        existing = await company.fetchone() if company_had else None
        (listed,), (turns, since, before) = _there(await everybody.fetchone()), _there(await queue.fetchone())
    return Situation(
        reps=[candidate(row, policy) for row in json.loads(listed)],
        turns=_turns(json.loads(turns or "{}"), policy),
        wanted=_wanted(asked, existing[0] if existing else None, since or asked.since),
        ahead=await _ahead(connection, json.loads(before or "[]"), policy),
        policy=policy,
    )


def _there(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    assert row is not None  # noqa: S101 - an aggregate always gives a row
    return row


def _fresh(policy: Policy) -> timedelta:
    """A lead that has not asked for so long is no longer asking, and nobody waits for it."""
    return 2 * policy.routing.retry + timedelta(minutes=1)


def _turns(stored: Mapping[str, float], policy: Policy) -> dict[UUID, float]:
    """Without catching up nobody is owed more than one lead, whatever they were owed when the agreement said otherwise."""
    most = float("inf") if policy.routing.catch_up else 1.0
    return {_id(rep): min(turn, most) for rep, turn in stored.items()}


def candidate(row: Sequence[Any], policy: Policy) -> Candidate:
    """Somebody who might get a lead.

    Args:
        row: id, active, absences as JSON, capacity, weight, territories, working hours as JSON, time zone, roles, how many leads they
            have and got today, when the last one was, and when their next day begins.
        policy: the agreement.
    """
    rep, active, away, capacity, weight, territories, hours, zone, roles, load, today, last_at, next_day = row
    clock = _hours(hours, zone, policy.clock.days_off) if hours else policy.clock.work
    return Candidate(
        rep=_id(rep),
        capacity=policy.claims.per_rep_open if capacity is None else capacity,
        load=load,
        today=today,
        active=active,
        away=_absences(away),
        last_at=datetime.fromtimestamp(last_at, UTC) if last_at else None,
        weight=weight,
        territories=frozenset(name.strip().lower() for name in territories),
        clock=clock if clock.week else None,
        next_day=datetime.fromtimestamp(next_day, UTC) if next_day else None,
        sells=Role.REP in roles,
        manages=Role.MANAGER in roles,
    )


_id = lru_cache(maxsize=4096)(UUID)
"""Ids of reps are read again for every lead; the same objects are also found faster than equal ones."""


@lru_cache(maxsize=1024)
def _absences(stored: str) -> tuple[Away, ...]:
    return absences(json.loads(stored))


@lru_cache(maxsize=1024)
def _hours(stored: str, zone: str, days_off: frozenset[date]) -> WorkClock:
    return clock_of(json.loads(stored), zone, days_off)


def _wanted(asked: Asked, existing: UUID | None, since: datetime | None) -> Wanted:
    return Wanted(
        facts=asked.facts,
        account_owner=asked.person["account_owner"],
        existing_owner=existing,
        excluded=asked.excluded,
        since=since,
    )


def _company(asked: Asked, policy: Policy) -> tuple[str, dict[str, Any]] | None:
    """What to ask for who has the lead's company. A free mailbox's domain says nothing about who works together; the name then does."""
    domain, company = asked.person["domain"], asked.person["company"]
    by_domain = domain and email_kind(domain) == "company"
    if not policy.routing.existing_owner or not (by_domain or company):
        return None
    return _BY_DOMAIN if by_domain else _BY_NAME, {"lead": asked.lead, "domain": domain, "company": company}


async def _existing_owner(connection: AsyncConnection[Any], asked: Asked, policy: Policy) -> UUID | None:
    company_had = _company(asked, policy)
    row = await (await connection.execute(*company_had)).fetchone() if company_had else None
    return row[0] if row else None


async def _ahead(connection: AsyncConnection[Any], waiting: Sequence[Sequence[Any]], policy: Policy) -> list[Wanted]:
    if not waiting:
        return []
    people = await leads(connection, [UUID(lead) for lead, _, _ in waiting])
    found = []
    for lead, since, excluded in waiting:
        key = UUID(lead)
        asked = Asked(people[key], frozenset(map(UUID, excluded)), key)
        found.append(_wanted(asked, await _existing_owner(connection, asked, policy), datetime.fromisoformat(since)))
    return found
