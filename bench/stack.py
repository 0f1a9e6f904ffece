"""The whole program as `twoway up` runs it, on free ports and in a temporary folder, beside a worker of the bare engine."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from uuid import uuid4

import httpx
from sqlalchemy import text
from temporalio.client import Client

from activities.database import Database
from bench.bare import QUEUE
from local import Trouble, temporal
from local.folder import Folder
from local.postgres import Postgres
from local.processes import Child
from models.migrations import migrate
from models.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
POLICY = Path(__file__).with_name("policy.yaml")
_PATIENCE = 60.0
_UNTIL_SETTLED = 60.0
_CONNECTIONS = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=3)  # uvicorn closes after 5
_UNSETTLED = text("SELECT count(*) FROM leads WHERE seq = first_seq OR state -> 'effects' <> '[]'")
Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything that runs.

    Args:
        http: a client of the API, signed in as the first admin; connections are kept open.
        temporal: a plain client of the same Temporal that the API uses.
        database: the API's.
        workers: what carries workflows out: ours and the bare engine's.
        api: the one process that serves the API and the board.
    """

    http: httpx.AsyncClient
    temporal: Client
    database: Database
    workers: Sequence[Child]
    api: Child

    async def stop_workers(self) -> None:
        """From now on let nothing be carried out any more."""
        for worker in self.workers:
            await worker.stop(6.0)

    async def reps(self, count: int) -> list[Headers]:
        """New reps, each as the headers that sign them in."""
        return [await self.signed_in("rep") for _ in range(count)]

    async def signed_in(self, role: str) -> Headers:
        """Somebody new in this role, as the headers that sign them in."""
        name = f"{role}-{uuid4().hex[:8]}"
        user = await self.post("/api/users", {"email": f"{name}@team.example", "name": name, "roles": [role]})
        token = await self.post(f"/api/users/{user['id']}/tokens", {"name": "bench"})
        return {"Authorization": f"Bearer {token['token']}"}

    async def post(self, path: str, body: Mapping[str, object], headers: Headers | None = None) -> dict[str, str]:
        """What the API answers.

        Raises:
            RuntimeError: when it is a failure.
        """
        answer = await self.http.post(path, json=body, headers=headers)
        if not answer.is_success:
            raise RuntimeError(f"POST {path} was answered {answer.status_code}: {answer.text[:1000]}")
        found: dict[str, str] = answer.json()
        return found

    async def submit(self) -> str:
        """A lead nobody knew comes in; its id."""
        return (await self.post("/api/leads", submission()))["id"]

    async def start_bare(self) -> str:
        """A workflow of the bare engine is started; its id."""
        return (await self.temporal.start_workflow("Bare", id=f"bare-{uuid4()}", task_queue=QUEUE)).id

    async def settle(self) -> None:
        """Wait until every lead is scored and nothing is under way for any.

        Raises:
            TimeoutError: after a minute.
        """
        async with asyncio.timeout(_UNTIL_SETTLED):
            while True:
                async with self.database.connection() as connection:
                    if (await connection.execute(_UNSETTLED)).scalar_one() == 0:
                        break
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)  # what the last of them set off in Temporal itself


def submission() -> dict[str, object]:
    """A form as a visitor fills it in, with an address nobody used before."""
    name = uuid4().hex
    return {
        "email": f"{name[:12]}@company-{name[12:18]}.example",
        "first_name": "Ada",
        "last_name": name[:8],
        "company": f"Company {name[12:18]}",
        "title": "Engineer",
        "source": "web",
        "consent": {"email": True},
    }


@asynccontextmanager
async def stack() -> AsyncIterator[Stack]:
    """Start everything, wait until it is ready, and leave nothing behind.

    Raises:
        Trouble: when something does not start or is not ready within a minute.
    """
    children: list[Child] = []
    async with database_alone() as (folder, url):
        try:
            async with _running(folder, url, Database(Settings(database_url=url)), children) as running:
                yield running
        finally:
            for child in reversed(children):
                await child.stop(6.0)


@asynccontextmanager
async def database_alone() -> AsyncIterator[tuple[Folder, str]]:
    """A migrated PostgreSQL in a temporary folder, and nothing else: the folder and the server's address."""
    with TemporaryDirectory(prefix="twoway-bench-") as place:
        folder = Folder(Path(place))
        folder.prepare()
        postgres = Postgres(folder, _silent)
        try:
            url = await asyncio.to_thread(postgres.start)
            await asyncio.to_thread(migrate, Settings(database_url=url).sqlalchemy_url)
            yield folder, url
        finally:
            await asyncio.to_thread(postgres.stop)


@asynccontextmanager
async def _running(folder: Folder, url: str, database: Database, children: list[Child]) -> AsyncIterator[Stack]:
    """Temporal, the API and the workers, started and added to `children`."""
    port, temporal_port, ui_port = _free_ports(3)
    settings = _settings(folder, url, port, temporal_port)
    server = temporal.child(folder, port=temporal_port, ui_port=ui_port, environment=settings, say=_silent)
    children.append(server)
    await server.start()
    await temporal.ready(server, temporal_port)
    programs = {
        "api": ["-P", "-m", "uvicorn", "api.app:app", "--app-dir", str(ROOT), "--port", str(port), "--no-access-log"],
        "worker": [str(ROOT / "worker.py")],
        "bare": [str(ROOT / "bench" / "bare.py"), settings["TEMPORAL_ADDRESS"]],
    }
    for name, arguments in programs.items():
        children.append(Child(name, [sys.executable, *arguments], folder, environment=settings, say=_silent))
        await children[-1].start()
    workers = children[2:]
    client = await Client.connect(settings["TEMPORAL_ADDRESS"])
    signed_in = {"Authorization": f"Bearer {settings['TWOWAY_ADMIN_TOKEN']}"}
    try:
        async with httpx.AsyncClient(base_url=settings["TWOWAY_PUBLIC_URL"], headers=signed_in, timeout=60, limits=_CONNECTIONS) as http:
            await _ready(http, children)
            yield Stack(http, client, database, workers, children[1])
    finally:
        await database.close()


def _settings(folder: Folder, url: str, port: int, temporal_port: int) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("TEMPORAL_", "TWOWAY_"))}
    return ours | {
        "TEMPORAL_ADDRESS": f"127.0.0.1:{temporal_port}",
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "TWOWAY_DATABASE_URL": url,
        "TWOWAY_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TWOWAY_SECRET_KEY": folder.secret("secret-key"),
        "TWOWAY_ADMIN_TOKEN": folder.secret("admin-token"),
        "TWOWAY_POLICY_FILE": str(POLICY),
        "TWOWAY_TRACKING_PER_ADDRESS": "100000000",  # all visitors come from here
        "TWOWAY_TRACKING_PER_VISITOR": "100000000",
    }


async def _ready(http: httpx.AsyncClient, children: Sequence[Child]) -> None:
    """Wait until the API says that it has all it needs.

    Raises:
        Trouble: when a program has ended, or it takes longer than a minute.
    """
    until = monotonic() + _PATIENCE
    said = "nothing"
    while monotonic() < until:
        for child in children:
            child.check()
        try:
            answer = await http.get("/readyz")
        except httpx.TransportError as err:
            said = type(err).__name__  # not listening yet
        else:
            if answer.is_success:
                return
            said = answer.text
        await asyncio.sleep(0.1)
    raise Trouble(f"The API is not ready after {_PATIENCE:g} s; its last answer: {said}")


def _free_ports(count: int) -> list[int]:
    """Ports nobody listens on just now."""
    found = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in found]
    for listener in found:
        listener.close()
    return ports


def _silent(_: str) -> None:
    """A bench has nothing to say but its table; what went wrong is raised."""
