"""Delivers events to webhooks: at least once, each lead's in their order, for days if need be.

The queue is in PostgreSQL, filled by the very statement that writes the ledger. Any number of API processes work it off: each
takes what nobody holds a lease of, sends it without holding a lock, and notes what came of it. One that dies in between
leaves a lease that runs out, and the event is sent again with the same id.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import structlog
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import SQLAlchemyError

from activities.database import Database
from activities.posting import Poster, Reply
from activities.sealing import Sealing, UnreadableSecretError
from activities.webhooks import content, offer
from models.ids import uuid7
from models.lifecycle import NoticeKind, Role
from models.locks import CHANGE_LOCK
from models.settings import Settings
from models.tables import CHANGES, CHANNEL

AT_ONCE = 16
"""Events one process sends to one endpoint at the same time, each of another lead."""
_PAUSES = (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
"""Seconds after each failure of an event, the last one from then on."""
_PATIENCE = 5
"""Failures in a row after which an endpoint is only probed, with one event at a time."""
_CONNECTIONS = 4
"""Database connections used to note what came of offers: people who use the board need the others."""
_FIRST_PROBE, _LONGEST_PROBE = 10.0, 600.0
_GONE = 410
_AWAY = (SQLAlchemyError, psycopg.Error, OSError)

_DUE = text(
    """
    SELECT h.id, h.failures FROM webhook_endpoints h
    WHERE h.active AND (h.resume_at IS NULL OR h.resume_at <= now()) AND EXISTS (
        SELECT FROM webhook_deliveries d WHERE d.endpoint_id = h.id AND d.state = 'waiting' AND d.next_at <= now()
            AND (d.leased_until IS NULL OR d.leased_until < now()))"""
)
_LEASE = text(
    """
    UPDATE webhook_deliveries SET lease = :lease, leased_until = now() + make_interval(secs => :seconds)
    WHERE id IN (
        SELECT d.id FROM webhook_deliveries d JOIN webhook_endpoints h ON h.id = d.endpoint_id
        WHERE h.id = :endpoint AND h.active AND (h.resume_at IS NULL OR h.resume_at <= now())
            AND d.state = 'waiting' AND d.next_at <= now() AND (d.leased_until IS NULL OR d.leased_until < now())
            AND NOT EXISTS (
                SELECT FROM webhook_deliveries b WHERE b.endpoint_id = d.endpoint_id AND b.lead_id = d.lead_id
                    AND b.state = 'waiting' AND (b.seq, b.number) < (d.seq, d.number))
        ORDER BY d.next_at, d.number LIMIT :limit FOR UPDATE OF d SKIP LOCKED)"""
)
_LEASED = text(
    """
    SELECT d.id, d.type, d.at, d.data, d.tries, d.lead_id, d.seq, d.due_since, h.url, h.person, h.secret,
        CASE WHEN h.former_until > now() THEN h.former_secret END AS former, o.name AS owner_name, a.name AS actor_name,
        l.stage, l.email, l.first_name, l.last_name, l.company, l.title, l.phone, l.country
    FROM webhook_deliveries d JOIN webhook_endpoints h ON h.id = d.endpoint_id LEFT JOIN leads l ON l.id = d.lead_id
        LEFT JOIN users o ON o.id = (d.data ->> 'owner')::uuid LEFT JOIN users a ON a.id = (d.data ->> 'actor')::uuid
    WHERE d.endpoint_id = :endpoint AND d.lease = :lease AND d.state = 'waiting'"""
)
_DONE = text(
    """
    UPDATE webhook_deliveries SET state = :state, tries = tries + 1, tried_at = now(), status = :status, why = :why, lease = NULL,
        leased_until = NULL, next_at = now() + make_interval(secs => :pause)
    WHERE id = :id AND lease = :lease RETURNING id"""
)
_WELL = text(
    """
    UPDATE webhook_endpoints SET failures = 0, failing_since = NULL, resume_at = NULL
    WHERE id = :id AND (failures > 0 OR resume_at IS NOT NULL)"""
)
_ILL = text(
    """
    UPDATE webhook_endpoints SET failures = failures + 1, failing_since = coalesce(failing_since, now()),
        resume_at = CASE
            WHEN CAST(:wait AS float) IS NOT NULL THEN greatest(resume_at, now() + make_interval(secs => :wait))
            WHEN failures + 1 >= :patience THEN
                now() + make_interval(secs => least(:first * power(2, least(failures + 1 - :patience, 20)), :longest))
            ELSE resume_at END
    WHERE id = :id RETURNING failing_since"""
)
_OFF = text(
    """
    UPDATE webhook_endpoints SET active = false, disabled_at = now(), disabled_why = :why WHERE id = :id AND active RETURNING id"""
)
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_TELL = text(
    f"""
    INSERT INTO notices (id, change, lead_id, seq, kind, role, at)
    VALUES (:notice, nextval('{CHANGES}'), :lead, :seq, :kind, :role, now()) ON CONFLICT DO NOTHING"""  # noqa: S608 - a constant of ours
)
_WAKE = text("SELECT pg_notify(:channel, '')")
_PERSON = ("email", "first_name", "last_name", "company", "title", "phone", "country")
_log = structlog.get_logger()


class WebhookQueue:
    """Works the queue off.

    Args:
        database: where it is.
        settings: how long an endpoint may take, and for how many days it may fail.
        poster: the guarded way out.
    """

    def __init__(self, database: Database, settings: Settings, poster: Poster) -> None:
        self._database = database
        self._settings = settings
        self._poster = poster
        self._sealing = Sealing(settings)
        self._noting = asyncio.Semaphore(_CONNECTIONS)
        self._at_work: dict[UUID, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Deliver until cancelled. Endpoints are served side by side, so that a slow one holds up no other."""
        try:
            while True:
                try:
                    for endpoint, failures in await self.due():
                        if endpoint not in self._at_work:
                            self._begin(endpoint, failures)
                except _AWAY as err:
                    _log.warning("webhooks wait for the database", cause=type(err).__name__)
                await asyncio.sleep(self._settings.sweep_every)
        finally:
            for task in self._at_work.values():
                task.cancel()
            await asyncio.gather(*self._at_work.values(), return_exceptions=True)

    def _begin(self, endpoint: UUID, failures: int) -> None:
        task = asyncio.create_task(self._serve(endpoint, failures))
        self._at_work[endpoint] = task
        task.add_done_callback(lambda _: self._at_work.pop(endpoint, None))

    async def _serve(self, endpoint: UUID, failures: int) -> None:
        limit = 1 if failures >= _PATIENCE else AT_ONCE
        try:
            while await self.deliver(endpoint, limit):
                limit = AT_ONCE
        except _AWAY as err:
            _log.warning("webhooks wait for the database", cause=type(err).__name__)
        except Exception:  # one endpoint's trouble must not end the others
            _log.exception("a webhook could not be served", webhook=str(endpoint))

    async def due(self) -> Sequence[tuple[UUID, int]]:
        """The endpoints something is to be sent to now, with how often they failed in a row.

        Raises:
            sqlalchemy.exc.DBAPIError: when the database is out of reach.
        """
        async with self._database.autocommit() as connection:
            return [(row.id, row.failures) for row in await connection.execute(_DUE)]

    async def deliver(self, endpoint: UUID, limit: int = AT_ONCE) -> int:
        """Offer an endpoint what is due.

        Args:
            endpoint: which.
            limit: at most so many events.

        Returns:
            How many arrived; 0 when one did not, so that it is not asked on at once.

        Raises:
            sqlalchemy.exc.DBAPIError: when the database is out of reach; leases run out then, and all is sent again.
        """
        lease = uuid4()
        what = {"endpoint": endpoint, "lease": lease, "limit": limit, "seconds": self._settings.webhook_timeout * 2 + 10}
        async with self._database.connection() as connection:
            await connection.execute(_LEASE, what)
            rows = (await connection.execute(_LEASED, what)).mappings().all()

        async def one(row: RowMapping) -> bool:
            reply = await self._offer(row)
            await self._note(endpoint, lease, row, reply)
            return reply.arrived

        arrived = await asyncio.gather(*map(one, rows))
        return len(rows) if all(arrived) else 0

    async def _offer(self, row: RowMapping) -> Reply:
        try:
            secrets = [self._sealing.open(sealed) for sealed in (row["secret"], row["former"]) if sealed]
        except UnreadableSecretError:
            _log.error("a webhook's secret was sealed with another TWOWAY_SECRET_KEY; rotate it", url=row["url"])
            return Reply(why="secret")
        return await offer(self._poster, row["url"], row["id"], content(row["type"], row["at"], told(row)), secrets)

    async def _note(self, endpoint: UUID, lease: UUID, row: RowMapping, reply: Reply) -> None:
        """Note what came of an offer, and what follows for the endpoint."""
        allowed = timedelta(days=self._settings.webhook_days)
        now = datetime.now(UTC)
        pause = _PAUSES[min(row["tries"], len(_PAUSES) - 1)] * random.uniform(0.9, 1.1)  # noqa: S311 - no secret
        over = reply.status == _GONE or now - row["due_since"] > allowed
        state = "delivered" if reply.arrived else "failed" if over else "waiting"
        values = {"id": row["id"], "lease": lease, "state": state, "status": reply.status, "why": reply.why}
        async with self._noting, self._database.connection() as connection:
            if (await connection.execute(_DONE, {**values, "pause": max(pause, reply.wait or 0)})).one_or_none() is None:
                return
            if reply.arrived:
                await connection.execute(_WELL, {"id": endpoint})
                return
            trouble = {"id": endpoint, "wait": reply.wait, "patience": _PATIENCE, "first": _FIRST_PROBE, "longest": _LONGEST_PROBE}
            since = (await connection.execute(_ILL, trouble)).scalar_one_or_none()
            why = "gone" if reply.status == _GONE else "failing" if since and now - since > allowed else None
            if why and (await connection.execute(_OFF, {"id": endpoint, "why": why})).one_or_none() is not None:
                _log.warning("a webhook was switched off", webhook=str(endpoint), why=why)
                await self._tell_admins(connection, row)

    async def _tell_admins(self, connection: Any, row: RowMapping) -> None:
        """A notice is about a lead: the one whose event could not be told. A ping's sender looks at what came of it anyway."""
        if row["lead_id"] is None:
            return
        await connection.execute(_LOCK, {"key": CHANGE_LOCK})
        notice = {"notice": uuid7(), "lead": row["lead_id"], "seq": row["seq"], "kind": NoticeKind.WEBHOOK_OFF, "role": Role.ADMIN}
        await connection.execute(_TELL, notice)
        await connection.execute(_WAKE, {"channel": CHANNEL})


def told(row: RowMapping) -> dict[str, Any]:
    """What an endpoint is told of an event. Who the lead is, where it wants to know, is who it is now: nobody, once erased.

    Args:
        row: the event with its endpoint, its lead and the users it names.
    """
    data = dict(row["data"])
    for name in ("owner", "actor"):
        if data.get(name):
            data[name] = {"id": data[name], "name": row[f"{name}_name"]}
    if row["person"] and row["lead_id"] is not None:
        data["person"] = None if row["stage"] == "erased" else {name: row[name] for name in _PERSON}
    return data
