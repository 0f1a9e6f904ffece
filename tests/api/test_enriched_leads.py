"""What is known of a lead's company, through the whole program: at arrival, late, and when there is news."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import Client, WorkflowExecution
from temporalio.testing import ActivityEnvironment

from activities.database import Database
from activities.enrichment import EnrichmentActivities
from models.settings import Settings
from tests.activities.providers import Providers, providers
from tests.api.forms import Json
from tests.board.lead_fixtures import Read, open_page
from tests.conftest import ADMIN_TOKEN, COMPRESSED
from tests.eventually import eventually
from tests.stack import Person, Stack, running, sign_in
from workflows.schedules import ensure, schedules

ADA = {"email": "ada@acme.com", "company": "Acme Inc.", "consent": {"email": True}}


@pytest.fixture
async def world() -> AsyncIterator[Providers]:
    async with providers() as found:
        yield found


@pytest.fixture
def policy_file(tmp_path: Path) -> Path:
    """A claim window of two seconds, and a reviewer with all the time in the world."""
    rules = COMPRESSED.read_text("utf-8").replace("review: {when: []", "review: {when: [no_company]").replace("review: 4s", "review: 1h")
    file = tmp_path / "policy.yaml"
    file.write_text(rules, "utf-8")
    return file


@pytest.fixture
async def stack(temporal: Client, database: Database, settings: Settings, world: Providers) -> AsyncIterator[Stack]:
    """The whole program, and a world to ask."""
    ask = world.asker(database, "site", "gdelt", "hunter", "hunter_person", "apollo", key="")
    for source in ask.silent:
        if source.name != "apollo":
            source.key = "a-key"
            ask.sources.append(source)
    ask.silent = [source for source in ask.silent if source.name == "apollo"]
    async with running(temporal, database, settings, ask) as found:
        yield found


@pytest.fixture
async def api(stack: Stack) -> AsyncIterator[Person]:
    async with sign_in(stack.app, ADMIN_TOKEN) as admin:
        yield admin


async def look(api: Person, lead: Json) -> Json:
    found: Json = (await api.get(f"/api/leads/{lead['id']}")).json()
    return found


async def arrive(api: Person, **form: Any) -> Json:
    answer = await api.post("/api/leads", json=form)
    assert answer.status_code == 201, answer.text
    lead: Json = answer.json()
    return lead


async def known(api: Person, lead: Json, fact: str, value: Any) -> Json:
    async def shown() -> Json:
        return await look(api, lead)

    return await eventually(shown, lambda found: found["enrichment"].get(fact) == value)


async def run_of(stack: Stack) -> WorkflowExecution:
    """The latest look for what is out of date."""
    query = f"WorkflowType = 'RefreshWorkflow' AND TaskQueue = '{stack.settings.task_queue}'"
    return await anext(stack.client.list_workflows(query))


async def outdate(stack: Stack) -> None:
    async with stack.database.connection() as connection:
        await connection.execute(text("UPDATE source_answers SET ask_again_at = now() - interval '1 second'"))


async def test_a_lead_shows_its_companys_facts_and_signals_and_news_scores_it_again(stack: Stack, api: Person, world: Providers) -> None:
    lead = await arrive(api, **ADA)
    found = await known(api, lead, "employees", 201)
    assert (found["enrichment"]["missing"], found["enrichment"]["why"]) == ([], {"apollo": "not_configured"})
    signal = found["signals"][0]
    assert (signal["type"], signal["kind"], signal["title"]) == ("company", "funding", "Acme raises $40 million in Series B")
    assert (signal["source"], signal["url"], signal["confidence"]) == ("gdelt", "https://news.example/0", 0.6)
    page = Read((await open_page(api, lead)).text)
    link = page.all("a", href="https://news.example/0")[0]
    assert ("noopener" in link["rel"], "Not configured: Apollo." in page.text, "from the news (GDELT)" in page.text) == (True, True, True)

    world.headlines.append("Acme opens new office in Berlin")
    await outdate(stack)
    refresh = f"{stack.settings.task_queue}-refresh"
    for _ in range(2):  # once for each worker that starts
        await ensure(stack.client, {refresh: schedules(stack.settings.task_queue, refresh=timedelta(days=1))[refresh]})
    await stack.client.get_schedule_handle(refresh).trigger()

    async def scored() -> list[Json]:
        items: list[Json] = (await api.get(f"/api/leads/{lead['id']}/timeline")).json()["items"]
        return [item for item in items if item["type"] == "score"]

    await eventually(scored, lambda scores: len(scores) >= 2)
    found = await look(api, lead)
    assert {signal["kind"] for signal in found["signals"]} == {"funding", "expansion"}
    for workflow in (f"lead-{lead['id']}", (await run_of(stack)).id):
        history = await stack.client.get_workflow_handle(workflow).fetch_history()
        assert not any(word in history.to_json().lower() for word in ("acme", "ada@", "rocket", "berlin")), "Temporal knows nobody"
    assert found["enrichment"]["buying_signals"] == ["expansion", "funding"]


async def test_a_lead_whose_company_cannot_be_found_goes_to_a_person_and_what_is_found_late_is_shown(
    stack: Stack, api: Person, world: Providers
) -> None:
    with world.failing("hunter", "server"):
        lead = await arrive(api, email="ada@gmail.com", title="VP Sales", consent={"email": True})

        async def shown() -> Json:
            return await look(api, lead)

        await eventually(shown, lambda found: found["stage"] == "review")
        assert (await look(api, lead))["enrichment"]["missing"] == ["hunter_person"]
    await outdate(stack)
    await ActivityEnvironment().run(EnrichmentActivities(stack.database, world.asker(stack.database, "hunter_person")).refresh, 10)
    await known(api, lead, "company", "Acme")

    async def judged() -> bool:
        async with stack.database.connection() as connection:
            rows = await connection.execute(text("SELECT state #>> '{known,company}' FROM leads"))
            return bool(rows.scalar_one() == "true")

    await eventually(judged, bool)
    assert (await look(api, lead))["stage"] == "review", "who has it decides, and sees what was found"
