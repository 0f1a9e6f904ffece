"""The judge of a worker: keeps the model in service loaded, one for all leads of the process, and asks it.

numpy and xgboost are loaded with the first model, in a thread, and not when the worker starts. A model that cannot be loaded is not
tried again for a minute; until then the points table scores.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.scoring import registry
from activities.scoring.features import known_of
from activities.scoring.judging import Judgement, ModelUnusable

if TYPE_CHECKING:
    from activities.scoring.learned.serving import Served

_RETRY = 60.0
"""Seconds after which a model that could not be loaded is tried again."""
_KEPT = 2
_WELL = text("UPDATE models SET progress = NULL WHERE version = :version AND state = 'champion' AND progress IS NOT NULL")
_log = structlog.get_logger()


class Champions:
    """Judges leads by whichever version is asked for; it keeps the latest two."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, "judge")
        self._loaded: dict[str, Served] = {}
        self._broken: dict[str, tuple[float, str]] = {}
        self._loading = asyncio.Lock()

    async def judge(self, connection: AsyncConnection, version: str, leads: Mapping[UUID, datetime]) -> Mapping[UUID, Judgement]:
        """What a version of the model says of leads; see `activities.scoring.judging.Judge`.

        Raises:
            ModelUnusable: when the model cannot be loaded, or failed.
        """
        served = self._loaded.get(version) or await self._load(connection, version)
        known = await known_of(connection, leads)
        asked = [(found, leads[lead]) for lead, found in known.items()]
        try:
            said = await asyncio.get_running_loop().run_in_executor(self._threads, served.judge, asked)
        except Exception as err:  # whatever a model does, no lead waits for it
            raise ModelUnusable(f"it failed ({type(err).__name__})") from None
        return dict(zip(known, said, strict=True))

    async def _load(self, connection: AsyncConnection, version: str) -> "Served":
        async with self._loading:
            if version in self._loaded:
                return self._loaded[version]
            since, why = self._broken.get(version, (0.0, ""))
            if why and monotonic() - since < _RETRY:
                raise ModelUnusable(why)
            stored = await registry.file(connection, version)
            if stored is None:
                raise self._is_broken(version, "it is gone")
            try:
                found = await asyncio.get_running_loop().run_in_executor(self._threads, _load, stored)
            except Exception as err:  # a damaged file may make any of its readers stumble
                raise self._is_broken(version, f"it cannot be loaded ({type(err).__name__})") from None
            self._broken.pop(version, None)
            await connection.execute(_WELL, {"version": version})
            self._loaded[version] = found
            while len(self._loaded) > _KEPT:
                del self._loaded[next(iter(self._loaded))]
            _log.info("a model is in service", model=version, columns=len(stored.columns))
            return found

    def _is_broken(self, version: str, why: str) -> ModelUnusable:
        self._broken[version] = (monotonic(), why)
        return ModelUnusable(why)


def _load(stored: registry.File) -> "Served":
    from activities.scoring.learned.serving import Served  # noqa: PLC0415 - loads numpy, which only a worker with a model needs

    return Served.load(stored.version, stored.content, stored.columns)
