"""The fixtures that tests of several floors share: a real PostgreSQL and a real Temporal.

`TWOWAY_TEST_POSTGRES` names a server to use instead of the one that is started here; databases are made in it and
dropped again.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from inspect import iscoroutinefunction
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import yaml
from temporalio.client import Client

from activities.database import Database
from local.folder import Folder
from local.postgres import Postgres
from models.migrations import migrate
from models.settings import Settings
from tests.engines import dev_server

os.environ["TWOWAY_ENRICHMENT"] = "false"  # no test asks the world, in no process that it starts
ADMIN_TOKEN = "test-admin-token-0123456789abcdefghij"
COMPRESSED = Path(__file__).parent / "compressed.yaml"
CALM = Path(__file__).parents[1] / "policy.yaml"
"""Its shortest clock is ten minutes."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that waits in vain is cancelled, so that what it holds is let go.

    A signal's exception comes up in the loop and not in the test, whose worker then keeps the session from ever ending.
    """
    usual = float(config.getini("timeout"))
    for item in items:
        if isinstance(item, pytest.Function) and iscoroutinefunction(item.obj):
            own = item.get_closest_marker("timeout")
            item.obj = _within(0.8 * (float(own.args[0]) if own else usual), item.obj)


def _within(seconds: float, test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @wraps(test)
    async def limited(*args: object, **kwargs: object) -> None:
        async with asyncio.timeout(seconds):
            await test(*args, **kwargs)

    return limited


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """A test that leaves settings behind in the environment makes another fail, much later and elsewhere."""

    def ours() -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name.startswith(("TWOWAY_", "TEMPORAL_"))}

    before = ours()
    yield
    assert ours() == before


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server that databases may be made in.

    Not in pytest's own folder: every new session shuts that to other users, and as root the server is one.
    """
    given = os.environ.get("TWOWAY_TEST_POSTGRES")
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="twoway-test-") as name:
        folder = Folder(Path(name))
        folder.prepare()
        server = Postgres(folder, lambda _: None)
        try:
            address = server.start()
            with psycopg.connect(address, autocommit=True) as connection:  # nobody pulls the plug of this one; see tests/faults for those
                for setting in ("fsync", "full_page_writes"):
                    connection.execute(f"ALTER SYSTEM SET {setting} = off")
                connection.execute("SELECT pg_reload_conf()")
            yield address
        finally:
            server.stop()


def _named(address: str, name: str) -> str:
    head, _, query = address.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")


@pytest.fixture(scope="session")
def template(postgres: str) -> Iterator[str]:
    """The name of a migrated database to copy."""
    name = f"template_{uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        migrate(_named(postgres, name).replace("postgresql://", "postgresql+psycopg://", 1))
        yield name
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database_url(postgres: str, template: str) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        yield _named(postgres, name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def policy_file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A policy of second-long durations; with `pytest.mark.policy("calm")` the default one, under which nothing moves by itself.

    A second argument is more YAML, in the place of what the file says under these keys.
    """
    asked = request.node.get_closest_marker("policy")
    name, *more = asked.args if asked else ("compressed",)
    found = {"compressed": COMPRESSED, "calm": CALM}[name]
    if not more:
        return found
    own = tmp_path / "policy.yaml"
    own.write_text(yaml.safe_dump(yaml.safe_load(found.read_text("utf-8")) | yaml.safe_load(more[0])), "utf-8")
    return own


@pytest.fixture
def settings(database_url: str, policy_file: Path) -> Settings:
    """Settings of a program on that database, with a task queue of its own."""
    return Settings(
        database_url=database_url,
        admin_token=ADMIN_TOKEN,
        secret_key="0123456789abcdef0123456789abcdef",
        policy_file=policy_file,
        task_queue=f"test-{uuid4()}",
        public_url="http://board.example",
        sweep_every=0.2,
        log_level="WARNING",
    )


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    """A fresh, migrated database."""
    found = Database(settings)
    yield found
    await found.close()


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[Client]:
    """The real Temporal server, and `TEMPORAL_ADDRESS` pointing to it."""
    async with dev_server() as client:
        address = client.service_client.config.target_host
        before = os.environ.get("TEMPORAL_ADDRESS")
        os.environ["TEMPORAL_ADDRESS"] = address
        try:
            yield client
        finally:
            if before is None:
                del os.environ["TEMPORAL_ADDRESS"]
            else:
                os.environ["TEMPORAL_ADDRESS"] = before
