"""A worker dies in the middle of its work, as by a power cut; another takes over and nothing is done twice or lost."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process

import httpx
from temporalio.client import Client

from activities.database import Database
from api.app import create_app
from models.settings import Settings
from tests.conftest import ADMIN_TOKEN
from tests.eventually import eventually


async def a_worker(settings: Settings, address: str) -> Process:
    """A worker in a process of its own."""
    env = {
        **os.environ,
        "TWOWAY_DATABASE_URL": settings.database_url,
        "TWOWAY_TASK_QUEUE": settings.task_queue,
        "TWOWAY_SECRET_KEY": settings.secret_key.get_secret_value(),
        "TEMPORAL_ADDRESS": address,
    }
    return await asyncio.create_subprocess_exec(sys.executable, "worker.py", env=env, stdout=DEVNULL, stderr=DEVNULL)


async def test_claims_under_way_when_the_worker_is_killed_land_exactly_once(
    settings: Settings, database: Database, temporal: Client
) -> None:
    address = temporal.service_client.config.target_host
    app = create_app(settings.model_copy(update={"engine_timeout": 20}))
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    worker = await a_worker(settings, address)
    try:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api.example", headers=headers, timeout=60) as api,
        ):
            posted = [await api.post("/api/leads", json={"email": f"p{n}@firm{n}.example"}) for n in range(15)]
            leads = [answer.json()["id"] for answer in posted]
            claims = [
                asyncio.create_task(api.post(f"/api/leads/{lead}/claim", json={}, headers={"Idempotency-Key": f"claim-{lead}"}))
                for lead in leads
            ]
            await asyncio.wait(claims, return_when=asyncio.FIRST_COMPLETED)
            worker.send_signal(signal.SIGKILL)
            await worker.wait()
            worker = await a_worker(settings, address)
            await asyncio.gather(*claims)
            for lead in leads:

                async def claim(lead: str = lead) -> httpx.Response:
                    return await api.post(f"/api/leads/{lead}/claim", json={}, headers={"Idempotency-Key": f"claim-{lead}"})

                await eventually(claim, lambda answer: answer.status_code == 200, seconds=30)
                timeline = (await api.get(f"/api/leads/{lead}/timeline")).json()["items"]
                assert [item["kind"] for item in timeline if item["kind"] == "claimed"] == ["claimed"]
    finally:
        worker.terminate()
        await worker.wait()
