"""What-if: from what leads were told to a comparison, through the database, the API and the page."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from activities.database import Database
from activities.ledger import LedgerActivities
from api.services.whatif.job import Ask, compare
from models.lifecycle import Role
from models.settings import Settings
from models.tables import Lead, User
from tests.activities.rows import column, published, store
from tests.eventually import eventually
from tests.stack import People, Person, Stack
from tests.unit.leads import DEFAULT, START, policy
from tests.unit.workflows.histories import REPS, history

AS_OF = START + timedelta(days=40)
EVER = (START - timedelta(days=1), START + timedelta(days=900))
POLICY = "{deadlines: {contact: 12h}, score: {tiers: {high: 62}}}"


async def kept(database: Database, count: int) -> None:
    """Random lives in the database, written as workflows write them."""
    await published(database)
    for number, rep in enumerate(REPS):
        await store(database, User(id=UUID(rep), email=f"rep{number}@team.example", name=f"Rep {number}", roles=["rep"]))
    ledger = LedgerActivities(database)
    for seed in range(count):
        life = history(seed, {1: DEFAULT}, steps=1, name=str(uuid4()), until=AS_OF)
        born = life.told[0].event.at
        lead = Lead(
            id=UUID(life.state.lead_id), email=f"{seed}@b.example", email_key=f"{seed}@b.example", first_name=f"L{seed}", created_at=born
        )
        await store(database, lead)
        for commit in life.commits:
            await ledger.commit(commit)


async def compared(settings: Settings, ask: Ask) -> dict[str, object]:
    return await asyncio.to_thread(compare, settings.sqlalchemy_url, ask, lambda _, __: None)


async def test_what_stands_in_the_database_is_told_again_exactly(database: Database, settings: Settings) -> None:
    await kept(database, 25)
    found = await compared(settings, Ask(DEFAULT, *EVER, as_of=AS_OF))
    assert (found["leads"], found["unreplayable"], found["changed"]) == (25, 0, 0)
    assert found["exact"] == {"checked": 25, "same": 25}
    other = await compared(settings, Ask(policy(POLICY), *EVER, frozenset(REPS[:1]), AS_OF))
    assert other["exact"] == {"checked": 25, "same": 25}
    assert other["changed_leads"]
    assert (await compared(settings, Ask(DEFAULT, START - timedelta(days=9), START - timedelta(days=8))))["leads"] == 0


async def test_a_lead_with_a_gap_in_what_it_was_told_is_left_out_and_counted(database: Database, settings: Settings) -> None:
    await kept(database, 3)
    async with database.connection() as connection:
        await connection.execute(text("DELETE FROM events WHERE (lead_id, seq) = (SELECT lead_id, seq FROM events LIMIT 1)"))
    found = await compared(settings, Ask(DEFAULT, *EVER, as_of=AS_OF))
    assert (found["leads"], found["unreplayable"]) == (2, 1)


async def test_what_was_decided_anew_takes_the_place_of_what_was_never_confirmed(database: Database) -> None:
    await published(database)
    life = history(3, steps=6, name=str(uuid4()))
    await store(database, *(User(id=UUID(rep), email=f"{rep}@team.example", name="Rep", roles=["rep"]) for rep in REPS))
    await store(database, Lead(id=UUID(life.state.lead_id), email="a@b.example", email_key="a@b.example"))
    ledger = LedgerActivities(database)
    for commit in (*life.commits, life.commits[-1]):
        await ledger.commit(commit)
    assert await column(database, "SELECT sum(upto - seq + 1) FROM events") == [life.state.seq]
    assert await column(database, "SELECT sum(jsonb_array_length(told)) FROM events") == [len(life.told) - len(life.unwritten)]


async def arrived(api: Person, stack: Stack, name: str) -> str:
    answer = await api.post("/api/leads", json={"email": f"{name}@acme.example", "first_name": name, "company": "Acme"})
    lead: str = answer.json()["id"]

    async def scored() -> list[object]:
        return await column(stack.database, "SELECT 1 FROM ledger WHERE lead_id = :lead AND kind = 'scored'", lead=lead)

    await eventually(scored, bool)
    return lead


async def done(person: Person, address: str) -> dict[str, object]:
    async def view() -> dict[str, object]:
        answer = await person.get(address)
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found

    return await eventually(view, lambda found: found["state"] in ("done", "failed"), 90)


@pytest.mark.policy("calm")
async def test_a_comparison_is_ordered_made_and_shown(stack: Stack, api: Person, people: People) -> None:
    manager = await people(Role.MANAGER)
    lead, gone = await arrived(api, stack, "Ada"), await arrived(api, stack, "Bob")
    assert (await api.delete(f"/api/leads/{gone}")).status_code == 204
    assert await column(stack.database, "SELECT count(*) FROM events WHERE lead_id = :lead", lead=gone) == [0]
    before = (await manager.get("/api/policy")).json()["document"]
    form = {"policy": {**before, "score": {**before["score"], "tiers": {"high": 1, "medium": 0.5}}}}
    ordered = await manager.post("/api/policy/simulate", json=form, headers={"Idempotency-Key": "once"})
    assert ordered.status_code == 202, ordered.text
    address = ordered.headers["location"]
    assert address == f"/api/policy/simulations/{ordered.json()['id']}"
    found = await done(manager, address)
    assert found["state"] == "done", found
    result = found["result"]
    assert isinstance(result, dict)
    assert (result["leads"], result["unreplayable"]) == (1, 1)
    assert result["exact"] == {"checked": 1, "same": 1}
    page = (await manager.get(address.replace("/api/policy/simulations", "/what-if"))).text
    assert "What would be different?" in page
    assert "1 of 1 come out exactly as recorded" in page
    assert [one["id"] for one in (await manager.get("/api/policy/simulations")).json()] == [found["id"]]
    assert (await manager.delete(address)).status_code == 204
    assert (await manager.get(address)).status_code == 404
    assert lead in {str(row) for row in await column(stack.database, "SELECT lead_id FROM events")}


@pytest.mark.policy("calm")
async def test_a_bad_question_is_refused_and_nothing_is_stored(stack: Stack, people: People) -> None:
    marketer = await people(Role.MARKETER)
    at = datetime(2026, 3, 2, tzinfo=UTC).isoformat()
    bad = [{"policy": "deadlines: {contcat: 3h}"}, {"policy": "a: ["}, {"since": at, "until": at}, {"without": [str(uuid4())]}]
    for form in bad:
        answer = await marketer.post("/api/policy/simulate", json=form)
        assert answer.status_code == 422, answer.text
    assert "contcat" in (await marketer.post("/api/policy/simulate", json=bad[0])).text
    page = await marketer.post("/what-if", data={"contact": "soon", "high": "62"})
    assert page.status_code == 422
    assert "must be a number" in page.text
    assert 'value="62"' in page.text  # what was typed stays
    assert (await marketer.post("/what-if", data={"policy": "nonsense: 1"})).status_code == 422
    assert await column(stack.database, "SELECT count(*) FROM simulations") == [0]


@pytest.mark.policy("calm")
async def test_the_form_asks_for_the_agreement_in_force_with_its_changes(stack: Stack, people: People) -> None:
    marketer = await people(Role.MARKETER)
    rep = await people(Role.REP)
    page = (await marketer.get("/what-if")).text
    assert rep.uname in page
    data = {"contact": "12", "high": "62", "window_low": "", "without": rep.uid, "since": "2026-01-01", "key": "k1"}
    sent = await marketer.post("/what-if", data=data)
    assert sent.status_code == 303, sent.text
    assert (await marketer.post("/what-if", data=data)).headers["location"] == sent.headers["location"]
    found = await done(marketer, sent.headers["location"].replace("/what-if", "/api/policy/simulations"))
    document = found["policy"]
    before = (await marketer.get("/api/policy")).json()["document"]
    assert isinstance(document, dict)
    assert document["deadlines"] == {**before["deadlines"], "contact": "12h"}
    assert document["score"]["tiers"]["high"] == 62
    assert document["nurture"] == before["nurture"]
    result = found["result"]
    assert isinstance(result, dict)
    assert [one["key"] for one in result["changes"]] == ["deadlines.contact", "score.tiers.high"]
    assert found["without"] == [{"id": rep.uid, "name": rep.uname}]
    empty = (await marketer.get(sent.headers["location"])).text
    assert "No lead of this time can be replayed." in empty
    proposing = re.search(r'href="(/agreement/proposals/new\?simulation=[^"]+)"', empty)
    assert proposing is not None
    editor = (await marketer.get(proposing[1])).text
    assert "contact: 12h" in editor
    assert f"{sent.headers['location']}</textarea>" in editor
    assert (await marketer.post(f"{sent.headers['location']}/drop")).status_code == 303
