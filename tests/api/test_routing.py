"""Leads find their rep: the preview, what then happens, and leads that wait until somebody is free."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from activities import policies
from tests.api.forms import Json, arrive, form, look
from tests.api.test_frame_errors import problem
from tests.conftest import CALM
from tests.eventually import eventually
from tests.stack import People, Person, Stack

pytestmark = pytest.mark.policy("calm")

Look = Callable[[], Awaitable[Json]]


async def consult(api: Person, **more: Any) -> Json:
    """A lead that goes to a rep at once."""
    return await arrive(api, consultation_requested=True, **more)


def at(api: Person, lead: Json) -> Look:
    return lambda: look(api, lead)


async def assigned(api: Person, lead: Json) -> Json:
    return await eventually(at(api, lead), lambda found: found["stage"] == "assigned")


async def waiting(api: Person, lead: Json) -> Json:
    return await eventually(at(api, lead), lambda found: found["routing"] is not None and found["routing"]["waits_since"] is not None)


async def publish(stack: Stack, source: str) -> None:
    async with stack.database.connection() as connection:
        await policies.publish(connection, source, today=datetime.now(UTC).date(), author=None)


async def test_what_a_preview_says_is_what_then_happens(stack: Stack, api: Person, people: People) -> None:
    chance = Random(3)
    manager = await people("manager")
    reps = [await people("rep", weight=chance.choice([1, 2, 0.5]), territories=chance.choice([[], ["DE"]])) for _ in range(4)]
    await api.post("/api/accounts", json={"name": "Acme", "domain": "acme.example", "owner": reps[3].uid})
    for n, email in enumerate(("a@one.example", "b@one.example", "c@acme.example", "d@gmail.com", "e@two.example", "f@three.example")):
        person = {"email": email, "country": chance.choice([None, "Germany"]), "company": f"Company {n}"}
        foreseen = (await manager.post("/api/routing/preview", json=person)).json()
        found = await assigned(api, await consult(api, **person))
        assert (n, found["owner"], found["routing"]["rep"]) == (n, foreseen["rep"], foreseen["rep"])
        assert found["routing"]["why"] == foreseen["why"]
        assert (foreseen["by_fallback"], foreseen["fallback"], foreseen["account_owner"]) == (False, "wait", email == "c@acme.example")
        assert {other["rep"]["id"] for other in foreseen["others"]} == {rep.uid for rep in reps} - {foreseen["rep"]["id"]}
    answer = await api.get(f"/api/leads/{found['id']}/timeline")
    assert answer.status_code == 200, answer.text
    timeline = answer.json()["items"]
    told = next(item["data"]["routing"] for item in timeline if item["type"] == "ledger" and item["to_stage"] == "assigned")
    assert told["why"] == found["routing"]["why"]
    assert sorted(other["rep"]["name"] for other in told["others"]) == sorted(rep.uname for rep in reps if rep.uid != found["owner"]["id"])


async def test_a_preview_of_a_lead_that_exists_leaves_out_who_has_it(api: Person, people: People) -> None:
    marketer, anna, ben = await people("marketer"), await people("rep"), await people("rep")
    lead = await arrive(api)
    await anna.post(f"/api/leads/{lead['id']}/claim", json={})
    found = (await marketer.post("/api/routing/preview", json={"lead_id": lead["id"]})).json()
    others = [(other["rep"]["id"], other["why_not"]) for other in found["others"]]
    assert (found["rep"], others) == ({"id": ben.uid, "name": ben.uname}, [(anna.uid, "had this lead before")])
    assert found["why"] == ["is the only one who is free"]


async def test_a_preview_that_makes_no_sense_is_refused(api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api)

    async def ask(**question: object) -> Any:
        return await api.post("/api/routing/preview", json=question)

    problem(await ask(), 422, "invalid")
    problem(await ask(lead_id=lead["id"], company="Acme"), 422, "invalid")
    problem(await ask(compnay="Acme"), 422, "invalid")
    problem(await ask(score=101), 422, "invalid")
    problem(await ask(lead_id=str(uuid4())), 404, "not-found")
    await rep.post(f"/api/leads/{lead['id']}/claim", json={})
    await rep.post(f"/api/leads/{lead['id']}/disposition", json={"outcome": "qualified", "criteria": CRITERIA})
    await rep.post(f"/api/leads/{lead['id']}/disposition", json={"outcome": "lost", "reason": "price"})
    assert problem(await ask(lead_id=lead["id"]), 409, "refused")["reason"] == "closed"


CRITERIA = {"budget_usd": 20_000, "authority": True, "need": True}


async def test_a_lead_nobody_is_free_for_waits_in_sight_and_goes_to_the_first_who_is(api: Person, people: People) -> None:
    manager, anna, ben = await people("manager"), await people("rep", capacity=0), await people("rep", absent=True)
    leads = []
    for _ in range(4):  # one after the other: of equals the one that waits longest is served first
        leads.append(await consult(api))
        await eventually(at(api, leads[-1]), lambda found: found["score"] is not None)
        found = await waiting(api, leads[-1])
    assert {other["rep"]["id"]: other["why_not"] for other in found["routing"]["others"]} == {
        anna.uid: "is full: 0 of 0 leads",
        ben.uid: "is away, nobody knows until when",
    }
    assert (found["routing"]["rep"], found["routing"]["why"]) == (None, ["nobody is free"])

    async def told() -> list[str]:
        return [notice["kind"] for notice in (await manager.get("/api/notices")).json()["items"]]

    await eventually(told, lambda kinds: kinds == ["nobody_free"] * 4)
    assert "twoway_leads_waiting_for_rep 4.0" in (await api.get("/metrics")).text

    async def owned() -> list[Any]:
        return [(await look(api, lead))["owner"] for lead in leads]

    def with_somebody(count: int) -> Callable[[list[Any]], bool]:
        return lambda owners: sum(owner is not None for owner in owners) == count

    await api.patch(f"/api/users/{anna.uid}", json={"capacity": 1})
    owners = await eventually(owned, with_somebody(1))
    assert owners[0] == {"id": anna.uid, "name": anna.uname}
    await anna.post(f"/api/leads/{leads[0]['id']}/disposition", json={"outcome": "not_ready"})
    assert (await eventually(owned, lambda owners: owners[1] is not None))[1]["id"] == anna.uid
    await api.patch(f"/api/users/{ben.uid}", json={"absent": False, "capacity": 1})
    assert (await eventually(owned, lambda owners: owners[2] is not None))[2]["id"] == ben.uid
    carl = await people("rep")
    assert (await eventually(owned, lambda owners: owners[3] is not None))[3]["id"] == carl.uid
    assert "twoway_leads_waiting_for_rep 0.0" in (await api.get("/metrics")).text


async def test_after_a_while_the_fallback_gives_a_lead_nobody_is_free_for_to_a_manager(stack: Stack, api: Person, people: People) -> None:
    await publish(stack, "routing: {fallback: manager, fallback_after: 1s}")
    manager = await people("manager")
    await people("rep", capacity=0)
    lead = await consult(api)
    await waiting(api, lead)
    found = await assigned(api, lead)
    assert (found["owner"]["id"], found["routing"]["fallback"], found["routing"]["waits_since"]) == (manager.uid, True, None)


async def test_a_running_deadline_moves_with_its_owners_absence_and_with_a_new_holiday(stack: Stack, api: Person, people: People) -> None:
    rep = await people("rep")
    lead = await arrive(api)
    await rep.post(f"/api/leads/{lead['id']}/claim", json={})
    due = (await look(api, lead))["deadline"]["at"]
    noon = datetime.now(UTC) + timedelta(hours=1)
    away = {"from": noon.isoformat(), "until": (noon + timedelta(hours=5)).isoformat()}
    later = (datetime.fromisoformat(due) + timedelta(hours=5)).isoformat().replace("+00:00", "Z")
    await api.patch(f"/api/users/{rep.uid}", json={"absent": away})
    await eventually(at(api, lead), lambda found: found["deadline"]["at"] == later)
    await api.patch(f"/api/users/{rep.uid}", json={"absent": False})
    await eventually(at(api, lead), lambda found: found["deadline"]["at"] == due)
    free = [(datetime.now(UTC) + timedelta(days=days)).date().isoformat() for days in range(3)]
    hours = 'clock: {hours: {mon-sun: ["00:00-24:00"]}'
    await publish(stack, CALM.read_text("utf-8").replace("clock: {hours: always}", f"{hours}, holiday_dates: [{', '.join(free)}]}}"))
    moved = await eventually(at(api, lead), lambda found: found["policy_version"] == 2)
    begins = datetime.fromisoformat(f"{free[2]}T00:00:00+00:00") + timedelta(days=1)
    assert datetime.fromisoformat(moved["deadline"]["at"]) == begins + timedelta(hours=24)
    kinds = [item["kind"] for item in (await api.get(f"/api/leads/{lead['id']}/timeline")).json()["items"]]
    assert (kinds.count("retimed"), kinds.count("policy_changed")) == (2, 1)


async def test_of_a_person_who_is_erased_no_choice_remains(stack: Stack, api: Person, people: People) -> None:
    await people("rep", capacity=0)
    lead = await consult(api)
    await waiting(api, lead)
    assert (await api.delete(f"/api/leads/{lead['id']}")).status_code == 204
    kept = "SELECT (SELECT count(*) FROM routing_queue) + (SELECT count(*) FROM assignments WHERE explanation <> '{}')"
    async with stack.database.connection() as connection:
        assert (await connection.execute(text(kept))).scalar_one() == 0


async def test_a_weight_is_kept_and_an_impossible_one_refused(api: Person) -> None:
    new = {"email": f"{uuid4().hex[:8]}@team.example", "name": "Kim", "roles": ["rep"]}
    user = (await api.post("/api/users", json=new)).json()
    changed = (await api.patch(f"/api/users/{user['id']}", json={"weight": 2.5})).json()
    assert (user["weight"], changed["weight"]) == (1.0, 2.5)
    for weight in (-1, None, "much", 1e9):
        problem(await api.patch(f"/api/users/{user['id']}", json={"weight": weight}), 422, "invalid")


async def test_a_person_who_comes_twice_is_previewed_by_what_they_say_now(api: Person, people: People) -> None:
    anna = await people("rep")
    body = {key: value for key, value in form().items() if key in ("email", "company", "title", "source")}
    found = (await api.post("/api/routing/preview", json=body)).json()
    assert (found["rep"]["id"], found["policy_version"], found["again_at"]) == (anna.uid, 1, None)
