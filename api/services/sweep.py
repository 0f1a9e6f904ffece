"""Mends what an outage of Temporal, or a process that died, left undone: what was accepted is never lost.

One process at a time sweeps; every process delivers the outbox when it has filled it.
"""

import asyncio
import math
from time import monotonic

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from activities.database import Database
from activities.policies import tell_more
from activities.scoring.features import stays
from api import idempotency as answers
from api.services import handing_on, identity, outbox, outgoing, sessions, sign_in_links, starting, thresholds, throttle, verdicts
from api.services.engine import BULK, Engine
from api.services.tracking import collector
from models.locks import SWEEP_LOCK
from models.settings import Settings

_BATCH = 400
_HOUR = 3600.0
_LEARN = 60.0
"""Seconds until patterns that may be new are applied to what is stored."""
_TURN = 0.1
"""Seconds until a process asks again for its turn at the outbox."""

_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")
_UNSTARTED = text(
    """
    SELECT id, state, source, priority FROM leads
    WHERE swept_at IS NULL AND seq = first_seq AND NOT closed AND arrived_at < now() - make_interval(secs => :margin)
        AND priority < :bulk
    ORDER BY priority, arrived_at LIMIT :limit"""
)
_STUCK = text(
    """
    SELECT id, state, source, priority FROM leads
    WHERE NOT closed AND deadline_at < now() - interval '60 seconds' AND (swept_at IS NULL OR swept_at < now() - interval '60 seconds')
        AND NOT (swept_at IS NULL AND seq = first_seq AND priority >= :bulk)
    ORDER BY deadline_at LIMIT :limit"""
)
_log = structlog.get_logger()


async def run(database: Database, engine: Engine, settings: Settings) -> None:
    """Sweep and deliver until cancelled.

    Args:
        database: what was accepted.
        engine: where it has to go.
        settings: how often to look.
    """
    async with asyncio.TaskGroup() as all_of_them:
        all_of_them.create_task(_deliver(database, engine, settings.sweep_every))
        all_of_them.create_task(_sweep(database, engine, settings))
        all_of_them.create_task(_hand_on(database, engine, settings))


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


async def _hand_on(database: Database, engine: Engine, settings: Settings) -> None:
    """Start the workflows of rows of files, a few at a time."""
    while True:
        try:
            pause = await handing_on.hand_on(database, engine, settings)
        except _AWAY:
            pause = settings.sweep_every  # the sweep says so
        await asyncio.sleep(pause)


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
    runs after all does nothing. Rows of a file that were never started are for `handing_on`.

    Returns:
        True when there is more to do at once.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    margin = max(3.0, settings.start_timeout + 1.0)
    async with database.connection() as connection:
        if not (await connection.execute(_TRY_LOCK, {"key": SWEEP_LOCK})).scalar_one():
            return False
        bulk = {"bulk": BULK.priority_key}
        unstarted = (await connection.execute(_UNSTARTED, {**bulk, "margin": margin, "limit": _BATCH})).all()
        room = _BATCH - len(unstarted)
        stuck = (await connection.execute(_STUCK, {**bulk, "limit": room})).all() if room else []
        swept = await starting.start(connection, engine, {row.id: row for row in (*unstarted, *stuck)})
    return len(swept) == _BATCH


_AWAY = (SQLAlchemyError, psycopg.Error, OSError)
"""What the database raises while it is away."""
