"""A worker: carries on leads' lives and does what they ask of the world. Settings say which Temporal and PostgreSQL.

Any number may run, on any number of machines: `python worker.py`.
"""

import asyncio
import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final, NoReturn, TypeVar

import structlog
import uvloop
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from activities import logs, policies
from activities.crm import CrmActivities, configured
from activities.database import Database
from activities.enrichment import EnrichmentActivities, asker
from activities.enrichment.asking import Asker
from activities.enrichment.sources import checked
from activities.insights.digest import DigestActivities
from activities.ledger import LedgerActivities
from activities.nurture import NurtureActivities
from activities.people import PeopleActivities
from activities.routing import RoutingActivities
from activities.scoring import ScoringActivities
from activities.scoring.champions import Champions
from activities.scoring.governing import GoverningActivities
from activities.scoring.rescoring import RescoringActivities
from models.settings import Settings
from workflows.attributes import missing
from workflows.client import connect
from workflows.crm import CrmSync
from workflows.digest import DigestWorkflow
from workflows.lead import LeadWorkflow
from workflows.refreshing import RefreshWorkflow
from workflows.sandbox import Sandbox
from workflows.schedules import ensure, schedules
from workflows.scoring import ModelCareWorkflow, RescoringWorkflow, TrainingWorkflow

WORKFLOWS: Final[Sequence[type]] = (
    LeadWorkflow,
    RefreshWorkflow,
    RescoringWorkflow,
    TrainingWorkflow,
    ModelCareWorkflow,
    DigestWorkflow,
    CrmSync,
)
"""Every kind there is; each has histories that are replayed by the tests."""
GRACE = timedelta(seconds=4)
"""How long activities may go on after the worker was told to stop; Temporal gives those that do not finish to another."""
_PATIENCE = GRACE.total_seconds() + 6
"""Seconds within which a worker that was told to stop is gone, whatever still hangs. It loses nothing by that: whatever
it had not reported to Temporal is given to another, as after a power cut."""
_NOT_YET = (RuntimeError, RPCError, DBAPIError, LookupError, OSError)
"""RuntimeError is Temporal's for a failed connection, LookupError that no policy was published yet."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_FOR_GOOD = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.INVALID_ARGUMENT)
"""What waiting does not mend."""
_log = structlog.get_logger("worker")
T = TypeVar("T")


def build_worker(
    client: Client, database: Database, settings: Settings, ask: Asker | None = None, nurture: NurtureActivities | None = None
) -> Worker:
    """A worker with all that leads need, not running yet.

    Args:
        client: to Temporal, with our data converter (`workflows.client.connect`).
        database: to PostgreSQL; it must have at least as many connections as make sense for 50 activities at once.
        settings: the task queue and how many workflows to keep in memory.
        ask: who is asked about leads and their companies; nobody outside when left out.
        nurture: sends messages; whoever brings it closes it.
    """
    nurture = nurture or NurtureActivities(database, settings)
    enrichment = EnrichmentActivities(database, ask)
    judge = Champions()
    rescoring, governing = RescoringActivities(database, judge), GoverningActivities(database)
    digests = DigestActivities(database, settings)
    crm = CrmActivities(database, settings, configured(settings))
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        workflow_runner=Sandbox(),
        activities=[
            LedgerActivities(database).commit,
            PeopleActivities(database).standing,
            enrichment.enrich,
            enrichment.refresh,
            ScoringActivities(database, judge).score,
            rescoring.chunk,
            rescoring.failed,
            governing.train,
            governing.failed,
            governing.look,
            RoutingActivities(database).route,
            nurture.send,
            digests.plan,
            digests.send,
            crm.pull,
            crm.push,
            crm.forget,
        ],
        max_cached_workflows=settings.max_cached_workflows,
        max_concurrent_workflow_tasks=100,
        max_concurrent_activities=50,
        max_concurrent_local_activities=50,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=GRACE,
    )


async def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, waiting first for PostgreSQL and Temporal to be there."""
    told = asyncio.Event()
    last_resort = threading.Timer(_PATIENCE, _give_up)
    last_resort.daemon = True

    def stop() -> None:
        if not told.is_set():
            told.set()
            last_resort.start()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    database = Database(settings)
    nurture = NurtureActivities(database, settings)
    stopping = asyncio.create_task(told.wait())
    finding = asyncio.create_task(_find(database))
    scheduling: asyncio.Task[None] | None = None
    ask = asker(database, settings)
    try:
        await asyncio.wait({stopping, finding}, return_when=asyncio.FIRST_COMPLETED)
        if finding.done():
            scheduling = asyncio.create_task(_schedule(finding.result(), database, settings))
            async with build_worker(finding.result(), database, settings, ask, nurture):
                _log.info("working", task_queue=settings.task_queue)
                await stopping
                _log.info("stopping", grace_seconds=GRACE.total_seconds())
    finally:
        for task in (begun := [task for task in (stopping, finding, scheduling) if task is not None]):
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)
        await nurture.close()
        await ask.close()
        await database.close()
    _log.info("stopped")


async def _find(database: Database) -> Client:
    """Temporal, once both it and PostgreSQL answer."""

    async def ask() -> None:
        async with database.connection() as connection:
            await connection.execute(text("SELECT 1"))

    await _patiently("PostgreSQL", ask)
    client = await _patiently("Temporal", connect)
    unknown = await _patiently("Temporal's search attributes", lambda: missing(client))
    if unknown:
        _log.warning("search attributes are missing, so leads cannot go on: run `twoway temporal register`", names=unknown)
    return client


async def _schedule(client: Client, database: Database, settings: Settings) -> None:
    """See to it that what happens by the clock is in Temporal's schedules, however long it takes it. Leads do not wait for that."""

    async def keep() -> None:
        async with database.autocommit() as connection:
            zone = (await policies.latest(connection)).clock.timezone
        refresh = timedelta(seconds=settings.enrichment_refresh) if settings.enrichment and not settings.demo_hour else None
        crms = dict.fromkeys(configured(settings), timedelta(seconds=settings.crm_every))
        try:
            await ensure(client, schedules(settings.task_queue, zone=zone, digest=settings.digest_cron, refresh=refresh, crms=crms))
        except RPCError as err:
            if err.status not in _FOR_GOOD:
                raise
            _log.warning("Temporal takes no schedule, so nothing happens by the clock but leads themselves", status=err.status.name)

    await _patiently("Temporal's schedules", keep)


async def _patiently(what: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """Try until it works, with a line in the log each time it does not."""
    pause = _FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except (
            RuntimeError,
            RPCError,
            DBAPIError,
            LookupError,
            OSError,
        ) as err:  # RuntimeError: no connection to Temporal; LookupError: no policy yet
            cause = err.orig if isinstance(err, DBAPIError) else err
            _log.warning(f"waiting for {what}", error=str(cause).partition("\n")[0], seconds=pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def main() -> int:
    """Run a worker as the environment's settings say.

    Returns:
        0 when it was told to stop, 2 when a setting is impossible.
    """
    try:
        settings = Settings()
        settings.sqlalchemy_url  # noqa: B018 - read for its errors
        checked()
        configured(settings)
    except ValueError as err:  # pydantic's errors are
        print(f"The worker cannot start: {err}", file=sys.stderr)  # noqa: T201
        return 2
    logs.configure(settings)
    uvloop.run(run(settings))
    return 0


def leave(code: int) -> NoReturn:
    """End the process with what it has printed, at once: Temporal's threads may abort the interpreter's exit (sdk-python issue 300)."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _give_up() -> None:
    _log.warning("something would not stop, so the worker ends without it; where each thread was follows")
    faulthandler.dump_traceback(all_threads=True)
    leave(0)


if __name__ == "__main__":
    leave(main())
