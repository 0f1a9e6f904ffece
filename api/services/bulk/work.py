"""What carrying out bulk work takes, whatever it is."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from activities.database import Database
from api.errors import DatabaseAway, EngineAway, OutcomeUnknown, problem_of
from api.services.engine import Engine
from models.settings import Settings

CHUNK = 64
"""Leads that are done and then counted together: a second's work, and the most that a power cut makes anybody repeat."""
_AT_ONCE = 8
_FAULT = "Something unexpected came up. What was done until then stays; the log has the details under {}."
Item = TypeVar("Item")


class Bench:
    """Where bulk work is carried out: at most so much of it at once that what people do one by one does not wait for it.

    Args:
        database: where orders are, and leads.
        engine: the way to leads' workflows.
        settings: how many connections there are to share.
    """

    def __init__(self, database: Database, engine: Engine, settings: Settings) -> None:
        self.database, self.engine, self.settings = database, engine, settings
        self._room = asyncio.Semaphore(min(_AT_ONCE, settings.database_pool // 2 - 1))

    async def each(self, items: Iterable[Item], do: Callable[[Item], Awaitable[None]]) -> None:
        """Do something with every one, a few at a time. The first failure stops the rest and is raised.

        Args:
            items: what with.
            do: what to do.
        """

        async def one(item: Item) -> None:
            async with self._room:
                await do(item)

        try:
            async with asyncio.TaskGroup() as tasks:
                for item in items:
                    tasks.create_task(one(item))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None


def passes(failure: Exception) -> bool:
    """Whether a failure passes by itself, so that the work only has to wait."""
    return isinstance(failure, OSError | EngineAway | OutcomeUnknown) or isinstance(problem_of(failure), DatabaseAway)


def fault(reference: object) -> str:
    """What is said of work that failed although nothing was wrong with the order.

    Args:
        reference: by which the log knows it.
    """
    return _FAULT.format(reference)
