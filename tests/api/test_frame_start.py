"""Starting, stopping, and what must be there for serving."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from temporalio.client import Client

from activities.database import Database
from api.app import create_app
from api.services import bootstrap
from models.policy import PolicyError
from models.settings import Settings
from tests.api.test_frame_errors import problem
from tests.conftest import ADMIN_TOKEN, _named
from tests.engines import free_port
from tests.eventually import eventually
from tests.stack import Person, Stack

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The API alone, and its first admin."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        signed_in = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api.example", headers=signed_in) as client:
            yield client


async def missing(client: httpx.AsyncClient) -> set[str]:
    """What `/readyz` says is missing."""
    answer = await client.get("/readyz")
    if answer.status_code == 200:
        return set()
    listed = problem(answer, 503, "not-ready")["missing"]
    assert isinstance(listed, list)
    assert all(item["detail"] for item in listed)
    return {item["dependency"] for item in listed}


async def scalar(database: Database, query: str) -> object:
    async with database.connection() as connection:
        return (await connection.execute(text(query))).scalar_one()


@pytest.fixture
def no_database(postgres: str) -> Iterator[str]:
    """The name of a database that does not exist yet; it is dropped at the end if it does by then."""
    name = f"later_{uuid4().hex}"
    yield name
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def made(postgres: str, name: str, template: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


async def test_the_whole_program_is_ready_and_alive(stack: Stack, api: Person) -> None:
    async def ready() -> set[str]:
        return await missing(api)

    await eventually(ready, lambda found: not found)
    assert (await api.get("/healthz")).json() == {"status": "alive"}


async def test_a_database_that_comes_later_is_prepared_then(
    settings: Settings, postgres: str, template: str, no_database: str, temporal: Client
) -> None:
    async with serving(settings.model_copy(update={"database_url": _named(postgres, no_database)})) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert "database" in await missing(client)
        answer = await client.get("/api/users/me")
        problem(answer, 503, "database-away")
        assert answer.headers["retry-after"]
        made(postgres, no_database, template)

        async def status() -> int:
            return (await client.get("/api/users/me")).status_code

        await eventually(status, lambda found: found == 200)
        assert (await client.get("/api/policy")).json()["name"] == "compressed"


async def test_tables_that_are_not_up_to_date_are_named_and_not_touched(
    settings: Settings, postgres: str, no_database: str, temporal: Client
) -> None:
    made(postgres, no_database, "template0")
    url = _named(postgres, no_database)
    async with serving(settings.model_copy(update={"database_url": url})) as client:
        assert "schema" in await missing(client)
        problem(await client.get("/api/users/me"), 503, "database-away")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


async def test_without_workers_or_temporal_it_is_not_ready(settings: Settings, temporal: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(settings) as client:
        assert await missing(client) == {"worker"}
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
    async with serving(settings) as client:
        assert await missing(client) == {"temporal"}
        assert (await client.get("/api/users/me")).status_code == 200


async def test_without_a_policy_it_is_not_ready(stack: Stack, api: Person) -> None:
    async with stack.database.connection() as connection:
        await connection.execute(text("DELETE FROM policies"))
    assert "policy" in await missing(api)
    problem(await api.get("/api/policy"), 404, "not-found")


async def test_processes_that_start_together_prepare_the_database_once(settings: Settings, database: Database) -> None:
    await asyncio.gather(*(bootstrap.prepare(database, settings) for _ in range(6)))
    assert await scalar(database, "SELECT count(*) FROM users") == 1
    assert await scalar(database, "SELECT count(*) FROM tokens") == 1
    assert await scalar(database, "SELECT max(version) FROM policies") == 1


async def test_a_policy_file_is_published_when_it_says_something_new(settings: Settings, database: Database, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    ours = settings.model_copy(update={"policy_file": file})
    for words, version in (("name: one", 1), ("# the same\nname: one", 1), ("name: two", 2)):
        file.write_text(words, "utf-8")
        await bootstrap.prepare(database, ours)
        assert await scalar(database, "SELECT max(version) FROM policies") == version
    file.write_text("nome: three", "utf-8")
    with pytest.raises(PolicyError, match="nome"):
        await bootstrap.prepare(database, ours)
    await bootstrap.prepare(database, settings.model_copy(update={"policy_file": None}))
    assert await scalar(database, "SELECT max(version) FROM policies") == 2


async def test_without_a_file_the_defaults_are_the_policy(settings: Settings, database: Database) -> None:
    await bootstrap.prepare(database, settings.model_copy(update={"policy_file": None}))
    assert await scalar(database, "SELECT name FROM policies") == "default"


async def test_the_admin_token_opens_an_empty_database_only(settings: Settings, database: Database) -> None:
    await bootstrap.prepare(database, settings.model_copy(update={"admin_token": SecretStr("")}))
    assert await scalar(database, "SELECT count(*) FROM users") == 0
    await bootstrap.prepare(database, settings)
    await bootstrap.prepare(database, settings.model_copy(update={"admin_token": SecretStr("another-one")}))
    assert await scalar(database, "SELECT count(*) FROM tokens") == 1


async def test_versions_of_the_policy_can_be_read(stack: Stack, api: Person) -> None:
    latest = (await api.get("/api/policy")).json()
    assert latest == (await api.get(f"/api/policy/versions/{latest['version']}")).json()
    assert latest["document"]["deadlines"]["contact"] == "4s"
    assert latest["source"].startswith("#")
    problem(await api.get("/api/policy/versions/99"), 404, "not-found")
    problem(await api.get("/api/policy/versions/0"), 422, "invalid")


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TWOWAY_")}
    return {**kept, **more}


async def uvicorn(port: int, **more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "uvicorn", "api.app:app", "--port", str(port),
        cwd=ROOT, env=environment(**more), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({}, "TWOWAY_DATABASE_URL is not set"),
        ({"TWOWAY_DATABASE_URL": "mysql://somewhere/db"}, "must begin with postgresql://"),
        ({"TWOWAY_DATABASE_URL": "postgresql://h/d", "TWOWAY_DATABASE_POOL": "0"}, "TWOWAY_DATABASE_POOL: Input should be greater"),
        ({"TWOWAY_DATABASE_URL": "postgresql://h/d", "TWOWAY_POLICY_FILE": "/nowhere.yaml"}, "/nowhere.yaml: cannot be read"),
    ],
)
async def test_a_setting_that_is_wrong_is_said_in_a_sentence(more: dict[str, str], sentence: str) -> None:
    process = await uvicorn(free_port(), **more)
    written = (await process.communicate())[1].decode()
    assert process.returncode not in (0, None)
    assert sentence in written
    assert "Traceback" not in written


async def test_open_feeds_end_when_the_server_is_told_to_stop(settings: Settings, database: Database, database_url: str) -> None:
    await bootstrap.prepare(database, settings)
    port = free_port()
    process = await uvicorn(port, TWOWAY_DATABASE_URL=database_url, TWOWAY_ADMIN_TOKEN=ADMIN_TOKEN)
    address, signed_in = f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    try:
        async with httpx.AsyncClient(base_url=address, headers=signed_in, timeout=20) as client:

            async def up() -> bool:
                try:
                    return (await client.get("/healthz")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(up, bool)
            async with client.stream("GET", "/api/live") as feed, asyncio.timeout(20):
                lines = feed.aiter_lines()
                assert await anext(lines) == "event: hello"
                process.send_signal(signal.SIGTERM)
                assert "event: reconnect" in [line async for line in lines]
        async with asyncio.timeout(20):
            written = (await process.communicate())[1].decode()
        assert "Traceback" not in written
        assert "shutdown complete" in written
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
