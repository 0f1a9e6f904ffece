"""New leads in the ledger, several in one statement."""

from dataclasses import replace
from typing import Any

from sqlalchemy import text

from activities.births import Birth, begin
from activities.database import Database
from models.ids import uuid7
from models.lifecycle import Notice, NoticeKind, Role
from models.messages import Arrived
from models.policy import Policy
from tests.activities.rows import column, now, published
from workflows.decision import decide, newborn, told


def birth(policy: Policy, key: str, *notices: Notice) -> Birth:
    at = now()
    before, arrival = newborn(str(uuid7()), at, policy), Arrived(at=at)
    decision = decide(before, arrival, policy)
    kept = told(before, arrival, decision, policy)
    assert kept is not None
    person: dict[str, Any] = {
        "email_key": key,
        "search": "",
        "created_at": at,
        "first_seq": decision.state.seq,
        "reasons": [{"points": 1.5}],
    }
    for name in ("consent", "attributes", "enrichment"):
        person[name] = {}
    return Birth(person, decision.state, [replace(entry, notices=notices) for entry in decision.entries], (kept,))


async def test_who_is_known_is_left_out_with_all_that_belongs_to_them(database: Database) -> None:
    policy = await published(database)
    told_to = Notice(NoticeKind.FAST_LANE, role=Role.MANAGER)
    known, new, again, other = (birth(policy, key, told_to) for key in ("a@x", "b@x", "a@x", "c@x"))
    async with database.connection() as connection:
        first = await begin(connection, [known])
    async with database.connection() as connection:
        changes = await begin(connection, [new, again, other], last=True)
    assert [str(lead) for lead in changes] == [new.state.lead_id, other.state.lead_id]
    numbers = [*first.values(), *changes.values()]
    assert numbers == sorted(numbers)
    assert await column(database, "SELECT email_key FROM leads ORDER BY change") == ["a@x", "b@x", "c@x"]
    assert await column(database, "SELECT change FROM leads ORDER BY change") == numbers
    for table in ("ledger", "events", "notices"):
        assert len(await column(database, f"SELECT lead_id FROM {table}")) == 3, table
    assert await column(database, "SELECT role FROM notices") == ["manager"] * 3
    assert min(await column(database, "SELECT change FROM notices")) > 0
    async with database.connection() as connection:
        stored = (await connection.execute(text("SELECT reasons, state ->> 'lead_id' FROM leads WHERE email_key = 'b@x'"))).one()
    assert tuple(stored) == ([{"points": 1.5}], new.state.lead_id)
