"""Temporal is down when leads arrive: they are accepted, shown, and started as soon as it is back."""

import asyncio
import json

import httpx
import pytest

from activities.database import Database
from api.app import create_app
from models.settings import Settings
from tests.conftest import ADMIN_TOKEN
from tests.engines import dev_server, free_port
from tests.eventually import eventually
from worker import build_worker


async def test_leads_that_arrive_while_temporal_is_down_live_as_soon_as_it_is_back(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{port}")
    app = create_app(settings.model_copy(update={"start_timeout": 0.5}))
    transport = httpx.ASGITransport(app=app)
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api.example", headers=headers, timeout=30) as api,
    ):
        answers = await asyncio.gather(
            *(api.post("/api/leads", json={"email": f"p{n}@firm{n}.example", "title": "Manager"}) for n in range(20))
        )
        assert {answer.status_code for answer in answers} == {201}
        listed = (await api.get("/api/leads", params={"limit": 50})).json()["items"]
        assert {lead["id"] for lead in listed} == {answer.json()["id"] for answer in answers}

        claim = await api.post(f"/api/leads/{listed[0]['id']}/claim", json={})
        assert claim.status_code == 503
        assert claim.headers["retry-after"]
        ready = await api.get("/readyz")
        assert ready.status_code == 503
        assert "temporal" in ready.text

        async with dev_server(port=port) as client, build_worker(client, database, settings):

            async def tiers() -> list[str | None]:
                return [lead["tier"] for lead in (await api.get("/api/leads", params={"limit": 50})).json()["items"]]

            assert await eventually(tiers, all, seconds=60) == ["medium"] * 20


async def test_what_a_lead_did_while_temporal_was_down_reaches_its_workflow(
    settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{port}")
    app = create_app(settings.model_copy(update={"start_timeout": 0.5}))
    transport = httpx.ASGITransport(app=app)
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api.example", headers=headers, timeout=30) as api,
    ):
        lead = (await api.post("/api/leads", json={"email": "ada@firm.example"})).json()
        asked = {"id": "event-1", "kind": "consultation_requested", "lead_id": lead["id"], "at": lead["arrived_at"]}
        answer = await api.post("/api/engagements", json={"events": [asked]})
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
        async with dev_server(port=port) as client, build_worker(client, database, settings):

            async def story() -> str:
                return json.dumps((await api.get(f"/api/leads/{lead['id']}/timeline")).json())

            assert "fast_lane" in await eventually(story, lambda told: "fast_lane" in told, seconds=60)
