"""Models in service: trained on what came of leads, promoted only when better, scoring, and gone back on with one call."""

import json
import random
from typing import Any
from uuid import UUID

import httpx
import psutil
import pytest
from sqlalchemy import text
from temporalio.worker import Replayer

from activities.scoring.table.columns import table_of
from activities.scoring.table.preparing import Question
from activities.scoring.table.training import train
from tests.api.forms import Json, arrive, until
from tests.api.test_actions import problem
from tests.eventually import eventually
from tests.scoring_history import RARE, past
from tests.stack import People, Person, Stack
from workflows.client import TYPED
from workflows.scoring import TrainingWorkflow

pytestmark = pytest.mark.policy("calm")


async def listed(who: httpx.AsyncClient) -> Json:
    answer = await who.get("/api/models")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def look(who: httpx.AsyncClient, version: str) -> Json:
    answer = await who.get(f"/api/models/{version}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def trained(who: Person) -> Json:
    answer = await who.post("/api/models/train")
    assert answer.status_code == 202, answer.text
    version = answer.json()["version"]
    assert answer.headers["location"] == f"/api/models/{version}"
    return await eventually(lambda: look(who, version), lambda found: found["state"] not in ("waiting", "training"), 100)


async def test_a_model_is_trained_promoted_scores_and_is_gone_back_on(api: Person, people: People, stack: Stack) -> None:
    marketer = await people("marketer")
    await past(stack.database)
    model = await trained(marketer)
    assert (model["state"], model["kind"], model["verdict"]) == ("challenger", "history", "ready"), model["why"]
    assert (model["rows"], model["compared"]["against"], model["compared"]["better"]) == (320, "points", True)
    assert set(model["metrics"]["tiers"]) == {"medium", "high"}
    assert {"roc_auc", "pr_auc", "log_loss", "brier", "ece"} <= model["metrics"].keys()
    assert model["report"]["verdict"] == "ready"
    assert "title" in model["columns"]
    content, columns = (await _row(stack, "SELECT content, report FROM models WHERE version = :version", version=model["version"]))[:2]
    assert b"VP Sales" in content
    assert RARE.encode() not in content
    assert RARE not in json.dumps(columns)
    for workflow in [found async for found in stack.client.list_workflows(f"WorkflowId = 'train-{model['version']}'")]:
        history = await stack.client.get_workflow_handle(workflow.id, run_id=workflow.run_id).fetch_history()
        if workflow.task_queue == stack.settings.task_queue:
            await Replayer(workflows=[TrainingWorkflow], plugins=[TYPED]).replay_workflow(history)
    notices = (await marketer.get("/api/notices")).json()["items"]
    assert [(notice["kind"], notice["lead"]) for notice in notices] == [("model_trained", None)]

    waiting = await arrive(api, title="VP Sales", source="partner", attributes={"size": 500})
    before = await until(api, waiting, tier="medium")
    promoted = await marketer.post(f"/api/models/{model['version']}/promote")
    assert promoted.status_code == 200, promoted.text
    assert promoted.json()["state"] == "champion"
    assert (await listed(marketer))["champion"] == model["version"]

    good = await arrive(api, title="VP Sales", source="partner", attributes={"size": 500})
    rows = await eventually(lambda: _scores(stack, good), lambda rows: any(row[0] == model["version"] for row in rows))
    version, score, points, probability = rows[-1]
    assert (version, round(score / 100, 3)) == (model["version"], round(probability, 3))
    assert points == 100
    found = await until(api, good, score=score)
    assert 0 < len(found["reasons"]) <= 5
    # open leads are scored by the new champion without anybody's asking
    after = await eventually(lambda: _scores(stack, before), lambda rows: any(row[0] == model["version"] for row in rows))
    assert after[0][0] == "points"

    back = await marketer.post("/api/models/points/promote")
    assert (back.status_code, back.json()["state"]) == (200, "champion")
    late = await arrive(api, title="VP Sales", source="partner")
    # once on arrival, and perhaps once more by the re-scoring that the change of champion set off
    assert {row[0] for row in await eventually(lambda: _scores(stack, late), bool)} == {"points"}
    again = await marketer.post(f"/api/models/{model['version']}/promote")
    assert (again.status_code, again.json()["state"]) == (200, "champion")
    changes = (await listed(marketer))["changes"]
    assert [change["to_version"] for change in changes] == [model["version"], "points", model["version"]]
    assert changes[0]["by"] == {"id": marketer.uid, "name": marketer.uname}

    page = await marketer.get(f"/models/{model['version']}")
    assert page.status_code == 200
    assert page.text.count("data-plot") >= 4
    assert "Ready" in page.text
    script = await marketer.get("/assets-plotly/plotly.min.js")
    assert (script.status_code, "javascript" in script.headers["content-type"]) == (200, True)

    # what is broken or gone is not used, and nobody waits for it
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE models SET content = '\\x7b00' WHERE version = :version"), {"version": model["version"]})
        await connection.execute(
            text("UPDATE models SET state = 'retired' WHERE state = 'champion'"),
        )
        await connection.execute(
            text(
                "INSERT INTO models (version, number, kind, state, outcome, rows, successes, created_at, columns, content) "
                "SELECT 'm99', 99, kind, 'champion', outcome, rows, successes, now(), columns, content FROM models WHERE version = :version"
            ),
            {"version": model["version"]},
        )
    unlucky = await arrive(api, title="VP Sales")
    assert [row[0] for row in await eventually(lambda: _scores(stack, unlucky), bool)] == ["points"]
    assert "cannot be used now: it cannot be loaded" in (await marketer.get("/models")).text
    async with stack.database.connection() as connection:
        await connection.execute(text("DELETE FROM models WHERE version = 'm99'"))
    lucky = await arrive(api, title="VP Sales")
    assert [row[0] for row in await eventually(lambda: _scores(stack, lucky), bool)] == ["points"]


async def _row(stack: Stack, sql: str, **what: object) -> Any:
    async with stack.database.connection() as connection:
        return (await connection.execute(text(sql), what)).one()


async def _scores(stack: Stack, lead: Json) -> list[tuple[str, float, float, float]]:
    async with stack.database.connection() as connection:
        found = await connection.execute(
            text("SELECT model_version, score, points, probability FROM scores WHERE lead_id = :lead ORDER BY id"),
            {"lead": UUID(lead["id"])},
        )
        return [(row[0], row[1], row[2], row[3]) for row in found]


async def test_too_few_outcomes_make_no_model_and_the_points_go_on_scoring(api: Person, people: People, stack: Stack) -> None:
    marketer, rep = await people("marketer"), await people("rep")
    await past(stack.database, 40)
    model = await trained(marketer)
    assert (model["state"], model["verdict"], model["may_be_promoted"]) == ("failed", "do not use", False)
    assert "at least 25 are needed" in model["why"][0]
    found = problem(await marketer.post(f"/api/models/{model['version']}/promote"), 409, "refused")
    assert (found["reason"], "at least 25" in found["detail"]) == ("not_better", True)
    problem(await marketer.post("/api/models/m4711/promote"), 404, "not-found")
    problem(await rep.post("/api/models/train"), 403, "forbidden")
    everything = await listed(marketer)
    assert (everything["champion"], [one["version"] for one in everything["items"]]) == ("points", [model["version"], "points"])
    assert everything["outcomes"]["fewest"] == 25
    assert everything["outcomes"]["successes"] + everything["outcomes"]["failures"] == 40
    assert everything["against_the_score"]["claimed"] > 0
    page = await marketer.get("/models")
    assert (page.status_code, "Points table" in page.text, "Train a model" in page.text) == (200, True, True)
    refused = await marketer.post("/models/promote", data={"version": model["version"]}, headers={"Origin": "http://board.example"})
    assert (refused.status_code, "was not put into service" in refused.text) == (409, True)


async def test_a_training_that_is_killed_is_begun_again_and_chance_is_not_promoted(people: People, stack: Stack) -> None:
    marketer = await people("marketer")
    await past(stack.database, 200, flat=True)
    ordered = (await marketer.post("/api/models/train")).json()
    again = (await marketer.post("/api/models/train")).json()
    assert again["version"] == ordered["version"]

    async def running() -> list[psutil.Process]:
        mine = psutil.Process().children(recursive=True)
        return [one for one in mine if one.status() != psutil.STATUS_ZOMBIE and "activities.scoring.learned" in one.cmdline()]

    first = await eventually(running, bool)
    first[0].kill()
    model = await eventually(lambda: look(marketer, ordered["version"]), lambda found: found["state"] not in ("waiting", "training"), 100)
    assert (model["state"], model["verdict"] in ("do not use", "weak")) == ("challenger", True)
    found = problem(await marketer.post(f"/api/models/{model['version']}/promote"), 409, "refused")
    assert found["reason"] == "not_better"
    assert "chance" in found["detail"] or "does not exclude that it is no better" in found["detail"]
    assert (await listed(marketer))["champion"] == "points"


def elsewhere() -> bytes:
    """A model that another company's export made."""
    draw = random.Random(3)
    rows = []
    for _ in range(150):
        title, size = draw.choice(["VP", "Clerk"]), draw.choice(["10", "900"])
        won = draw.random() < (0.8 if title == "VP" else 0.2) * (1.0 if size == "900" else 0.5)
        rows.append([title, size, draw.choice(["x", "y"]), "yes" if won else "no"])
    found = train(table_of(["Job Title", "Company Size", "Campaign Code", "Converted"], rows), Question("Converted"))
    assert found.model is not None
    return found.model.to_bytes()


async def test_a_model_from_a_crm_export_is_installed_with_its_columns_mapped_and_may_be_the_first(
    api: Person, people: People, stack: Stack
) -> None:
    marketer = await people("marketer")
    content = elsewhere()

    async def sent(content: bytes, **mapping: str) -> httpx.Response:
        return await marketer.post("/api/models", files={"file": ("model.ubj", content)}, data={"map": json.dumps(mapping)})

    for broken in (b"", content[: len(content) // 2]):
        assert problem(await sent(broken), 422, "invalid")["errors"][0]["field"] == "file"
    wrong = problem(await sent(content, **{"Titel": "title", "Job Title": "shoe_size"}), 422, "invalid")["errors"]
    assert [error["field"] for error in wrong] == ["map.Titel", "map.Job Title"]
    problem(await marketer.post("/api/models", data={"map": "{}"}), 422, "invalid")
    answer = await sent(content, **{"Job Title": "title", "Company Size": "attributes.size", "Campaign Code": ""})
    assert answer.status_code == 201, answer.text
    model = answer.json()
    assert (model["kind"], model["state"], model["unmapped"]) == ("installed", "challenger", ["Campaign Code"])
    assert model["columns"] == {"Job Title": "title", "Company Size": "attributes.size"}
    assert (model["compared"], model["may_be_promoted"]) == (None, True)
    assert "too few outcomes" in " ".join(model["notes"])
    promoted = await marketer.post(f"/api/models/{model['version']}/promote")
    assert promoted.status_code == 200, promoted.text
    vp = await arrive(api, title="VP", attributes={"size": 900})
    clerk = await arrive(api, title="Clerk", attributes={"size": 10})
    scores = [(await eventually(lambda lead=lead: _scores(stack, lead), bool))[0] for lead in (vp, clerk)]  # type: ignore[misc]
    assert [row[0] for row in scores] == [model["version"]] * 2
    assert scores[0][1] > 60
    assert scores[1][1] < 25
    # once there are outcomes here, it is measured by them
    await past(stack.database, 120, seed=4)
    measured = (await sent(content, **{"Job Title": "title", "Company Size": "attributes.size", "Campaign Code": ""})).json()
    assert (measured["compared"]["against"], measured["compared"]["rows"], measured["may_be_promoted"]) == (model["version"], 120, False)
