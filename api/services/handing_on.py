"""Hands the rows of files on to Temporal: their workflows are started as fast as workers get through with them, and no faster.

A lead is no further on in a worker's queue than in the database, where it costs nothing and is in nobody's way. So a file of
100,000 leads delays a single one by the few whose first steps are under way, whatever queues stand between. Priorities alone do not do
that: Temporal gives what waits in order of priority, but not what a worker has taken on, and workers ask for the next steps
of workflows they know before they ask for new ones.
"""

from sqlalchemy import text

from activities.database import Database
from api.services import starting
from api.services.engine import BULK, Engine
from models.locks import HANDING_LOCK
from models.settings import Settings

_GIVEN_UP = 10.0
"""Seconds after which a lead that shows no sign of life is no longer waited for: a source of enrichment is slow, or no worker is there."""
_SOON = 0.05
"""Seconds until it is looked again whether some are through."""

_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")
_UNDER_WAY = text(
    """
    SELECT count(*) FROM leads
    WHERE swept_at > now() - make_interval(secs => :given_up) AND seq = first_seq AND NOT closed AND priority >= :bulk"""
)
_NEXT = text(
    """
    SELECT id, state, source, priority FROM leads
    WHERE swept_at IS NULL AND seq = first_seq AND NOT closed AND priority >= :bulk ORDER BY priority, arrived_at LIMIT :limit"""
)


async def hand_on(database: Database, engine: Engine, settings: Settings) -> float:
    """Start the workflows of a few rows, as many as have room beside those under way.

    Args:
        database: where the leads are.
        engine: where they are started.
        settings: how many may be under way, and how often to look while there is nothing to do.

    Returns:
        The seconds after which to look again.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    bulk = {"bulk": BULK.priority_key}
    async with database.connection() as connection:
        if not (await connection.execute(_TRY_LOCK, {"key": HANDING_LOCK})).scalar_one():
            return settings.sweep_every
        under_way: int = (await connection.execute(_UNDER_WAY, {**bulk, "given_up": _GIVEN_UP})).scalar_one()
        room = settings.import_at_once - under_way
        rows = (await connection.execute(_NEXT, {**bulk, "limit": max(room, 1)})).all()
        if not rows:
            return settings.sweep_every
        if room > 0 and not await starting.start(connection, engine, {row.id: row for row in rows}):
            return settings.sweep_every
    return _SOON
