"""One thing done to many leads: to the ones that were there, once each, and the others' refusals counted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from api.deps import Wiring
from api.errors import EngineAway, OutcomeUnknown
from api.services.actions import Actions
from api.services.bulk import batches
from api.services.bulk.batches import BatchRunner
from api.services.bulk.work import Bench
from models.settings import Settings
from tests.api.forms import Json, act, arrive, close, until
from tests.api.test_actions import problem
from tests.eventually import eventually
from tests.stack import People, Person, Stack


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """The same, with the default policy's clocks, the shortest of which is ten minutes, so nothing moves under a test's feet."""
    policy = tmp_path / "policy.yaml"
    policy.write_text("name: calm\nrescore: {debounce: 1s}\n")
    return settings.model_copy(update={"policy_file": policy})


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application carries nothing out by itself. To be asked for before `stack`."""

    async def nothing(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("api.services.bulk.run.run", nothing)


@pytest.fixture
async def runner(stack: Stack) -> AsyncIterator[BatchRunner]:
    """Carries batches out when the test says so."""
    wiring: Wiring = stack.app.state.wiring
    yield BatchRunner(Bench(wiring.database, wiring.engine, wiring.settings))


async def ordered(who: httpx.AsyncClient, kind: str, body: Json, **headers: str) -> Json:
    answer = await who.post(f"/api/{kind}", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    found: Json = answer.json()
    assert answer.headers["location"] == f"/api/batches/{found['batch_id']}"
    return found


async def look(who: httpx.AsyncClient, batch: Json) -> Json:
    answer = await who.get(f"/api/batches/{batch['batch_id']}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def erase(admin: Person, lead: Json) -> None:
    """Erase a lead, once everything that its arrival set off is done with."""
    await until(admin, lead, tier="low")
    answer = await eventually(lambda: admin.delete(f"/api/leads/{lead['id']}"), lambda answer: answer.status_code != 503)
    assert answer.status_code == 204, answer.text


async def over(who: httpx.AsyncClient, batch: Json) -> Json:
    return await eventually(lambda: look(who, batch), lambda found: found["state"] in ("done", "failed"), 60)


async def test_a_filtered_set_is_held_and_given_back_and_the_others_stay(api: Person, people: People, stack: Stack) -> None:
    marketer, rep = await people("marketer"), await people("rep")
    fair = [await arrive(api, source="fair") for _ in range(3)]
    taken, other = await arrive(api, source="fair"), await arrive(api, source="web")
    await act(rep, taken, "claim")
    batch = await ordered(marketer, "hold", {"filter": {"source": "fair"}, "note": "met there"})
    assert batch["count"] == 4
    found = await over(marketer, batch)
    assert (found["kind"], found["state"], found["count"], found["done"], found["refused"]) == ("hold", "done", 4, 4, 1)
    assert found["reasons"] == {"owned": 1}
    assert found["by"] == {"id": marketer.uid, "name": marketer.uname}
    for lead in fair:
        await until(api, lead, stage="held")
        timeline = (await api.get(f"/api/leads/{lead['id']}/timeline")).json()["items"]
        assert [item["note"] for item in timeline if item["kind"] == "held"] == ["met there"]
    await until(api, taken, stage="claimed")
    await until(api, other, stage="new")
    back = await over(marketer, await ordered(marketer, "resume", {"filter": {"stage": ["held"]}}))
    assert (back["count"], back["refused"]) == (3, 0)
    for lead in fair:
        await until(api, lead, stage="new")
    async with stack.database.connection() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM batch_leads"))).scalar_one() == 0
        assert (await connection.execute(text("SELECT count(*) FROM batches WHERE note IS NOT NULL"))).scalar_one() == 0


async def test_all_leads_are_scored_again_and_closed_ones_counted(api: Person, people: People) -> None:
    rep = await people("rep")
    leads = [await arrive(api) for _ in range(2)]
    closed, erased = await arrive(api), await arrive(api)
    for lead in leads:
        await until(api, lead, tier="low")
    await close(rep, closed)
    await erase(api, erased)
    batch = await ordered(api, "rescore", {})
    found = await over(api, batch)
    assert (batch["count"], found["done"], found["refused"], found["reasons"]) == (3, 3, 1, {"closed": 1})
    for lead in leads:

        async def scores(lead: Json = lead) -> list[str]:
            timeline = (await api.get(f"/api/leads/{lead['id']}/timeline")).json()["items"]
            return [item["kind"] for item in timeline if item["type"] == "score"]

        await eventually(scores, lambda found: len(found) == 2)


@pytest.mark.usefixtures("idle")
async def test_the_set_is_what_it_was_when_it_was_ordered(api: Person, runner: BatchRunner) -> None:
    first = await arrive(api, source="fair")
    batch = await ordered(api, "hold", {"filter": {"source": ["fair"], "stage": "new"}})
    late = await arrive(api, source="fair")
    while await runner.work():
        pass
    await until(api, first, stage="held")
    await until(api, late, stage="new")
    assert (await look(api, batch))["done"] == 1


@pytest.mark.usefixtures("idle")
async def test_an_erased_lead_is_counted_and_the_others_go_on(api: Person, runner: BatchRunner) -> None:
    gone, stays = await arrive(api), await arrive(api)
    batch = await ordered(api, "hold", {})
    await erase(api, gone)
    while await runner.work():
        pass
    found = await look(api, batch)
    assert (found["done"], found["refused"], found["reasons"]) == (2, 1, {"erased": 1})
    await until(api, stays, stage="held")


@pytest.mark.usefixtures("idle")
async def test_cut_off_in_the_middle_nothing_is_done_or_counted_twice(
    api: Person, runner: BatchRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "CHUNK", 3)
    leads = [await arrive(api) for _ in range(8)]
    batch = await ordered(api, "hold", {"note": "all of you"})
    assert await runner.work()
    assert (await look(api, batch))["done"] == 3
    hold, held, cut = Actions.hold, 0, asyncio.Event()

    async def failing(self: Actions, *args: Any) -> Any:
        nonlocal held
        found = await hold(self, *args)
        held += 1
        if held >= 2:
            cut.set()
            await asyncio.Event().wait()
        return found

    monkeypatch.setattr(Actions, "hold", failing)
    running = asyncio.create_task(runner.work())
    await cut.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    found = await look(api, batch)
    assert (found["state"], found["done"], found["refused"]) == ("running", 3, 0)
    monkeypatch.setattr(Actions, "hold", hold)
    while await runner.work():
        pass
    found = await look(api, batch)
    assert (found["state"], found["done"], found["refused"], found["reasons"]) == ("done", 8, 0, {})
    for lead in leads:
        timeline = (await api.get(f"/api/leads/{lead['id']}/timeline")).json()["items"]
        assert [item["note"] for item in timeline if item["kind"] == "held"] == ["all of you"]


@pytest.mark.usefixtures("idle")
async def test_an_outage_is_waited_out_and_one_silent_lead_is_not_for_ever(
    api: Person, runner: BatchRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent, lively = await arrive(api), await arrive(api)
    batch = await ordered(api, "hold", {})
    hold = Actions.hold

    async def away(self: Actions, *args: Any) -> Any:
        raise EngineAway

    async def unknown(self: Actions, lead: UUID, *args: Any) -> Any:
        if str(lead) == silent["id"]:
            raise OutcomeUnknown
        return await hold(self, lead, *args)

    for trouble in (away, unknown):
        monkeypatch.setattr(Actions, "hold", trouble)
        with pytest.raises(EngineAway):
            await runner.work()
        assert (await look(api, batch))["done"] == 0
    monkeypatch.setattr(batches, "_PATIENCE", 0.0)
    assert await runner.work()
    found = await look(api, batch)
    assert (found["state"], found["done"], found["reasons"]) == ("done", 2, {"no_answer": 1})
    await until(api, lively, stage="held")


@pytest.mark.usefixtures("idle")
async def test_a_fault_fails_its_batch_and_no_other(api: Person, runner: BatchRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    lead = await arrive(api)
    bad, good = await ordered(api, "resume", {}), await ordered(api, "hold", {})

    async def faulty(*_: Any) -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr(Actions, "resume", faulty)
    while await runner.work():
        pass
    found = await look(api, bad)
    assert (found["state"], bad["batch_id"] in found["error"]) == ("failed", True)
    assert (await look(api, good))["state"] == "done"
    await until(api, lead, stage="held")


async def test_a_fault_in_scoring_again_fails_its_batch_and_is_not_begun_for_ever(api: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    await arrive(api)

    async def faulty(*_: Any) -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setattr("activities.scoring.rescoring.judge_leads", faulty)
    batch = await ordered(api, "rescore", {})
    found = await over(api, batch)
    assert (found["state"], found["done"], batch["batch_id"] in found["error"]) == ("failed", 0, True)


@pytest.mark.usefixtures("idle")
async def test_the_same_order_again_is_the_same_batch_and_names_nobody(api: Person, stack: Stack) -> None:
    lead = await arrive(api, source="zyx@firm.example", first_name="Zyxwaltraud")
    body = {"filter": {"q": "zyxwaltraud", "source": "zyx@firm.example", "stage": "new"}}
    first = await ordered(api, "rescore", body, **{"Idempotency-Key": "k1"})
    async with stack.database.connection() as connection:
        await connection.execute(text("DELETE FROM idempotency"))
    assert await ordered(api, "rescore", body, **{"Idempotency-Key": "k1"}) == first
    assert first["count"] == 1
    assert (await look(api, first))["filter"] == {"stage": ["new"]}
    assert lead["stage"] == "new"


async def test_orders_that_make_no_sense_are_refused_by_name(api: Person, people: People) -> None:
    for body, field in (
        ({"filter": {"stage": "nowhere"}}, "filter.stage"),
        ({"filter": {"colour": "red"}}, "filter.colour"),
        ({"filter": {"sort": "score"}}, "filter.sort"),
        ({"note": "x"}, "note"),
    ):
        found = problem(await api.post("/api/rescore", json=body), 422, "invalid")
        assert found["errors"][0]["field"].startswith(field)
    problem(await api.get(f"/api/batches/{uuid4()}"), 404, "not-found")
    rep = await people("rep")
    for kind in ("rescore", "hold", "resume"):
        problem(await rep.post(f"/api/{kind}", json={}), 403, "forbidden")
