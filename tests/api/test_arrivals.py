"""Many leads that come in together, and how their workflows are started without anybody waiting for them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.deps import Wiring
from api.services.arrival import TakenAlready, take_in
from api.services.arrivals import take_in_together
from api.services.engine import BULK, LIVE, workflow_id
from models.schemas.leads import Submission
from models.tables import WebhookEndpoint
from tests.activities.rows import store
from tests.api.forms import arrive, form, until
from tests.api.test_imports import ordered, over, rows
from tests.eventually import eventually
from tests.stack import People, Person, Stack

pytestmark = pytest.mark.policy("calm")

OWN = {"id", "lead_id", "number", "change", "email", "email_key", "search"}
"""What is every lead's own."""


@pytest.fixture
def nobody_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row's workflow is started by itself. To be asked for before `stack`."""

    async def never(*_: object) -> float:
        return 3600.0

    monkeypatch.setattr("api.services.handing_on.hand_on", never)


def submissions(*forms: dict[str, Any]) -> list[Submission]:
    return [Submission.model_validate(one) for one in forms]


async def every(stack: Stack, statement: str, **values: Any) -> Sequence[Any]:
    async with stack.database.connection() as connection:
        return (await connection.execute(text(statement), values)).mappings().all()


@pytest.mark.usefixtures("nobody_starts")
async def test_a_lead_that_comes_with_others_is_the_same_as_one_that_comes_alone(
    api: Person, people: People, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: object) -> None:
        """Its workflow would go on with it meanwhile."""

    monkeypatch.setattr("api.services.arrival.set_off", nothing)
    owner = await people("rep")
    await api.post("/api/accounts", json={"name": "Quux", "domain": "named.example", "owner": owner.uid})
    later = datetime.now(UTC) + timedelta(days=1)
    await store(stack.database, WebhookEndpoint(url="https://hooks.example/", secret="unused", resume_at=later))
    said = {"phone": "+49 30 901820", "attributes": {"b": [1, 2.5], "a": "x"}, "consent": {"email": True}, "consultation_requested": True}
    wiring: Wiring = stack.app.state.wiring
    (alone,) = submissions(form(email="alone@mail.named.example", **said))
    together, plain = submissions(form(email="together@mail.named.example", **said), form())
    await take_in(wiring.database, wiring.engine, alone, BULK)
    assert await take_in_together(wiring.database, [together, plain]) == {0, 1}
    for table in ("leads", "ledger", "events", "lead_facts", "consents", "webhook_deliveries"):
        key = "id" if table == "leads" else "lead_id"
        found = [
            await every(stack, f"SELECT t.* FROM {table} t JOIN leads l ON l.id = t.{key} WHERE l.email = :email", email=str(one.email))
            for one in (alone, together)
        ]
        left, right = ([_comparable(row) for row in some] for some in found)
        assert left, table
        assert left == right, table


def _comparable(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what is never the same of two leads: moments, and documents that hold some are compared by their keys."""
    documents = {name: sorted(row[name]) for name in ("state", "data") if isinstance(row.get(name), dict)}
    plain = {name: datetime if isinstance(value, datetime) else value for name, value in row.items() if name not in OWN | {"told"}}
    return {**plain, **documents}


async def test_of_many_those_are_left_that_need_more_than_to_be_stored(api: Person, stack: Stack) -> None:
    known = await arrive(api)
    found = submissions(
        form(email="new@firm.example", title="first"),
        form(email=known["email"]),
        form(email="visitor@firm.example", anonymous_id="v-1"),
        form(email="NEW@firm.example", title="second"),
        form(),
    )
    assert await take_in_together(stack.database, found) == {0, 4}
    leads = await every(stack, "SELECT email, title FROM leads WHERE email_key = 'new@firm.example'")
    assert [(lead["email"], lead["title"]) for lead in leads] == [("new@firm.example", "first")]


async def test_a_surprise_leaves_all_of_them(stack: Stack) -> None:
    async def landed_before(_: AsyncConnection, places: Sequence[int]) -> None:
        assert list(places) == [0, 1]
        raise TakenAlready

    both = submissions(form(), form())
    assert await take_in_together(stack.database, both, landed_before) == set()
    unstorable = both[1].model_copy(update={"message": "\0"})
    assert await take_in_together(stack.database, [both[0], unstorable]) == set()
    assert await every(stack, "SELECT id FROM leads") == []
    assert await take_in_together(stack.database, both) == {0, 1}


@pytest.mark.usefixtures("nobody_starts")
async def test_who_claims_an_imported_lead_starts_it_at_once(people: People, stack: Stack) -> None:
    marketer, rep = await people("marketer"), await people("rep")
    await over(marketer, await ordered(marketer, rows(3)))
    waiting = (await rep.get("/api/leads", params={"claimable": "true"})).json()["items"]
    untouched = "SELECT id FROM leads WHERE swept_at IS NULL AND seq = first_seq AND priority = 4"
    assert (len(waiting), len(await every(stack, untouched))) == (3, 3)
    answer = await rep.post(f"/api/leads/{waiting[1]['id']}/claim", json={})
    assert (answer.status_code, answer.json()["stage"]) == (200, "claimed")
    assert answer.json()["owner"]["id"] == rep.uid
    described = await stack.client.get_workflow_handle(workflow_id(waiting[1]["id"])).describe()
    assert described.raw_description.workflow_execution_info.priority.priority_key == LIVE.priority_key  # somebody waits for it now
    assert len(await every(stack, untouched)) == 2


@pytest.mark.usefixtures("nobody_starts")
async def test_a_row_that_asks_for_a_demo_does_not_wait_for_the_others(people: People, stack: Stack) -> None:
    marketer, rep = await people("marketer"), await people("rep")
    await over(marketer, await ordered(marketer, rows(2) + ""))
    await over(marketer, await ordered(marketer, "email,consultation_requested\nasks@firm.example,yes\n"))
    (asks,) = await every(stack, "SELECT id FROM leads WHERE email = 'asks@firm.example'")
    async with stack.database.connection() as connection:  # as though nobody had heard of its start for a minute
        await connection.execute(text("UPDATE leads SET arrived_at = arrived_at - interval '1 minute'"))
    found = await until(marketer, asks, stage="assigned")
    assert found["owner"]["id"] == rep.uid
    assert [row["swept_at"] for row in await every(stack, "SELECT swept_at FROM leads WHERE priority = 4")] == [None, None]


async def test_imported_leads_are_started_by_themselves(people: People, stack: Stack) -> None:
    marketer = await people("marketer")
    await over(marketer, await ordered(marketer, rows(24)))  # more than are under way at once

    async def unscored() -> int:
        return len(await every(stack, "SELECT id FROM leads WHERE score IS NULL"))

    await eventually(unscored, lambda count: count == 0, 60)
