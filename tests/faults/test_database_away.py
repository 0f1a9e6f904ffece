"""PostgreSQL goes away and comes back under the whole program."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from temporalio.client import Client

from activities.database import Database
from api.app import create_app
from local.folder import Folder
from local.postgres import Postgres
from models.migrations import migrate
from models.settings import Settings
from tests.conftest import ADMIN_TOKEN, COMPRESSED
from tests.eventually import eventually
from worker import build_worker


@pytest.fixture
async def server() -> AsyncIterator[tuple[Postgres, str]]:
    """A PostgreSQL server that a test may stop, and its address."""
    with tempfile.TemporaryDirectory(prefix="twoway-test-") as name:
        folder = Folder(Path(name))
        folder.prepare()
        found = Postgres(folder, lambda _: None)
        address = await asyncio.to_thread(found.start)
        yield found, address
        await asyncio.to_thread(found.stop)


async def test_claims_answer_503_while_the_database_is_down_and_land_once_when_retried(
    server: tuple[Postgres, str], temporal: Client
) -> None:
    postgres, address = server
    settings = Settings(
        database_url=address,
        admin_token=ADMIN_TOKEN,
        secret_key=uuid4().hex,
        policy_file=COMPRESSED,
        task_queue=f"test-{uuid4()}",
        sweep_every=0.2,
        engine_timeout=5,
        log_level="ERROR",
    )
    await asyncio.to_thread(migrate, settings.sqlalchemy_url)
    database = Database(settings)
    app = create_app(settings)
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with (
        app.router.lifespan_context(app),
        build_worker(temporal, database, settings),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api.example", headers=headers, timeout=30) as api,
    ):
        lead = (await api.post("/api/leads", json={"email": "ada@firm.example"})).json()
        key = {"Idempotency-Key": "claim-1"}

        await asyncio.to_thread(postgres.stop)
        refused = await api.post(f"/api/leads/{lead['id']}/claim", json={}, headers=key)
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert refused.headers["content-type"].startswith("application/problem+json")

        await asyncio.to_thread(postgres.start)

        async def claimed() -> httpx.Response:
            return await api.post(f"/api/leads/{lead['id']}/claim", json={}, headers=key)

        await eventually(claimed, lambda answer: answer.status_code == 200)
        timeline = (await api.get(f"/api/leads/{lead['id']}/timeline")).json()["items"]
        assert [item["kind"] for item in timeline if item["kind"] == "claimed"] == ["claimed"]
    await database.close()
