"""`twoway up`: PostgreSQL, Temporal, a worker and the API on one machine, until Ctrl-C.

Each starts as soon as what it cannot wait for by itself is there, and they stop in the reverse order. Everything that
must outlive a stop, a kill -9 or a power cut is in the data folder, so the next `up` goes on where this one ended.

Heavy packages are imported where they are needed: most of a start is imports, and they can go on side by side.
"""

import asyncio
import http.client
import os
import shlex
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console

from local import Trouble, temporal
from local.folder import Folder
from local.postgres import Postgres
from local.processes import Child, check_port, end_leftover

ROOT = Path(__file__).resolve().parent.parent
"""Where worker.py and the packages are."""
_API_DRAIN = 3
_GRACE = {"demo": 2.0, "api": _API_DRAIN + 1.5, "worker": 5.5, "temporal": 4.0}
"""Seconds each may take to stop, in the order they are stopped in; PostgreSQL comes last and takes its own."""
_PATIENCE, _LOOK_EVERY = 30.0, 2.0


@dataclass(frozen=True)
class Options:
    """What `twoway up` was asked for.

    Args:
        data: the folder everything is kept in.
        port: of the API and the board.
        temporal_port: of Temporal.
        ui_port: of Temporal's UI.
        policy: a policy file to publish; None leaves the one in force.
        demo: let made-up people live in it, by a shrunk agreement.
    """

    data: Path
    port: int
    temporal_port: int
    ui_port: int
    policy: Path | None = None
    demo: bool = False


def up(options: Options, console: Console) -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP.

    Raises:
        Trouble: when something is in the way; nothing is left running then. Its exit code is 2 for a policy that is not valid.
    """
    if options.policy is not None:
        _check_policy(options.policy)
    folder = Folder(options.data)
    if options.demo:
        _check_demo(folder)
    folder.prepare()
    if options.demo:
        options = replace(options, policy=_demo_policy(folder, options.policy))
    with folder.locked():
        asyncio.run(_Stack(options, folder, console).run())


def _check_policy(policy: Path) -> None:
    from models.policy import PolicyError, load_policy

    try:
        load_policy(policy, today=datetime.now(UTC).date())
    except PolicyError as err:
        raise Trouble("This policy cannot be used, so nothing was started:\n  " + "\n  ".join(err.problems), exit_code=2) from None


def _check_demo(folder: Folder) -> None:
    """Made-up people must not come among real ones."""
    if os.environ.get("TWOWAY_DATABASE_URL"):
        raise Trouble("The demo fills a database of its own with made-up people: unset TWOWAY_DATABASE_URL first.")
    if folder.postgres.exists() and not folder.demo_policy.exists():
        raise Trouble(f"{folder.root} holds leads that are not the demo's. Choose another folder with --data.")


def _demo_policy(folder: Folder, policy: Path | None) -> Path:
    """The agreement shrunk to the demo's clock, in a file that also marks the folder as a demo's."""
    from local.demo.agreement import agreement

    folder.demo_policy.write_text(agreement(policy), "utf-8")
    return folder.demo_policy


class _Stack:
    """The programs of one `up`."""

    def __init__(self, options: Options, folder: Folder, console: Console) -> None:
        self._options = options
        self._folder = folder
        self._console = console
        self._postgres: Postgres | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._children: dict[str, Child] = {}

    async def run(self) -> None:
        """Start, wait to be told to stop, stop; stop as well when the start fails."""
        told = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        starting, stopping = asyncio.create_task(self._start()), asyncio.create_task(told.wait())
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await stopping
            self._say("Stopping.")
        finally:
            starting.cancel()
            stopping.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)
            await self._stop()
        self._say("Stopped. The next `twoway up` goes on from here.")

    async def _start(self) -> None:
        o = self._options
        for name in _GRACE:
            end_leftover(self._folder.pid(name), self._say)
        check_port(o.port, "--port", "the API")
        check_port(o.temporal_port, "--temporal-port", "Temporal")
        check_port(o.ui_port, "--ui-port", "Temporal's UI")
        self._say("Starting PostgreSQL, Temporal, the API and a worker.")
        self._folder.withdraw()
        shared = self._shared_settings()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._temporal())
                both.create_task(self._database_and_api(shared))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        await self._run(self._child("worker", [str(ROOT / "worker.py")], self._environment(shared)))
        await self._answering()
        if self._options.demo:
            await self._run(self._child("demo", ["-P", "-m", "local.demo", f"http://127.0.0.1:{o.port}"], self._environment(shared)))
        self._folder.announce(shared)
        for child in self._children.values():
            child.keep()
        if self._postgres is not None:
            self._keeper = asyncio.create_task(self._keep(self._postgres))
        self._welcome(shared["TWOWAY_PUBLIC_URL"], await _sign_in_link(shared))

    async def _temporal(self) -> None:
        o = self._options
        server = temporal.child(self._folder, port=o.temporal_port, ui_port=o.ui_port, environment=_surroundings(), say=self._say)
        await self._run(server)
        await temporal.ready(server, o.temporal_port)

    async def _database_and_api(self, shared: dict[str, str]) -> None:
        """Bring both up; the API loads meanwhile and waits for its tables and for Temporal by itself."""
        url = shared["TWOWAY_DATABASE_URL"] = await self._database()
        await self._run(self._child("api", self._uvicorn(), self._environment(shared)))
        await asyncio.to_thread(_migrate, url)

    def _shared_settings(self) -> dict[str, str]:
        """What any program needs to work with what runs here."""
        o = self._options
        return {
            "TEMPORAL_ADDRESS": f"127.0.0.1:{o.temporal_port}",
            "TEMPORAL_NAMESPACE": "default",
            "TEMPORAL_CONFIG_FILE": os.devnull,  # the user's own names another Temporal
            "TWOWAY_PUBLIC_URL": os.environ.get("TWOWAY_PUBLIC_URL") or f"http://localhost:{o.port}",
            "TWOWAY_SECRET_KEY": os.environ.get("TWOWAY_SECRET_KEY") or self._folder.secret("secret-key"),
            "TWOWAY_TEMPORAL_UI_URL": os.environ.get("TWOWAY_TEMPORAL_UI_URL") or f"http://localhost:{o.ui_port}",
        }

    def _environment(self, shared: dict[str, str]) -> dict[str, str]:
        """All of the worker's and the API's environment."""
        found = _surroundings() | shared
        found["TWOWAY_ADMIN_TOKEN"] = os.environ.get("TWOWAY_ADMIN_TOKEN") or self._folder.secret(self._folder.admin_token.name)
        if self._options.demo:
            from local.demo.agreement import HOUR

            found |= {"TWOWAY_DEMO_HOUR": str(HOUR), "TWOWAY_SMTP_HOST": ""}  # nothing may leave for people who do not exist
        if self._options.policy is not None:
            found["TWOWAY_POLICY_FILE"] = str(self._options.policy.absolute())
        return found

    async def _database(self) -> str:
        """The database's address, once its server answers."""
        given = os.environ.get("TWOWAY_DATABASE_URL")
        if given:
            self._say("Using the database that TWOWAY_DATABASE_URL names.")
            return given
        self._postgres = Postgres(self._folder, self._say)
        return await asyncio.to_thread(self._postgres.start)

    async def _keep(self, postgres: Postgres) -> None:
        """Start PostgreSQL again whenever it ends: it runs as nobody's child, so that it survives us."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if not await asyncio.to_thread(postgres.running):
                self._say("PostgreSQL ended and is started again.")
                try:
                    await asyncio.to_thread(postgres.start)
                except Trouble as trouble:
                    self._say(str(trouble))

    def _uvicorn(self) -> list[str]:
        options = ["--host", "127.0.0.1", "--port", str(self._options.port), "--no-access-log"]
        return ["-P", "-m", "uvicorn", "api.app:app", "--app-dir", str(ROOT), *options, "--timeout-graceful-shutdown", str(_API_DRAIN)]

    def _child(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> Child:
        return Child(name, [sys.executable, *arguments], self._folder, environment=environment, say=self._say)

    async def _run(self, child: Child) -> None:
        self._children[child.name] = child
        await child.start()

    async def _answering(self) -> None:
        """Wait until the API says that it is ready; after a while, pass on what it waits for."""
        patience = time.monotonic() + _PATIENCE
        while True:
            for child in self._children.values():
                child.check()
            ready, said = await asyncio.to_thread(_ask, self._options.port)
            if ready:
                return
            if time.monotonic() > patience:
                self._say(f"Still not ready: {said}. Logs are in {self._folder.root / 'logs'}.")
                patience += _PATIENCE
            await asyncio.sleep(0.05)

    async def _stop(self) -> None:
        self._folder.withdraw()
        for name, grace in _GRACE.items():
            if name in self._children:
                await self._children[name].stop(grace)
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._postgres is not None:
            await asyncio.to_thread(self._postgres.stop)

    def _welcome(self, url: str, link: str | None) -> None:
        o, data = self._options, self._options.data
        given = os.environ.get("TWOWAY_ADMIN_TOKEN")
        token = "$TWOWAY_ADMIN_TOKEN" if given else f"$(cat {shlex.quote(str(data / self._folder.admin_token.name))})"
        sign_in = f"{link}   (once, within a day)" if link else f"{url}/login"
        self._say(f"""\
Twoway is up after {time.time() - psutil.Process().create_time():.1f} s.

  Board and API   {url}
  API docs        {url}/docs
  Temporal's UI   http://localhost:{o.ui_port}

  Sign in: {sign_in}

Programs sign in with a token, such as the admin's. To send a first lead:

  curl {url}/api/leads -H "Authorization: Bearer {token}" -H "Content-Type: application/json" \\
    -d '{{"email": "ada@example.com", "first_name": "Ada", "company": "Example Ltd", "title": "VP Sales"}}'

Everything is kept in {data}, logs in {data / "logs"}. Ctrl-C stops it all.""")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


async def _sign_in_link(shared: Mapping[str, str]) -> str | None:
    """A link that signs the first admin in; None when nobody is one."""
    from local.people import first_admins_link
    from models.settings import Settings

    settings = Settings(database_url=shared["TWOWAY_DATABASE_URL"], public_url=shared["TWOWAY_PUBLIC_URL"])
    link = await first_admins_link(settings)
    return link.url if link else None


def _migrate(url: str) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    from models.migrations import migrate
    from models.settings import Settings

    try:
        migrate(Settings(database_url=url).sqlalchemy_url)
    except (SQLAlchemyError, ValueError) as err:
        raise Trouble(f"The database's tables could not be brought up to date: {err}") from None


def _surroundings() -> dict[str, str]:
    """This process's environment without what would point a program at another Temporal."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}


def _ask(port: int) -> tuple[bool, str]:
    """Whether the API is ready, and what it said."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return answer.status == http.HTTPStatus.OK, answer.read(2000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as err:
        return False, f"the API does not answer ({err})"
    finally:
        connection.close()
