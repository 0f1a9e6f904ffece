"""Mends what an outage of Temporal, or a process that died, left undone: what was accepted is never lost.

One process at a time sweeps; every process delivers the outbox when it has filled it.
"""

import asyncio
import math
from collections.abc import Iterable
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg
import structlog
from pydantic import ValidationError
from sqlalchemy import Row, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.ledger import stored_state
from activities.policies import of_version, tell_more
from activities.scoring.features import stays
from api import idempotency as answers
from api.errors import EngineAway, OutcomeUnknown
from api.services import identity, outbox, outgoing, sessions, sign_in_links, thresholds, throttle, verdicts
from api.services.engine import Beginning, Engine
from api.services.tracking import collector
from models.policy import Policy
from models.settings import Settings

SWEEP_LOCK = 7_268_005
"""Held by the process that sweeps, for one round."""
_BATCH = 400
_AT_ONCE = 16
_HOUR = 3600.0
_LEARN = 60.0
"""Seconds until patterns that may be new are applied to what is stored."""
_TURN = 0.1
"""Seconds until a process asks again for its turn at the outbox."""

_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")
_UNSTARTED = text(
    """
    SELECT id, state, source FROM leads
    WHERE swept_at IS NULL AND seq = first_seq AND NOT closed AND arrived_at < now() - make_interval(secs => :margin)
    ORDER BY arrived_at LIMIT :limit"""
)
_STUCK = text(
    """
    SELECT id, state, source FROM leads
    WHERE NOT closed AND deadline_at < now() - interval '60 seconds' AND (swept_at IS NULL OR swept_at < now() - interval '60 seconds')
    ORDER BY deadline_at LIMIT :limit"""
)
_SWEPT = text(
    """
    UPDATE leads SET swept_at = now()
    FROM (SELECT id FROM leads WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE) AS found WHERE leads.id = found.id"""
)
_log = structlog.get_logger()


async def run(database: Database, engine: Engine, settings: Settings) -> None:
    """Sweep and deliver until cancelled.

    Args:
        database: what was accepted.
        engine: where it has to go.
        settings: how often to look.
    """
    async with asyncio.TaskGroup() as both:
        both.create_task(_deliver(database, engine, settings.sweep_every))
        both.create_task(_sweep(database, engine, settings))


async def _deliver(database: Database, engine: Engine, every: float) -> None:
    """Deliver the outbox as soon as this process has filled it, and every so often for those that died over it."""
    while True:
        engine.outbox_filled.clear()
        pause = every
        try:
            await _spread(database)
            if not await outbox.deliver(database, engine) and not engine.believed_away:
                pause = _TURN
        except _AWAY as err:
            _log.warning("the outbox waits for the database", cause=type(err).__name__)
            await asyncio.sleep(every)
        try:
            async with asyncio.timeout(pause):
                await engine.outbox_filled.wait()
        except TimeoutError:
            pass


async def _spread(database: Database) -> None:
    """Put the news of a new agreement into the outbox for all leads in flight, a batch at a time."""
    more = True
    while more:
        async with database.connection() as connection:
            more = await tell_more(connection)


async def _sweep(database: Database, engine: Engine, settings: Settings) -> None:
    pruned = learnt = -math.inf
    patterns: str | None = None
    while True:
        try:
            more = await sweep(database, engine, settings)
            if monotonic() - learnt > _LEARN:
                _, patterns = await verdicts.relearn(database, engine, patterns)
                await thresholds.look(database, engine)
                learnt = monotonic()
            if monotonic() - pruned > _HOUR:
                for old in (answers, outgoing, sessions, sign_in_links, throttle, verdicts):
                    await old.prune(database)
                await collector.prune(database, settings)
                await identity.adopt(database)
                pruned = monotonic()
                await stays.work_out(database)
        except _AWAY as err:
            _log.warning("the sweep waits for the database", cause=type(err).__name__)
            more = False
        if not more:
            await asyncio.sleep(settings.sweep_every)


async def sweep(database: Database, engine: Engine, settings: Settings) -> bool:
    """One round: start the workflows of leads that have none.

    Those are leads whose workflow was never started, and leads whose deadline went by unnoticed. Starting one that
    runs after all does nothing.

    Returns:
        True when there is more to do at once.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    margin = max(3.0, settings.start_timeout + 1.0)
    async with database.connection() as connection:
        if not (await connection.execute(_TRY_LOCK, {"key": SWEEP_LOCK})).scalar_one():
            return False
        unstarted = (await connection.execute(_UNSTARTED, {"margin": margin, "limit": _BATCH})).all()
        room = _BATCH - len(unstarted)
        stuck = (await connection.execute(_STUCK, {"limit": room})).all() if room else []
        rows = {row.id: row for row in (*unstarted, *stuck)}
        swept = await _start(engine, await _beginnings(connection, engine, rows.values()))
        if swept:
            await connection.execute(_SWEPT, {"ids": swept})
    return len(swept) == _BATCH


async def _beginnings(connection: AsyncConnection, engine: Engine, rows: Iterable[Row[Any]]) -> dict[UUID, Beginning | None]:
    """What to start each lead with; None for one whose row cannot be read, which must not hold up the others."""
    policies: dict[int, Policy] = {}
    found: dict[UUID, Beginning | None] = {}
    for row in rows:
        found[row.id] = None
        try:
            state = stored_state(row.state)
            version = state.policy_version
            if version not in policies:
                policies[version] = await of_version(connection, version)
            found[row.id] = engine.beginning(state, policies[version], row.source)
        except (ValidationError, LookupError) as err:
            _log.error("a lead's stored state cannot be used", lead=str(row.id), cause=type(err).__name__)
    return found


async def _start(engine: Engine, beginnings: dict[UUID, Beginning | None]) -> list[UUID]:
    """Start workflows side by side, the first one alone: while Temporal is away, that is one call and no more.

    Returns:
        The leads that are done with for now.
    """
    swept: list[UUID] = []
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(lead: UUID, beginning: Beginning | None) -> None:
        async with room:
            try:
                if beginning is not None:
                    await engine.start(beginning)
            except (EngineAway, OutcomeUnknown):
                return
            swept.append(lead)

    for lead, beginning in beginnings.items():
        if beginning is not None:
            await one(lead, beginning)
            break
    if not engine.believed_away:
        await asyncio.gather(*(one(*rest) for rest in beginnings.items() if rest[0] not in swept))
    return swept


_AWAY = (SQLAlchemyError, psycopg.Error, OSError)
"""What the database raises while it is away."""
