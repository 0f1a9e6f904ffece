"""The application: wiring and lifecycle of the doors, nothing else. `uvicorn api.app:app` serves it."""

import asyncio
import atexit
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from types import FrameType
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from activities import crm as crms
from activities import logs
from activities.database import Database
from activities.posting import Poster
from api import logging
from api.auth import Doorman
from api.board.pages import ASSETS_AT, Assets, Compressed
from api.board.plotly import PLOTLY_AT, PlotlyFiles
from api.deps import Wiring
from api.errors import MEDIA_TYPE, Problem, Problems, TooLarge, respond
from api.idempotency import Idempotency
from api.live import LiveHub
from api.routes import (
    account,
    account_pages,
    accounts,
    actions,
    agreement_pages,
    batches,
    bulk_pages,
    crm,
    docs,
    engagements,
    form_pages,
    health,
    imports,
    insight_pages,
    insights,
    integrations,
    lead_pages,
    leads,
    links,
    live,
    messages,
    model_pages,
    models,
    my_notices,
    pages,
    policy,
    reports,
    routing,
    routing_pages,
    sign_in,
    sign_in_links,
    sign_in_provider,
    simulations,
    suppression_pages,
    suppressions,
    team_pages,
    template_pages,
    templates,
    tracking,
    users,
    webhook_pages,
    webhooks,
    whatif_pages,
)
from api.services import bootstrap, outgoing, provider, sweep
from api.services import insights as counting
from api.services.bulk import run as bulk
from api.services.crm import run as crm_inbox
from api.services.engine import Engine
from api.services.tracking.collector import Collector
from api.services.whatif import runner as whatif
from models.settings import Settings
from models.settings import settings as from_environment

MIB = 1 << 20
_FIRST_TRY = 5.0
_SLACK_SECONDS = 5.0
# The busiest door comes first: looking through all the others for each beacon costs a third of it.
_API = (
    *(tracking, leads, actions, batches, imports, engagements, live, messages, links, reports, templates, insights, models, policy),
    *(suppressions, simulations, users, accounts, routing, webhooks, integrations, my_notices, crm, health),
)
_PAGES = (
    *(pages, lead_pages, bulk_pages, insight_pages, agreement_pages, whatif_pages, model_pages, team_pages, routing_pages),
    *(account_pages, template_pages, suppression_pages, webhook_pages, form_pages, sign_in, sign_in_links, sign_in_provider, account, docs),
)
_FILES = ("/api/imports", "/imports/new", "/api/models")
"""Where files are sent to."""
_log = structlog.get_logger()
atexit.register(time.sleep, 0.05)  # Temporal's threads may abort the interpreter's exit unless they get it once more (sdk-python issue 300)


class BodyLimit:
    """Refuses a body over the limit as soon as that is known, whether its length was announced or not.

    Args:
        app: the application inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on.

        Raises:
            TooLarge: when the body is over the limit.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = (100 if scope["path"].startswith(_FILES) else 1) * MIB
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            raise TooLarge(limit)
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(
                    413, TooLarge(limit).detail, {"Connection": "close"}
                )  # the only kind that passes through FastAPI's parser
            return message

        await self._app(scope, counted, send)


class PlainStart:
    """Says in a sentence why the application could not start, where the server would print a stack trace.

    Args:
        app: the application inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on but the trace."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def plain(message: Message) -> None:
            cause = sys.exc_info()[1]
            if message["type"] == "lifespan.startup.failed" and isinstance(cause, ValueError):
                message = {**message, "message": _why(cause)}
            await send(message)

        await self._app(scope, receive, plain)


def _why(cause: ValueError) -> str:
    if isinstance(cause, ValidationError):
        return "; ".join(f"TWOWAY_{error['loc'][0]!s}".upper() + f": {error['msg']}" for error in cause.errors())
    return str(cause)


@asynccontextmanager
async def wired(app: FastAPI, settings: Settings) -> AsyncIterator[Wiring]:
    """Everything a running application holds, given back at the end.

    Raises:
        ValueError: when a setting is missing or impossible, or the policy file is no policy.
    """
    logs.configure(settings)
    bootstrap.check_policy(settings)
    company = provider.configured(settings)
    crms.configured(settings)
    database = Database(settings)
    engine = Engine(settings, database)
    await engine.connect()
    poster = Poster(settings, _SLACK_SECONDS)
    collector = Collector(database, engine, settings)
    wiring = Wiring(settings, database, engine, Doorman(database), LiveHub(database), collector, poster, company)
    app.state.wiring = wiring
    try:
        yield wiring
    finally:
        await poster.close()
        await engine.close()
        await database.close()


async def _prepare(wiring: Wiring) -> None:
    """Prepare the database now if it is there. If it is not, that is done later, beside serving."""
    with suppress(*bootstrap.AWAY, bootstrap.NotMigrated):
        async with asyncio.timeout(_FIRST_TRY):
            await bootstrap.prepare(wiring.database, wiring.settings)


async def _beside(wiring: Wiring) -> None:
    """What runs beside serving, for as long as the application does. Should it fail, that is logged and it starts again."""
    while True:
        try:
            await bootstrap.prepare_when_possible(wiring.database, wiring.settings)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(wiring.hub.run())
                tasks.create_task(sweep.run(wiring.database, wiring.engine, wiring.settings))
                tasks.create_task(counting.run(wiring.database))
                tasks.create_task(bulk.run(wiring.database, wiring.engine, wiring.settings))
                tasks.create_task(outgoing.run(wiring.database, wiring.settings))
                tasks.create_task(crm_inbox.run(wiring.database, wiring.engine, wiring.settings))
                tasks.create_task(whatif.run(wiring.database, wiring.settings))
        except Exception:  # whatever it is, leads must not wait until somebody notices
            _log.exception("work in the background failed and starts again")
        await asyncio.sleep(1)


@contextmanager
def _ending_feeds(hub: LiveHub) -> Iterator[None]:
    """End the live feeds when the process is told to stop: the server waits for open answers before it stops the application."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def told(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(hub.close)
        former = before[signal.Signals(number)]
        if callable(former):
            former(number, frame)

    chained = [number for number, former in before.items() if callable(former)]
    for number in chained:
        signal.signal(number, told)
    try:
        yield
    finally:
        for number in chained:
            signal.signal(number, before[number])


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings or from_environment()
    async with wired(app, settings) as wiring:
        await _prepare(wiring)
        beside = asyncio.create_task(_beside(wiring))
        collecting = asyncio.create_task(wiring.collector.run())
        try:
            with _ending_feeds(wiring.hub):
                yield
        finally:
            wiring.hub.close()
            for task in (beside, collecting):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


_CONVENTIONS = """
Sign in with `Authorization: Bearer <token>`, or with the session of a browser that signed in at `/login`.

Times are RFC 3339 in UTC, ids are UUIDs.

Lists come in parts: ask for the next one with `cursor=<next_cursor>`.

Send an `Idempotency-Key` of 1 to 255 characters with a POST, and sending it again within 24 hours is answered again, not done again.

Whatever goes wrong is told as `application/problem+json` (RFC 9457); its `type` can be opened and explains itself.
"""
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
    },
}
_FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "content": {MEDIA_TYPE: {"schema": _PROBLEM}}}
    for status, description in (("4XX", "The request cannot be served."), ("5XX", "The server cannot serve it now."))
}


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application, not started yet.

    Args:
        settings: what to run with; read from the environment at the start when left out.
    """
    app = FastAPI(
        title="Twoway",
        summary="Keeps a sales lead from ever falling between marketing and sales.",
        description=_CONVENTIONS,
        lifespan=_lifespan,
        responses=_FAILURES,
        docs_url=None,  # ours loads nothing from elsewhere
        redoc_url=None,
    )
    app.state.settings = settings
    for module in (*_API, *_PAGES):
        app.include_router(module.router)
    app.mount(ASSETS_AT, Assets(), name="assets")
    app.mount(PLOTLY_AT, PlotlyFiles(), name="plotly")
    app.mount(docs.ASSETS_AT, docs.assets, name="docs-assets")
    for failure in (Problem, HTTPException, RequestValidationError):
        app.add_exception_handler(failure, respond)
    for middleware in (Idempotency, BodyLimit, Problems, Compressed, logging.Observed, PlainStart):  # the last is the outermost
        app.add_middleware(middleware)
    return app


app = create_app()
