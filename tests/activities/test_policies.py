import asyncio

import pytest
from sqlalchemy import insert

from activities import policies
from activities.database import Database
from models.ids import uuid7
from models.lifecycle import Stage
from models.policy import PolicyError
from models.tables import Lead
from tests.activities.rows import TODAY, arrive, column, eventually, hire, one, published, somebody_waits, state_of


async def test_nothing_published_is_said_clearly(database: Database) -> None:
    async with database.connection() as connection:
        with pytest.raises(LookupError, match="no policy is published yet"):
            await policies.latest(connection)


async def test_a_version_that_is_not_there_is_named(database: Database) -> None:
    await published(database)
    async with database.connection() as connection:
        with pytest.raises(LookupError, match="no version 7 of the policy"):
            await policies.of_version(connection, 7)


async def test_versions_count_from_one_and_each_can_be_read_again(database: Database) -> None:
    author = await hire(database)
    async with database.connection() as connection:
        first = await policies.publish(connection, "name: first", today=TODAY, author=author)
        second = await policies.publish(connection, "name: second", today=TODAY, author=None)
        assert [(p.version, p.name, new) for p, new in (first, second)] == [(1, "first", True), (2, "second", True)]
        assert await policies.latest(connection) == second[0]
        assert await policies.of_version(connection, 1) == first[0]
    row = await one(database, "SELECT name, source, digest, author_id FROM policies WHERE version = 1")
    assert tuple(row) == ("first", "name: first", first[0].digest, author)


async def test_what_says_the_same_as_the_latest_is_no_new_version(database: Database) -> None:
    await published(database, "deadlines: {contact: 24h}")
    async with database.connection() as connection:
        again = await policies.publish(connection, "# only a comment\ndeadlines:\n  contact: 1d\n", today=TODAY, author=None)
    assert (again[0].version, again[1]) == (1, False)
    assert await column(database, "SELECT version FROM policies") == [1]


async def test_an_older_text_published_again_is_a_new_version(database: Database) -> None:
    for source in ("name: a", "name: b", "name: a"):
        await published(database, source)
    assert await column(database, "SELECT name FROM policies ORDER BY version") == ["a", "b", "a"]


async def test_a_text_that_is_no_policy_stores_nothing_and_says_what_is_wrong(database: Database) -> None:
    async with database.connection() as connection:
        with pytest.raises(PolicyError, match="line 1: deadlins: unknown key"):
            await policies.publish(connection, "deadlins: {}", today=TODAY, author=None)
    assert await column(database, "SELECT version FROM policies") == []


async def test_every_open_lead_is_told_and_no_other(database: Database) -> None:
    told = {await arrive(database) for _ in range(3)}
    await arrive(database, state_of(uuid7(), Stage.WON, closed=True, deadline=None))
    policy = await published(database, "name: new")
    rows = await column(database, "SELECT lead_id FROM outbox WHERE signal = 'policy_changed'")
    assert (set(rows), len(rows)) == (told, 3)
    assert await column(database, "SELECT DISTINCT payload FROM outbox") == [{"version": policy.version}]


async def test_leads_beyond_the_first_batch_are_told_later_each_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "TOLD_AT_ONCE", 2)
    leads = [await arrive(database) for _ in range(5)]
    policy = await published(database, "name: new")

    async def told() -> list[object]:
        return await column(database, "SELECT lead_id FROM outbox ORDER BY id")

    async def more() -> bool:
        async with database.connection() as connection:
            return await policies.tell_more(connection)

    assert await told() == sorted(leads)[:2]
    row = await one(database, "SELECT told, written FROM policies")
    assert tuple(row) == (5, 2)
    assert [await more(), await more(), await more()] == [True, True, False]
    assert await told() == sorted(leads)
    assert await column(database, "SELECT DISTINCT payload FROM outbox") == [{"version": policy.version}]
    row = await one(database, "SELECT told, written, told_upto FROM policies")
    assert tuple(row) == (5, 5, None)


async def test_two_publishing_at_once_get_one_version_each(database: Database) -> None:
    await asyncio.gather(*(published(database, f"name: p{n}") for n in range(8)))
    assert await column(database, "SELECT version FROM policies ORDER BY version") == list(range(1, 9))


async def test_publishing_waits_for_an_arrival_that_relies_on_the_latest_version(database: Database) -> None:
    await published(database, "name: old")
    lead = uuid7()
    async with database.connection() as arrival:
        assert (await policies.in_force(arrival)).name == "old"
        publishing = asyncio.create_task(published(database, "name: new"))
        await eventually(lambda: somebody_waits(database))
        await arrival.execute(insert(Lead).values(Lead(id=lead).model_dump()))
    assert (await publishing).version == 2
    assert await column(database, "SELECT lead_id FROM outbox") == [lead]
