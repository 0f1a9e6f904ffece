"""Folds the ledger, lead by lead, into what the insights are counted from: journeys, tenures and overruns.

Nothing is written where a decision is: `leads.change` numbers every change in the order of commit, so whatever is above
the number reached so far is what is not folded yet, and a lead is folded anew from its whole ledger. Who reads an insight
catches up first; the API does so in the background, so that there is little left to do then.

The three statements are the definitions of `docs/insights.md`; a test compares them with a plain recomputation.
"""

from time import monotonic

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from models.locks import FOLD_LOCK

BATCH = 1000
"""Leads folded in one transaction."""

_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_BEHIND = text("SELECT (SELECT change FROM insight_progress) < (SELECT max(change) FROM leads)")
_PICK = text(
    """
    SELECT id, change FROM leads WHERE change > (SELECT change FROM insight_progress) ORDER BY change LIMIT :batch"""
)
_REACHED = text("UPDATE insight_progress SET change = :change")

_ENTRIES = """
    SELECT e.*, lag(owner_id) OVER w AS was_owner, lag(at) OVER w AS was_at, lag(deadline_at) OVER w AS was_due,
        lag(deadline_kind) OVER w AS was_due_kind, lead(at) OVER w AS next_at, lead(kind) OVER w AS next_kind,
        lead(seq) OVER w AS next_seq
    FROM ledger e WHERE lead_id = ANY(:leads) WINDOW w AS (PARTITION BY lead_id ORDER BY seq)"""

# Since an entry that began a search for a rep the lead waits for the router, until it moves or the router finds nobody.
_MARKED = f"""
    SELECT *, CASE
            WHEN kind = 'fast_lane' AND owner_id IS NULL THEN 'routing'
            WHEN to_stage = 'new' AND from_stage IN ('claimed', 'assigned') THEN 'routing'
            WHEN kind = 'reviewed' AND to_stage = 'review' THEN 'routing'
            WHEN kind = 'unrouted' THEN 'nobody'
            WHEN from_stage <> to_stage OR kind IN ('arrived', 'reopened') THEN 'moved' END AS mark
    FROM ({_ENTRIES}) entries"""  # noqa: S608 - constants of ours
_STRETCHES = f"""
    SELECT *, first_value(mark) OVER (PARTITION BY lead_id, marks ORDER BY seq) AS search,
        min(seq) FILTER (WHERE to_stage IN ('working', 'qualified')) OVER (PARTITION BY lead_id) AS contact_seq
    FROM (SELECT *, count(mark) OVER (PARTITION BY lead_id ORDER BY seq) AS marks FROM ({_MARKED}) marked) counted"""  # noqa: S608
# Before its deadline a stretch is somebody's; what goes on after it is ours.
_WAITS = f"""
    SELECT lead_id, who, extract(epoch FROM mine - at)::float8 AS waited,
        extract(epoch FROM next_at - mine)::float8 AS late
    FROM (SELECT *, least(next_at, greatest(coalesce(deadline_at, next_at), at)) AS mine, CASE
            WHEN to_stage IN ('claimed', 'assigned') THEN 'owner'
            WHEN to_stage = 'held' THEN 'marketer'
            WHEN search = 'routing' THEN 'system'
            WHEN search = 'nobody' THEN 'sales'
            WHEN to_stage = 'review' THEN 'reviewer'
            WHEN to_stage = 'new' AND tier IS NULL THEN 'system'
            WHEN to_stage = 'new' THEN 'sales'
            WHEN to_stage IN ('nurture', 'long_term') THEN 'agreed' END AS who
        FROM ({_STRETCHES}) stretches WHERE seq < contact_seq) held"""  # noqa: S608

_REACHED_AT = {
    "mql": "l.mql_at",
    "sal": "l.sal_at",
    "sql": "l.sql_at",
    "contact": "told.contact",
    "won": "told.won",
    "refused": "refused.at",
}
_WHO = ("system", "sales", "owner", "reviewer", "marketer", "agreed")
_FOLD_JOURNEYS = text(
    rf"""
    WITH told AS (
        SELECT lead_id, min(at) FILTER (WHERE kind = 'arrived') AS arrived,
            min(at) FILTER (WHERE to_stage IN ('working', 'qualified')) AS contact, min(at) FILTER (WHERE kind = 'won') AS won,
            max(seq) FILTER (WHERE to_stage = 'disqualified' AND from_stage <> to_stage AND actor_kind = 'user') AS refused_seq,
            min(seq) FILTER (WHERE tier IS NOT NULL) AS scored_seq
        FROM ledger WHERE lead_id = ANY(:leads) GROUP BY lead_id),
    waits AS (
        SELECT lead_id, sum(late) AS late, {", ".join(f"coalesce(sum(waited) FILTER (WHERE who = '{who}'), 0) AS {who}" for who in _WHO)}
        FROM ({_WAITS}) waits GROUP BY lead_id)
    INSERT INTO journeys (lead_id, arrived_at, {", ".join(f"to_{name}" for name in _REACHED_AT)}, sql_at, since, deadline_at, score,
        waited_late, {", ".join(f"waited_{who}" for who in _WHO)}, amount_usd, closed, stage, tier, source, campaign, interest, segment,
        industry, country, rank, owner_id, refused_note)
    SELECT l.id, began.at, {", ".join(f"date_part('epoch', {at} - began.at)" for at in _REACHED_AT.values())}, l.sql_at, l.since,
        l.deadline_at, scored.score, waits.late, {", ".join(f"waits.{who}" for who in _WHO)}, l.amount_usd, l.closed, l.stage,
        scored.tier, l.source, l.campaign, l.interest,
        CASE WHEN size < 50 THEN '1 to 49' WHEN size < 200 THEN '50 to 199' WHEN size < 1000 THEN '200 to 999'
            WHEN size IS NOT NULL THEN '1,000 or more' END,
        nullif(coalesce(l.attributes ->> 'industry', l.enrichment ->> 'industry'), ''),
        coalesce(nullif(l.country, ''), l.enrichment ->> 'country'),
        CASE WHEN l.title ~* '\m(chief|c[etfimo]o|founder|owner|president)\M' AND l.title !~* '\mvice\M' THEN 'chief'
            WHEN l.title ~* '\m(vp|vice president|svp|evp)\M' THEN 'vice president'
            WHEN l.title ~* '\m(director|head of)\M' THEN 'director' WHEN l.title ~* '\mmanager\M' THEN 'manager'
            WHEN l.title > '' THEN 'other' END,
        l.owner_id, refused.note_id
    FROM leads l
    CROSS JOIN LATERAL (SELECT coalesce(l.attributes ->> 'employees', l.enrichment ->> 'employees') AS employees) AS company
    CROSS JOIN LATERAL (
        SELECT CASE WHEN employees ~ '^\s*\d{{1,9}}(\.\d{{1,9}})?\s*$' THEN employees::numeric END AS size) AS sized
    LEFT JOIN told ON told.lead_id = l.id
    CROSS JOIN LATERAL (SELECT coalesce(told.arrived, l.arrived_at) AS at) AS began
    LEFT JOIN waits ON waits.lead_id = l.id
    LEFT JOIN ledger refused ON refused.lead_id = l.id AND refused.seq = told.refused_seq
    LEFT JOIN ledger scored ON scored.lead_id = l.id AND scored.seq = told.scored_seq
    WHERE l.id = ANY(:leads)"""  # noqa: S608 - constants of ours
)

# An absence excuses: the state remembers of its last twenty holders whether time ran out on them or on their being away.
_FOLD_TENURES = text(
    f"""
    INSERT INTO tenures (lead_id, seq, rep_id, since, contacted_at, sql_at, won_at, ended_at, score, attempts, excused, tier, began, ended)
    SELECT lead_id, first, rep_id, since, contacted_at, sql_at, CASE WHEN ended = 'won' THEN ended_at END, ended_at, score, attempts,
        coalesce(ended IN ('lapsed', 'meager') AND EXISTS (
            SELECT FROM leads l, jsonb_array_elements(l.state -> 'holders') AS holder
            WHERE l.id = lead_id AND holder ->> 'rep' = rep_id::text AND holder ->> 'lapsed' = 'false'
                AND (holder ->> 'until')::timestamptz = ended_at), false),
        tier, began, ended
    FROM (
        SELECT lead_id, min(seq) AS first, owner_id AS rep_id, min(at) AS since,
            min(at) FILTER (WHERE to_stage IN ('working', 'qualified')) AS contacted_at,
            min(at) FILTER (WHERE kind = 'qualified') AS sql_at,
            count(*) FILTER (WHERE kind IN ('contacted', 'worked')) AS attempts,
            (array_agg(score ORDER BY seq))[1] AS score, (array_agg(tier ORDER BY seq))[1] AS tier,
            (array_agg(kind ORDER BY seq))[1] AS began,
            (array_agg(next_at ORDER BY seq DESC))[1] AS ended_at, (array_agg(next_kind ORDER BY seq DESC))[1] AS ended
        FROM (
            SELECT *, count(*) FILTER (WHERE owner_id IS DISTINCT FROM was_owner) OVER (PARTITION BY lead_id ORDER BY seq) AS stretch
            FROM ({_ENTRIES}) entries) stretches
        WHERE owner_id IS NOT NULL GROUP BY lead_id, stretch, owner_id) found"""  # noqa: S608 - constants of ours
)

_FOLD_OVERRUNS = text(
    f"""
    INSERT INTO overruns (lead_id, seq, at, late_ms, kind)
    SELECT lead_id, seq, at, floor(extract(epoch FROM at - greatest(was_due, was_at)) * 1000), was_due_kind
    FROM ({_ENTRIES}) entries WHERE at > was_due AND kind <> 'erased'"""  # noqa: S608 - constants of ours
)
_EMPTY = tuple(text(f"DELETE FROM {table} WHERE lead_id = ANY(:leads)") for table in ("journeys", "tenures", "overruns"))  # noqa: S608


async def catch_up(database: Database, *, seconds: float = 2.0) -> bool:
    """Fold what changed since the last time.

    Args:
        database: where.
        seconds: after this long it is left off between two batches.

    Returns:
        Whether everything that was committed when this began is folded.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    until = monotonic() + seconds
    while True:
        async with database.connection() as connection:
            if not (await connection.execute(_BEHIND)).scalar_one():
                return True
            folded = await fold(connection)
        if folded < BATCH:
            return True
        if monotonic() > until:
            return False


async def fold(connection: AsyncConnection) -> int:
    """Fold the next batch in the caller's transaction; how many leads that were."""
    await connection.execute(_LOCK, {"key": FOLD_LOCK})
    found = (await connection.execute(_PICK, {"batch": BATCH})).all()
    if found:
        leads = {"leads": [row.id for row in found]}
        for statement in (*_EMPTY, _FOLD_JOURNEYS, _FOLD_TENURES, _FOLD_OVERRUNS):
            await connection.execute(statement, leads)
        await connection.execute(_REACHED, {"change": found[-1].change})
    return len(found)
