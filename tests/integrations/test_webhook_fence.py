"""Events and the ledger: one transaction, and the same fence."""

from datetime import timedelta

from sqlalchemy import text

from activities.database import Database
from tests.activities.test_ledger import BORN, arrived, claimed, rep

HOOK = """
    INSERT INTO webhook_endpoints (id, url, description, events, person, active, secret, failures, created_at)
    VALUES (gen_random_uuid(), 'https://hook.example', '', CAST(:events AS text[]), false, :active, 'sealed', 0, now())"""


async def hook(database: Database, *events: str, active: bool = True) -> None:
    async with database.connection() as connection:
        await connection.execute(text(HOOK), {"events": list(events), "active": active})


async def told(database: Database) -> list[tuple[str, str | None, str]]:
    async with database.autocommit() as connection:
        rows = await connection.execute(text("SELECT type, data ->> 'owner' AS owner, state FROM webhook_deliveries ORDER BY number"))
        return [(row.type, row.owner, row.state) for row in rows]


async def test_a_commit_that_is_repeated_tells_nothing_twice(database: Database) -> None:
    await hook(database)
    await hook(database, "lead.won")
    await hook(database, active=False)
    state = await arrived(database)
    ada = await rep(database, "ada")
    for _ in range(2):
        await claimed(database, state, ada, BORN + timedelta(minutes=1))
        assert await told(database) == [("lead.arrived", None, "waiting"), ("lead.claimed", ada, "waiting")]


async def test_what_gave_way_to_another_decision_is_not_told_if_it_still_waits(database: Database) -> None:
    await hook(database, "lead.claimed")
    state = await arrived(database)
    ada, grace, joan = await rep(database, "ada"), await rep(database, "grace"), await rep(database, "joan")
    await claimed(database, state, ada, BORN + timedelta(minutes=1))
    await claimed(database, state, grace, BORN + timedelta(minutes=1, seconds=10))
    assert await told(database) == [("lead.claimed", grace, "waiting")]
    async with database.connection() as connection:
        await connection.execute(text("UPDATE webhook_deliveries SET state = 'delivered'"))
    await claimed(database, state, ada, BORN + timedelta(minutes=1, seconds=5))  # given up long since
    await claimed(database, state, joan, BORN + timedelta(minutes=1, seconds=20))
    assert await told(database) == [("lead.claimed", grace, "delivered"), ("lead.claimed", joan, "waiting")]
