"""The loop that has replays made, one at a time, in a process beside this one."""

import asyncio
import json
import sys
from contextlib import suppress
from uuid import UUID

import structlog
from sqlalchemy import text

from activities.database import Database
from api.services.bulk.work import fault, passes
from api.services.whatif.job import AWAY, ELSEWHERE
from models.settings import Settings

KEPT = 20
"""So many of the latest replays are kept."""
_SOON = 1.0
_LONGEST = 3600.0
"""Seconds a replay may take."""
_TOO_LONG = 5
"""The exit code of one that took longer."""
_NEXT = text("SELECT id FROM simulations WHERE state IN ('waiting', 'running') ORDER BY touched_at LIMIT 1")
_FAILED = text(
    "UPDATE simulations SET state = 'failed', error = :error, finished_at = now() WHERE id = :id AND state IN ('waiting', 'running')"
)
_TOUCH = text("UPDATE simulations SET touched_at = now() WHERE id = :id")
_PRUNE = text(
    """
    DELETE FROM simulations WHERE state NOT IN ('waiting', 'running')
        AND id NOT IN (SELECT id FROM simulations ORDER BY created_at DESC, id DESC LIMIT :kept)"""
)
_log = structlog.get_logger()


async def run(database: Database, settings: Settings) -> None:
    """Have replays made until cancelled. What was under way when a process died is begun again by whichever comes by."""
    pause = min(settings.sweep_every, _SOON)
    while True:
        try:
            more = await work(database, settings)
        except Exception as err:
            if not passes(err):
                raise
            more = False
        if not more:
            await asyncio.sleep(pause)


async def work(database: Database, settings: Settings) -> bool:
    """Have the replay made that waited longest; False when there is none, or another process is at it.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.autocommit() as connection:
        simulation: UUID | None = (await connection.execute(_NEXT)).scalar_one_or_none()
    if simulation is None:
        return False
    code = await _made(settings, simulation)
    async with database.autocommit() as connection:
        if code == ELSEWHERE:
            await connection.execute(_TOUCH, {"id": simulation})  # the others' turn
            return False
        if code != 0:
            _log.error("a simulation failed", reference=str(simulation), code=code)
            await connection.execute(_FAILED, {"id": simulation, "error": _why(code, simulation)})
        await connection.execute(_PRUNE, {"kept": KEPT})
    return True


def _why(code: int, simulation: UUID) -> str:
    """What is said of a replay that came to nothing."""
    if code == AWAY:
        return "The database went out of reach while this was replayed. Nothing of it was kept; try again."
    if code == _TOO_LONG:
        return "This took more than an hour and was stopped. Nothing of it was kept; try again with fewer days."
    if code < 0:
        return f"The process that replayed this was ended from outside (signal {-code}). Nothing of it was kept; try again."
    return fault(simulation)


async def _made(settings: Settings, simulation: UUID) -> int:
    """Make it; the exit code. Ended with this process."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "api.services.whatif.job", stdin=asyncio.subprocess.PIPE)
    try:
        order = json.dumps({"url": settings.sqlalchemy_url, "id": str(simulation)}).encode()
        async with asyncio.timeout(_LONGEST):
            await child.communicate(order)
    except TimeoutError:
        return _TOO_LONG
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    assert child.returncode is not None  # noqa: S101 - it was waited for
    return child.returncode
