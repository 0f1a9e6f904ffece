"""Keeps thresholds that the reps' capacity decides up to date: once an hour, and soon after the team has changed."""

from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import text

from activities import capacity, policies
from activities.database import Database
from api.services.engine import Engine

_EVERY = timedelta(hours=1)
_TEAM = 0.1
"""The team has changed when its capacity is off by more than this share from what the thresholds were solved for."""
_SOLVED = text("SELECT created_at, solved FROM policies WHERE version = :version")
_log = structlog.get_logger()
_looked: dict[str, tuple[datetime, float]] = {}
"""When this process last solved, and for which capacity, by database."""


async def look(database: Database, engine: Engine) -> int | None:
    """Solve the thresholds anew if it is time to, and bring them into force where that changes much.

    Returns:
        The new version, None where all stays as it is.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    now = datetime.now(UTC)
    async with database.autocommit() as connection:
        current = await policies.latest(connection)
        if current.score.tiers.mode != "capacity":
            return None
        row = (await connection.execute(_SOLVED, {"version": current.version})).one()
        there, _ = await capacity.weekly(connection, current, now)
    published = (row.created_at, (row.solved or {}).get("capacity", 0.0))
    last, before = max(published, _looked.get(database.url, published))
    if abs(there - before) <= _TEAM * max(before, 1.0) and now - last < _EVERY:
        return None
    _looked[database.url] = (now, there)
    async with database.connection() as connection:
        found = await policies.resolve(connection)
    if found is None:
        return None
    engine.outbox_filled.set()
    _log.info("thresholds solved anew", version=found.version, high=found.score.tiers.high, medium=found.score.tiers.medium)
    return found.version
