"""The ledger's write: once, in order, and fenced against what Temporal never confirmed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from activities.database import Database
from activities.ledger import stored_state, write
from models.ids import uuid7
from models.lifecycle import Known, LeadState, Role, Stage
from models.messages import Arrived, Claim, Standing, Tick
from models.policy import Policy
from models.tables import Lead, User
from workflows.decision import decide, newborn

POLICY = Policy.model_validate({"review": {"when": []}})
BORN = datetime(2026, 3, 2, 9, tzinfo=UTC)
REP = Standing(roles=(Role.REP,))


async def arrived(database: Database) -> LeadState:
    """A lead that arrived, in the database."""
    decision = decide(newborn(str(uuid7()), BORN, POLICY), Arrived(at=BORN, known=Known(points=60, company=True)), POLICY)
    async with database.session() as session:
        session.add(Lead(id=UUID(decision.state.lead_id), email="a@b.example", email_key="a@b.example"))
        await session.flush()
        await write(await session.connection(), decision.state, decision.entries)
    return decision.state


async def rep(database: Database, name: str) -> str:
    """A rep's id."""
    async with database.session() as session:
        user = User(email=f"{name}@team.example", name=name, roles=["rep"])
        session.add(user)
    return str(user.id)


async def claimed(database: Database, state: LeadState, by: str, at: datetime) -> LeadState:
    """The lead once this claim was written."""
    decision = decide(state, Claim(at=at, rep=by, standing=REP), POLICY)
    async with database.connection() as connection:
        await write(connection, decision.state, decision.entries)
    return decision.state


async def ledger(database: Database) -> list[tuple[int, str, str | None]]:
    async with database.connection() as connection:
        rows = await connection.execute(text("SELECT seq, kind, owner_id::text FROM ledger ORDER BY seq"))
        return [(row.seq, row.kind, row.owner_id) for row in rows]


async def shown(database: Database) -> LeadState:
    async with database.connection() as connection:
        row = (await connection.execute(text("SELECT * FROM leads"))).mappings().one()
    state = stored_state(row["state"])
    assert (row["seq"], row["stage"], str(row["owner_id"]) if row["owner_id"] else None) == (state.seq, state.stage, state.owner)
    return state


async def test_what_was_decided_is_what_is_shown(database: Database) -> None:
    state = await arrived(database)
    ada = await rep(database, "ada")
    after = await claimed(database, state, ada, BORN + timedelta(minutes=1))
    assert await shown(database) == after
    assert await ledger(database) == [(1, "arrived", None), (2, "claimed", ada)]


async def test_the_same_write_again_writes_nothing_twice(database: Database) -> None:
    state = await arrived(database)
    ada = await rep(database, "ada")
    await claimed(database, state, ada, BORN + timedelta(minutes=1))
    after = await claimed(database, state, ada, BORN + timedelta(minutes=1))
    assert await shown(database) == after
    assert await ledger(database) == [(1, "arrived", None), (2, "claimed", ada)]


async def test_what_temporal_never_confirmed_gives_way_to_what_was_decided_instead(database: Database) -> None:
    state = await arrived(database)
    ada, grace = await rep(database, "ada"), await rep(database, "grace")
    await claimed(database, state, ada, BORN + timedelta(minutes=1))
    after = await claimed(database, state, grace, BORN + timedelta(minutes=1, seconds=10))
    assert await shown(database) == after
    assert await ledger(database) == [(1, "arrived", None), (2, "claimed", grace)]


async def test_a_worker_that_was_given_up_writes_nothing_any_more(database: Database) -> None:
    state = await arrived(database)
    ada, grace = await rep(database, "ada"), await rep(database, "grace")
    after = await claimed(database, state, grace, BORN + timedelta(minutes=1, seconds=10))
    await claimed(database, state, ada, BORN + timedelta(minutes=1))
    assert await shown(database) == after
    assert await ledger(database) == [(1, "arrived", None), (2, "claimed", grace)]


async def test_a_former_life_writes_nothing_any_more(database: Database) -> None:
    state = await arrived(database)
    ada, grace = await rep(database, "ada"), await rep(database, "grace")
    after = await claimed(database, replace(state, life=state.life + 1), grace, BORN + timedelta(minutes=1))
    await claimed(database, state, ada, BORN + timedelta(minutes=9))
    assert await shown(database) == after


async def test_notices_of_an_unconfirmed_decision_go_with_it(database: Database) -> None:
    state = await arrived(database)
    ada = await rep(database, "ada")
    held = await claimed(database, state, ada, BORN + timedelta(minutes=1))
    for late in (timedelta(hours=25), timedelta(hours=26)):
        lapsed = decide(held, Tick(at=BORN + late), POLICY)
        async with database.connection() as connection:
            await write(connection, lapsed.state, lapsed.entries)
    assert (await shown(database)).stage is Stage.NURTURE
    async with database.connection() as connection:
        told = (await connection.execute(text("SELECT kind, count(*) FROM notices WHERE kind = 'lapsed' GROUP BY kind"))).all()
    assert [tuple(row) for row in told] == [("lapsed", 2)]


async def test_changes_are_numbered_in_the_order_of_commit(database: Database) -> None:
    state = await arrived(database)
    ada = await rep(database, "ada")
    async with database.connection() as connection:
        before = (await connection.execute(text("SELECT change FROM leads"))).scalar_one()
    await claimed(database, state, ada, BORN + timedelta(minutes=1))
    async with database.connection() as connection:
        after = (await connection.execute(text("SELECT change FROM leads"))).scalar_one()
    assert after > before > 0
