"""Verdicts that come late: what was taken for a person's doing and was a machine's is taken back, with all it added.

That is the points (the lead is scored again) and that a message was opened or clicked. Clocks that ran anew meanwhile stay as
they are: nobody can say what would have happened.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.policies import latest
from activities.signals.judging import Judge, Judgement, judge_of
from api.services import outbox
from api.services.engine import Engine
from models.messages import Rescore
from models.signals import Sign, Verdict

AGENTS_KEPT = timedelta(days=30)
"""For how long user agents are kept, and so how long a pattern that is learnt later still applies."""
_MOST = 5000

_BY_ID = text(
    """
    UPDATE engagements SET verdict = :verdict, sign = :sign WHERE id = ANY(:ids) AND verdict = 'human'
    RETURNING lead_id, properties ->> 'message' AS message"""
)
_ROBOT = text(
    """
    INSERT INTO robots (anonymous_id, at, why) SELECT visitor, now(), :why FROM unnest(CAST(:visitors AS text[])) AS found (visitor)
    ON CONFLICT DO NOTHING"""
)
_VISITORS = text(
    """
    UPDATE engagements SET verdict = 'bot', sign = :why
    WHERE verdict = 'human' AND event_id LIKE 't:%' AND id IN (
        SELECT id FROM engagements WHERE anonymous_id = ANY(:visitors) AND lead_id IS NULL
        UNION ALL
        SELECT e.id FROM namings n JOIN engagements e ON e.lead_id = n.lead_id AND e.anonymous_id = n.anonymous_id
        WHERE n.anonymous_id = ANY(:visitors))
    RETURNING lead_id, properties ->> 'message' AS message"""
)
_AGENTS = text(
    """
    WITH RECURSIVE found AS (
        (SELECT agent FROM engagements WHERE agent IS NOT NULL ORDER BY agent LIMIT 1)
        UNION ALL
        SELECT (SELECT agent FROM engagements WHERE agent > found.agent ORDER BY agent LIMIT 1) FROM found WHERE found.agent IS NOT NULL)
    SELECT agent FROM found WHERE agent IS NOT NULL"""
)
_OF_AGENT = """
    UPDATE engagements SET verdict = :verdict, sign = :sign
    WHERE id IN (SELECT id FROM engagements WHERE agent = :agent AND {which} LIMIT :most)
    RETURNING lead_id, properties ->> 'message' AS message"""
_CONVICT = text(_OF_AGENT.format(which="verdict = 'human'"))
_ACQUIT = text(_OF_AGENT.format(which="sign = 'user_agent'"))
_FORGET = text("UPDATE engagements SET agent = NULL WHERE agent = :agent AND received_at < now() - CAST(:kept AS interval)")
_SEEN = text(
    """
    UPDATE messages m SET opened_at = found.opened, clicked_at = found.clicked
    FROM (
        SELECT m.id, min(e.at) AS opened, min(e.at) FILTER (WHERE e.kind LIKE '%\\_clicked') AS clicked
        FROM messages m LEFT JOIN engagements e ON e.lead_id = m.lead_id AND e.verdict = 'human' AND e.properties ->> 'message' = m.id::text
            AND (e.kind LIKE '%\\_clicked' OR e.kind LIKE '%\\_opened')
        WHERE m.id = ANY(CAST(:messages AS uuid[])) GROUP BY m.id) AS found
    WHERE m.id = found.id"""
)
_OPEN = text("SELECT id FROM leads WHERE id = ANY(:leads) AND NOT closed")

Changed = Sequence[Row[Any]]


async def convict(connection: AsyncConnection, engagements: Sequence[int], judgement: Judgement) -> bool:
    """These were a machine's doing after all.

    Returns:
        Whether there is something to deliver to workflows, once the transaction is committed.
    """
    what = {"ids": list(engagements), "verdict": judgement.verdict, "sign": judgement.sign}
    return await _undo(connection, (await connection.execute(_BY_ID, what)).all()) if engagements else False


async def robots(connection: AsyncConnection, visitors: Sequence[str], why: Sign) -> bool:
    """These visitors are machines: all they did, and whatever they will do.

    Returns:
        As `convict` does.
    """
    what = {"visitors": list(visitors), "why": why.value}
    await connection.execute(_ROBOT, what)
    return await _undo(connection, (await connection.execute(_VISITORS, what)).all())


async def relearn(database: Database, engine: Engine, known: str | None = None) -> tuple[int, str]:
    """Apply the patterns of today to what was stored under those of yesterday: both ways, for a pattern may have been wrong.

    Args:
        database: where signals are.
        engine: told when there is something to deliver.
        known: the fingerprint of the patterns that were applied already; with the same ones nothing is done.

    Returns:
        How many signals are judged otherwise now, and the fingerprint of the patterns.

    Raises:
        LookupError: when no policy was ever published.
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.autocommit() as connection:
        judge = judge_of((await latest(connection)).signals.document)
        if judge.digest == known:
            return 0, known
        agents = (await connection.execute(_AGENTS)).scalars().all()
    changed = 0
    for agent in agents:
        while found := await _relearned(database, judge, agent):
            changed += found
            engine.outbox_filled.set()
            if found < _MOST:
                break
    return changed, judge.digest


async def prune(database: Database) -> None:
    """Forget user agents that were kept long enough.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.autocommit() as connection:
        for agent in (await connection.execute(_AGENTS)).scalars().all():
            await connection.execute(_FORGET, {"agent": agent, "kept": AGENTS_KEPT})


async def _relearned(database: Database, judge: Judge, agent: str) -> int:
    found = judge.of_agent(agent)
    statement = _ACQUIT if found.verdict is Verdict.HUMAN else _CONVICT
    async with database.connection() as connection:
        what = {"agent": agent, "verdict": found.verdict, "sign": found.sign, "most": _MOST}
        changed = (await connection.execute(statement, what)).all()
        await _undo(connection, changed)
    return len(changed)


async def _undo(connection: AsyncConnection, changed: Changed) -> bool:
    """Take back what signals added, or give it back."""
    messages = {row.message for row in changed if row.message}
    if messages:
        await connection.execute(_SEEN, {"messages": list(messages)})
    leads = {row.lead_id for row in changed if row.lead_id}
    living: Sequence[UUID] = (await connection.execute(_OPEN, {"leads": list(leads)})).scalars().all() if leads else []
    await outbox.store(connection, [(lead, Rescore()) for lead in living])
    return bool(living)
