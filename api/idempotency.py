"""`Idempotency-Key`: a POST that is sent again is answered again, not done again.

The key is reserved in the database before the work begins, and the answer is stored before it is sent. A process that
dies in between leaves a reservation without an answer, which counts as abandoned after a minute. What must not happen
twice even then (an action on a lead) carries the key on to the lead's workflow, see `RequestKey` in `api.deps`.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from activities.database import Database
from api.auth import identify
from api.deps import Wiring
from api.errors import Conflict, Invalid, Problem

_KEY = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")
_LEAD = re.compile(r"/api/leads/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})(?:/|$)")
_IN_MEMORY = 1 << 20
_CHUNK = 1 << 16
_INTERNAL_ERROR = 500
_log = structlog.get_logger()

_RESERVE = text(
    """
    INSERT INTO idempotency AS i (user_id, key, digest, lead_id, created_at) VALUES (:user, :key, :digest, :lead, now())
    ON CONFLICT (user_id, key) DO UPDATE SET digest = excluded.digest, status = NULL, body = NULL, media_type = NULL,
        lead_id = excluded.lead_id, created_at = excluded.created_at
    WHERE i.created_at < now() - interval '24 hours'
        OR (i.status IS NULL AND i.digest = excluded.digest AND i.created_at < now() - interval '60 seconds')
    RETURNING created_at"""
)
_STORED = text("SELECT digest, status, body, media_type FROM idempotency WHERE user_id = :user AND key = :key")
_STORE = text(
    """
    UPDATE idempotency SET status = :status, body = :body, media_type = :media_type, lead_id = :lead
    WHERE user_id = :user AND key = :key AND created_at = :since AND status IS NULL
        AND NOT EXISTS (SELECT FROM leads WHERE id = :lead AND stage = 'erased')"""
)
_RELEASE = text("DELETE FROM idempotency WHERE user_id = :user AND key = :key AND created_at = :since AND status IS NULL")
_PRUNE = text("DELETE FROM idempotency WHERE created_at < now() - interval '24 hours'")


def own_key(user: UUID, key: str) -> str:
    """A key made its sender's own, so that nobody else's can be the same, and unreadable, so that it gives nothing away."""
    return sha256(f"{user}:{key}".encode()).hexdigest()[:32]


async def prune(database: Database) -> None:
    """Forget answers that are older than 24 hours.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.connection() as connection:
        await connection.execute(_PRUNE)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request with a key, as far as it identifies itself."""

    user: UUID
    key: str
    digest: str
    lead: UUID | None
    arrival: bool


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: str | None
    media_type: str | None


class _Keys:
    """The table of keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(self, asked: _Asked) -> datetime | _Answer:
        """Begin: the moment of the reservation, or the answer that was given before.

        Raises:
            Problem: 409 while the first request is under way, 422 when the key belongs to another one.
        """
        name = {"user": asked.user, "key": asked.key}
        async with self._database.connection() as connection:
            row = {**name, "digest": asked.digest, "lead": asked.lead}
            since: datetime | None = (await connection.execute(_RESERVE, row)).scalar_one_or_none()
            if since is not None:
                return since
            stored = (await connection.execute(_STORED, name)).one_or_none()
        if stored is not None and stored.digest != asked.digest:
            raise Problem(422, "key-reused", "This Idempotency-Key belongs to another request.", "Use a new key for a new request.")
        if stored is None or stored.status is None:
            detail = "Ask again with the same key shortly."
            raise Problem(409, "in-progress", "This request is still being worked on.", detail, {"Retry-After": "1"})
        return _Answer(stored.status, stored.body, stored.media_type)

    async def store(self, asked: _Asked, since: datetime, answer: _Answer) -> None:
        """Keep an answer. Failing to do so costs the repetition only, so it does not take the answer from its sender."""
        lead = asked.lead or (_lead_in(answer.body) if asked.arrival else None)
        row = {"user": asked.user, "key": asked.key, "since": since, "lead": lead}
        row |= {"status": answer.status, "body": answer.body, "media_type": answer.media_type}
        try:
            async with self._database.connection() as connection:
                await connection.execute(_STORE, row)
        except (SQLAlchemyError, OSError) as err:
            _log.warning("an answer could not be kept for repetition", cause=type(err).__name__)

    async def release(self, asked: _Asked, since: datetime) -> None:
        """Let the key be used again at once: the request came to nothing."""
        try:
            async with self._database.connection() as connection:
                await connection.execute(_RELEASE, {"user": asked.user, "key": asked.key, "since": since})
        except (SQLAlchemyError, OSError) as err:
            _log.warning("a key could not be released, it will be in a minute", cause=type(err).__name__)


def _lead_in(body: str | None) -> UUID | None:
    """The lead an arrival's answer is about, so that erasing the lead erases the answer."""
    try:
        return UUID(json.loads(body or "{}")["id"])
    except (ValueError, KeyError, TypeError):
        return None


class _Body:
    """A request's body, read once to be recognised and handed on afterwards; a long one waits on disk."""

    def __init__(self) -> None:
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by `reading`
        self._size = self._given = 0

    @classmethod
    @contextmanager
    def reading(cls) -> Iterator["_Body"]:
        body = cls()
        with body._file:
            yield body

    async def fill(self, receive: Receive) -> bool:
        """Read it all; False when the sender went away over it."""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            self._size += self._file.write(message.get("body", b""))
            more = message.get("more_body", False)
        self._file.seek(0)
        return True

    async def digest(self, scope: Scope, content_type: str) -> str:
        boundary = re.search(r'multipart/.*;\s*boundary="?([^";]+)', content_type)
        mark = boundary[1].encode("latin-1") if boundary else b""
        found = sha256(b"\0".join((scope["method"].encode(), scope["path"].encode(), scope["query_string"], b"")))

        def run() -> str:
            for line in self._file:
                found.update(line.replace(mark, b"") if mark else line)  # a client makes up a new boundary for each try
            self._file.seek(0)
            return found.hexdigest()

        return run() if self._size <= _IN_MEMORY else await run_in_threadpool(run)

    def handed_on(self, receive: Receive) -> Receive:
        async def again() -> Message:
            if self._given > self._size:
                return await receive()
            chunk = self._file.read(_CHUNK)
            self._given += len(chunk)
            more = self._given < self._size
            self._given += not more
            return {"type": "http.request", "body": chunk, "more_body": more}

        return again


class _Recorder:
    """Stores an answer before it is sent. One that comes in parts is passed on at once and not kept."""

    def __init__(self, keys: _Keys, asked: _Asked, since: datetime, send: Send) -> None:
        self._keys, self._asked, self._since, self._send = keys, asked, since, send
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._start is not None:
            start, self._start = self._start, None
            await self._settle(start, message)
            await self._send(start)
        await self._send(message)

    async def _settle(self, start: Message, message: Message) -> None:
        if start["status"] >= _INTERNAL_ERROR or message.get("more_body"):
            await self._keys.release(self._asked, self._since)
            return
        headers = Headers(raw=start["headers"])
        secret = "no-store" in headers.get("cache-control", "")
        body = None if secret else message.get("body", b"").decode("utf-8", "replace")
        await self._keys.store(self._asked, self._since, _Answer(start["status"], body, headers.get("content-type")))


class Idempotency:
    """Honours `Idempotency-Key` on every POST of somebody who is signed in; requests without one pass untouched.

    Args:
        app: the application inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it as before.

        Raises:
            Problem: when the key is malformed, in use, or another request's, or the request is another site's.
        """
        headers = Headers(scope=scope) if scope["type"] == "http" and scope["method"] == "POST" else Headers()
        key = headers.get("idempotency-key")
        if key is None:
            await self._app(scope, receive, send)
            return
        wired: Wiring = scope["app"].state.wiring
        user = await identify(HTTPConnection(scope), wired.doorman, wired.settings.public_url)
        if user is None:
            await self._app(scope, receive, send)
            return
        if not _KEY.fullmatch(key):
            raise Invalid({"Idempotency-Key": "must be 1 to 255 printable ASCII characters"})
        with _Body.reading() as body:
            if not await body.fill(receive):
                return
            lead = _LEAD.match(scope["path"])
            digest = await body.digest(scope, headers.get("content-type", ""))
            asked = _Asked(user.id, key, digest, UUID(lead[1]) if lead else None, scope["path"].rstrip("/") == "/api/leads")
            await self._answer(_Keys(wired.database), asked, scope, body.handed_on(receive), send)

    async def _answer(self, keys: _Keys, asked: _Asked, scope: Scope, receive: Receive, send: Send) -> None:
        begun = await keys.reserve(asked)
        if isinstance(begun, _Answer):
            if begun.body is None:
                raise Conflict("This was done already, and its answer held a secret that is shown only once.")
            headers = {"Idempotency-Replayed": "true"}
            await Response(begun.body, begun.status, headers, begun.media_type)(scope, receive, send)
            return
        scope.setdefault("state", {})["idempotency_key"] = own_key(asked.user, asked.key)
        try:
            await self._app(scope, receive, _Recorder(keys, asked, begun, send))
        except Exception:  # whatever went wrong, the key must not stay taken; it is raised again
            await keys.release(asked, begun)
            raise
