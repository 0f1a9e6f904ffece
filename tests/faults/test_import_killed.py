"""The API dies in the middle of an import, as by a power cut; the next one goes on, and every row is in once."""

import os
import signal
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL, Process

import httpx
from sqlalchemy import text
from temporalio.client import Client

from activities.database import Database
from models.settings import Settings
from tests.api.test_imports import figures, look, ordered, rows
from tests.conftest import ADMIN_TOKEN
from tests.engines import free_port
from tests.eventually import eventually


async def an_api(settings: Settings, address: str, port: int) -> Process:
    """The API in a process of its own, answering."""
    env = {
        **os.environ,
        "TWOWAY_DATABASE_URL": settings.database_url,
        "TWOWAY_TASK_QUEUE": settings.task_queue,
        "TWOWAY_SECRET_KEY": settings.secret_key.get_secret_value(),
        "TWOWAY_ADMIN_TOKEN": ADMIN_TOKEN,
        "TEMPORAL_ADDRESS": address,
    }
    command = (sys.executable, "-m", "uvicorn", "api.app:app", "--port", str(port), "--log-level", "critical")
    process = await create_subprocess_exec(*command, env=env, stdout=DEVNULL, stderr=DEVNULL)

    async def answers() -> bool:
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
            except httpx.TransportError:
                return False

    await eventually(answers, bool, 60)
    return process


async def test_an_import_survives_the_death_of_its_process(settings: Settings, database: Database, temporal: Client) -> None:
    address, port, count = temporal.service_client.config.target_host, free_port(), 400
    process = await an_api(settings, address, port)
    try:
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as api:
            job = await ordered(api, rows(count) + "p0@firm0.example,again\nnobody,\n")
            await eventually(lambda: look(api, job), lambda found: found["done"] > 0, 60)
            process.send_signal(signal.SIGKILL)
            await process.wait()
            process = await an_api(settings, address, port)
            found = await eventually(lambda: look(api, job), lambda found: found["state"] == "done", 90)
    finally:
        process.kill()
        await process.wait()
    assert figures(found) == (count + 2, count + 2, count, 1, 1)
    async with database.connection() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM leads"))).scalar_one() == count
        assert (await connection.execute(text("SELECT count(*) FROM engagements"))).scalar_one() == 1
