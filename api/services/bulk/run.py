"""The loops that carry bulk work out, beside serving."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from activities.database import Database
from api.services.bulk import import_runner, imports
from api.services.bulk.batches import BatchRunner
from api.services.bulk.work import Bench, passes
from api.services.engine import Engine
from models.settings import Settings

_HOUR = 3600.0
_SOON = 1.0
"""Seconds in which an order is begun, whichever process it was given to."""
_log = structlog.get_logger()


async def run(database: Database, engine: Engine, settings: Settings) -> None:
    """Carry out imports and batches until cancelled.

    Args:
        database: where orders are.
        engine: the way to leads' workflows.
        settings: how often to look.
    """
    bench = Bench(database, engine, settings)
    batches = BatchRunner(bench)
    pause = min(settings.sweep_every, _SOON)

    async def forget() -> bool:
        await imports.prune(database)
        return False

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_keep_on(lambda: import_runner.work(bench), pause))
        tasks.create_task(_keep_on(batches.work, pause))
        tasks.create_task(_keep_on(forget, _HOUR))


async def _keep_on(work: Callable[[], Awaitable[bool]], pause: float) -> None:
    """Work while there is something to do, and look again after a pause. An outage is waited out, and told of once."""
    waiting = ""
    while True:
        try:
            more, waiting = await work(), ""
        except Exception as err:
            if not passes(err):
                raise
            if waiting != type(err).__name__:
                waiting = type(err).__name__
                _log.warning("bulk work waits", cause=waiting)
            more = False
        if not more:
            await asyncio.sleep(pause)
