"""A replay whose process is ended, or that loses the database: it fails in words, nothing half-written stays, and it can be tried again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from activities.database import Database
from api.services.whatif import orders, runner
from models.ids import uuid7
from models.schemas.whatif import SimulationOrder
from models.settings import Settings
from models.tables import User
from tests.activities.rows import eventually, published, store

WAITING = """
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%created_at, id%'"""


async def ordered(database: Database) -> UUID:
    await published(database)
    manager = User(id=uuid7(), email="m@team.example", name="Mona", roles=["manager"])
    await store(database, manager)
    since = datetime.now(UTC) - timedelta(days=1)
    return await orders.order(database, manager.id, SimulationOrder(since=since))


async def row(database: Database, simulation: UUID) -> Any:
    async with database.autocommit() as connection:
        return (await connection.execute(text("SELECT * FROM simulations WHERE id = :id"), {"id": simulation})).one()


@asynccontextmanager
async def in_the_middle(database: Database) -> AsyncIterator[None]:
    """Leads cannot be read, so a replay stands still once it has begun; it does when this block begins."""
    async with database.connection() as connection:
        await connection.execute(text("LOCK TABLE leads IN ACCESS EXCLUSIVE MODE"))
        yield


async def pids(database: Database) -> list[int]:
    async with database.autocommit() as connection:
        return list((await connection.execute(text(WAITING))).scalars())


async def failed(database: Database, simulation: UUID) -> str:
    found = await row(database, simulation)
    assert found.state == "failed"
    assert (found.result, found.done) == ({}, 0)
    assert found.finished_at is not None
    error: str = found.error
    return error


async def tried_again(database: Database, settings: Settings, simulation: UUID) -> None:
    await orders.again(database, simulation)
    waiting = await row(database, simulation)
    assert (waiting.state, waiting.error, waiting.finished_at) == ("waiting", None, None)
    assert await runner.work(database, settings)
    assert (await row(database, simulation)).state == "done"
    await orders.again(database, simulation)  # only what failed is tried again
    assert (await row(database, simulation)).state == "done"


async def test_a_replay_whose_process_is_killed_fails_in_words(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = await ordered(database)
    children: list[asyncio.subprocess.Process] = []
    begin = asyncio.create_subprocess_exec

    async def remembered(*words: Any, **more: Any) -> asyncio.subprocess.Process:
        children.append(await begin(*words, **more))
        return children[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", remembered)
    async with in_the_middle(database):
        work = asyncio.create_task(runner.work(database, settings))
        await eventually(lambda: _stands(database), 60)
        assert (await row(database, simulation)).state == "running"
        children[0].kill()
        assert await work
    assert "signal 9" in await failed(database, simulation)
    await tried_again(database, settings, simulation)


async def test_a_replay_that_loses_the_database_fails_in_words(database: Database, settings: Settings) -> None:
    simulation = await ordered(database)
    async with in_the_middle(database):
        work = asyncio.create_task(runner.work(database, settings))
        await eventually(lambda: _stands(database), 60)
        async with database.autocommit() as connection:
            for pid in await pids(database):
                await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        assert await work
    assert "The database went out of reach" in await failed(database, simulation)
    await tried_again(database, settings, simulation)


async def test_what_was_under_way_when_everything_went_is_begun_again(database: Database, settings: Settings) -> None:
    simulation = await ordered(database)
    async with database.connection() as connection:
        await connection.execute(text("UPDATE simulations SET state = 'running', leads = 900, done = 400"))
    assert await runner.work(database, settings)
    found = await row(database, simulation)
    assert (found.state, found.leads, found.done, found.result["leads"]) == ("done", 0, 0, 0)
    assert not await runner.work(database, settings)


async def _stands(database: Database) -> bool:
    return bool(await pids(database))
