"""The whole program in one process, as fixtures: import `stack`, `api` and `people` where they are wanted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from temporalio.client import Client

from activities.database import Database
from activities.enrichment.asking import Asker
from api.app import create_app
from models.settings import Settings
from tests.conftest import ADMIN_TOKEN
from tests.eventually import eventually
from worker import build_worker


@dataclass(frozen=True)
class Stack:
    """The whole program: API and worker in this process, on a real Temporal and a real PostgreSQL."""

    app: FastAPI
    client: Client
    database: Database
    settings: Settings


@asynccontextmanager
async def running(temporal: Client, database: Database, settings: Settings, ask: Asker | None = None) -> AsyncIterator[Stack]:
    """The whole program, while it runs."""
    app = create_app(settings)
    async with app.router.lifespan_context(app), build_worker(temporal, database, settings, ask):
        yield Stack(app, temporal, database, settings)


@pytest.fixture
async def stack(temporal: Client, database: Database, settings: Settings) -> AsyncIterator[Stack]:
    """The whole program, up and ready."""
    async with running(temporal, database, settings) as found:
        yield found


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The program behind a real server, while it serves; where it is."""
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server._serve())

    async def started() -> bool:
        return server.started

    await eventually(started, bool)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.fixture
async def address(stack: Stack) -> AsyncIterator[str]:
    """The program behind a real server; where it is."""
    async with served(stack.app) as found:
        yield found


class Person(httpx.AsyncClient):
    """Somebody signed in at the API."""

    uid: str = ""
    uname: str = ""
    email: str = ""


def sign_in(app: FastAPI, token: str) -> Person:
    transport = httpx.ASGITransport(app=app)
    return Person(transport=transport, base_url="http://api.example", headers={"Authorization": f"Bearer {token}"}, timeout=30)


async def hire(stack: Stack, api: Person, name: str, *roles: str, **more: object) -> Person:
    """A new user with these roles, signed in."""
    email = f"{name.lower().replace(' ', '.')}@team.example"
    user = await api.post("/api/users", json={"email": email, "name": name, "roles": list(roles), **more})
    assert user.status_code == 201, user.text
    token = await api.post(f"/api/users/{user.json()['id']}/tokens", json={"name": "test"})
    assert token.status_code == 201, token.text
    person = sign_in(stack.app, token.json()["token"])
    person.uid, person.uname, person.email = user.json()["id"], name, email
    return person


@pytest.fixture
async def api(stack: Stack) -> AsyncIterator[Person]:
    """The first admin."""
    async with sign_in(stack.app, ADMIN_TOKEN) as admin:
        yield admin


People = Callable[..., Awaitable[Person]]


@pytest.fixture
async def people(stack: Stack, api: Person) -> AsyncIterator[People]:
    """Makes a new user with these roles and signs them in; `.uid` and `.uname` say who it is."""
    made: list[Person] = []

    async def new(*roles: str, **more: object) -> Person:
        person = await hire(stack, api, f"u{uuid4().hex[:8]}", *roles, **more)
        made.append(person)
        return person

    yield new
    for person in made:
        await person.aclose()
