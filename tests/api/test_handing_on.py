"""Rows of a file are handed on to Temporal a few at a time, whether or not a worker is there."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from temporalio.client import Client

from activities.database import Database
from api.services.arrivals import take_in_together
from api.services.engine import Engine
from api.services.handing_on import hand_on
from api.services.sweep import sweep
from models.schemas.leads import Submission
from models.settings import Settings
from tests.activities.rows import published
from tests.api.forms import form

pytestmark = pytest.mark.usefixtures("temporal")


@pytest.fixture
def few(settings: Settings) -> Settings:
    """Three at once."""
    return settings.model_copy(update={"import_at_once": 3})


@pytest.fixture
async def engine(temporal: Client, settings: Settings, database: Database) -> AsyncIterator[Engine]:
    """The way to Temporal, where no worker listens."""
    found = Engine(settings, database)
    await found.connect()
    yield found
    await found.close()


async def come_in(database: Database, count: int, **more: object) -> None:
    await published(database)
    forms = [Submission.model_validate(form(**more)) for _ in range(count)]
    assert len(await take_in_together(database, forms)) == count


async def handed_on(database: Database) -> int:
    async with database.connection() as connection:
        found: int = (await connection.execute(text("SELECT count(*) FROM leads WHERE swept_at IS NOT NULL"))).scalar_one()
        return found


async def change(database: Database, what: str) -> None:
    async with database.connection() as connection:
        await connection.execute(text(f"UPDATE leads SET {what}"))


async def test_as_many_are_under_way_as_have_room(database: Database, engine: Engine, few: Settings) -> None:
    await come_in(database, 6)
    for _ in range(3):
        assert await hand_on(database, engine, few) < few.sweep_every
        assert await handed_on(database) == 3  # nobody works them off
    await change(database, "seq = seq + 1 WHERE id = (SELECT id FROM leads WHERE swept_at IS NOT NULL LIMIT 1)")
    await hand_on(database, engine, few)
    assert await handed_on(database) == 4
    await change(database, "swept_at = swept_at - interval '11 seconds' WHERE swept_at IS NOT NULL")  # these hang
    await hand_on(database, engine, few)
    assert await handed_on(database) == 6
    assert await hand_on(database, engine, few) == few.sweep_every  # there is nothing left


async def test_the_sweep_leaves_rows_alone_and_starts_who_came_alone(database: Database, engine: Engine, settings: Settings) -> None:
    await come_in(database, 2)
    await come_in(database, 1, consultation_requested=True)
    await change(database, "arrived_at = arrived_at - interval '1 hour', deadline_at = deadline_at - interval '9 days'")
    await sweep(database, engine, settings)
    assert await handed_on(database) == 1
    await change(database, "swept_at = NULL, priority = 2")
    await sweep(database, engine, settings)
    assert await handed_on(database) == 3
