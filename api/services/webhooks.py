"""Webhook endpoints: who is told, what was sent, and sending it again."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.ledger import EVENT_DATA
from activities.outward import Guard, Inward, NoSuchHost
from activities.sealing import Sealing
from activities.webhooks import PING, new_secret
from api.errors import Conflict, Invalid, NotFound
from api.services.cursors import position
from models.ids import uuid7
from models.schemas.common import Page, cursor_of
from models.schemas.integrations import (
    DeliveryView,
    NewWebhook,
    Replay,
    Replayed,
    WebhookChange,
    WebhookMade,
    WebhookSecret,
    WebhookView,
)
from models.schemas.records import LeadRef
from models.settings import Settings

MOST = 50
"""Endpoints there may be."""
OVERLAP = timedelta(hours=24)
"""For this long the former secret signs beside a new one."""
KEPT = timedelta(days=30)
"""For this long deliveries are kept, and can be sent again."""

_COLUMNS = """h.id, h.url, h.events, h.description, CASE WHEN h.person THEN ARRAY['person'] ELSE '{}' END AS include, h.active,
    h.failures, h.failing_since, h.disabled_at, h.disabled_why,
    CASE WHEN h.former_until > now() THEN h.former_until END AS former_secret_until, h.created_at,
    (SELECT count(*) FROM webhook_deliveries d WHERE d.endpoint_id = h.id AND d.state = 'waiting') AS waiting"""
_ALL = text(f"SELECT {_COLUMNS} FROM webhook_endpoints h ORDER BY h.id")  # noqa: S608 - a constant of ours
_ONE = text(f"SELECT {_COLUMNS} FROM webhook_endpoints h WHERE h.id = :id")  # noqa: S608 - a constant of ours
_LOCK = text("LOCK TABLE webhook_endpoints IN SHARE ROW EXCLUSIVE MODE")
_COUNT = text("SELECT count(*) FROM webhook_endpoints")
_INSERT = text(
    """
    INSERT INTO webhook_endpoints (id, url, description, events, person, active, secret, failures, created_at)
    VALUES (:id, :url, :description, :events, :person, :active, :secret, 0, now())"""
)
_CHANGE = text(
    """
    UPDATE webhook_endpoints SET url = coalesce(:url, url), description = coalesce(:description, description),
        events = coalesce(CAST(:events AS text[]), events), person = coalesce(CAST(:person AS boolean), person),
        active = coalesce(CAST(:active AS boolean), active)
    WHERE id = :id RETURNING id"""
)
_AFRESH = text(
    """
    WITH again AS (UPDATE webhook_deliveries SET due_since = now(), next_at = now() WHERE endpoint_id = :id AND state = 'waiting')
    UPDATE webhook_endpoints SET failures = 0, failing_since = NULL, resume_at = NULL, disabled_at = NULL, disabled_why = NULL
    WHERE id = :id"""
)
_DELETE = text("DELETE FROM webhook_endpoints WHERE id = :id RETURNING id")
_ROTATE = text(
    """
    UPDATE webhook_endpoints SET former_secret = secret, former_until = :until, secret = :secret WHERE id = :id RETURNING id"""
)
_SHOWN = """d.id, d.type, d.lead_id AS lead, d.seq, d.at, d.state, d.tries, CASE WHEN d.state = 'waiting' THEN d.next_at END AS next_at,
    d.tried_at, d.status, d.why, d.number"""
_DELIVERIES = text(
    f"""
    SELECT {_SHOWN} FROM webhook_deliveries d
    WHERE d.endpoint_id = :id AND (CAST(:before AS bigint) IS NULL OR d.number < :before)
        AND (CAST(:state AS text) IS NULL OR d.state = :state)
    ORDER BY d.number DESC LIMIT :limit"""  # noqa: S608 - a constant of ours
)
_PING = text(
    f"""
    INSERT INTO webhook_deliveries AS d (id, endpoint_id, type, at, data)
    SELECT :delivery, h.id, :type, now(), '{{}}' FROM webhook_endpoints h WHERE h.id = :id AND h.active
    RETURNING {_SHOWN}"""  # noqa: S608 - a constant of ours
)
_LEADS = text("SELECT id, first_name, last_name, company FROM leads WHERE id = ANY(:ids)")
_AGAIN = "SET state = 'waiting', tries = 0, due_since = now(), next_at = now(), lease = NULL, leased_until = NULL"
_REPLAY_ONE = text(f"UPDATE webhook_deliveries {_AGAIN} WHERE endpoint_id = :id AND id = :delivery RETURNING id")
# What stands in the ledger is authoritative: what was recorded for an entry that gave way to another is not sent again.
_REPLAY_SINCE = text(
    f"""
    WITH h AS (SELECT * FROM webhook_endpoints WHERE id = :id),
    wanted AS (
        SELECT e.* FROM ledger e, h WHERE e.at >= :since AND (h.events = '{{}}' OR 'lead.' || e.kind = ANY(h.events))),
    again AS (
        UPDATE webhook_deliveries d {_AGAIN} FROM wanted w
        WHERE d.endpoint_id = :id AND d.lead_id = w.lead_id AND d.seq = w.seq AND d.type = 'lead.' || w.kind AND d.at = w.at
        RETURNING d.id),
    missed AS (
        INSERT INTO webhook_deliveries (id, endpoint_id, lead_id, seq, type, at, data)
        SELECT gen_random_uuid(), h.id, entry.lead_id, entry.seq, 'lead.' || entry.kind, entry.at, {EVENT_DATA}
        FROM (SELECT * FROM wanted ORDER BY at, lead_id, seq) entry, h
        WHERE NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = h.id AND d.lead_id = entry.lead_id AND d.seq = entry.seq)
        RETURNING id)
    SELECT (SELECT count(*) FROM again) + (SELECT count(*) FROM missed)"""  # noqa: S608 - constants of ours
)
_PRUNE = text(
    """
    DELETE FROM webhook_deliveries d WHERE greatest(d.due_since, d.tried_at) < now() - make_interval(days => :days)
        OR NOT EXISTS (SELECT FROM webhook_endpoints h WHERE h.id = d.endpoint_id)"""
)


async def endpoints(database: Database) -> Page[WebhookView]:
    """All endpoints, the oldest first."""
    async with database.autocommit() as connection:
        rows = (await connection.execute(_ALL)).mappings().all()
    return Page(items=[WebhookView.model_validate(dict(row)) for row in rows])


async def endpoint(connection: AsyncConnection, number: UUID) -> dict[str, Any]:
    """One endpoint, as a `WebhookView` wants it.

    Raises:
        NotFound: when there is none of that id.
    """
    row = (await connection.execute(_ONE, {"id": number})).mappings().one_or_none()
    if row is None:
        raise NotFound("webhook")
    return dict(row)


async def create(database: Database, settings: Settings, form: NewWebhook) -> WebhookMade:
    """Make an endpoint; it is told of what happens from now on.

    Raises:
        Invalid: when its address leads inside, or to nobody.
        Conflict: when there are too many, or no key to seal secrets with.
    """
    await _look_at(settings, form.url)
    secret = new_secret()
    row: dict[str, Any] = {"id": uuid7(), "secret": sealed(settings, secret), "person": "person" in form.include}
    async with database.connection() as connection:
        await connection.execute(_LOCK)
        if (await connection.execute(_COUNT)).scalar_one() >= MOST:
            raise Conflict(f"There are {MOST} webhooks already; delete one first.")
        await connection.execute(_INSERT, row | form.model_dump(include={"url", "description", "events", "active"}))
        return WebhookMade(**await endpoint(connection, row["id"]), secret=secret)


async def change(database: Database, settings: Settings, number: UUID, form: WebhookChange) -> WebhookView:
    """Change what is named. Switched on, it starts afresh with what still waits for it.

    Raises:
        NotFound: when there is none of that id.
        Invalid: when its address leads inside, or to nobody.
    """
    if form.url is not None:
        await _look_at(settings, form.url)
    row = form.model_dump(include={"url", "description", "events", "active"})
    row |= {"id": number, "person": None if form.include is None else "person" in form.include}
    async with database.connection() as connection:
        if (await connection.execute(_CHANGE, row)).one_or_none() is None:
            raise NotFound("webhook")
        if form.active or form.url:
            await connection.execute(_AFRESH, {"id": number})
        return WebhookView(**await endpoint(connection, number))


async def delete(database: Database, number: UUID) -> None:
    """Forget an endpoint and all that was to be sent there.

    Raises:
        NotFound: when there is none of that id.
    """
    async with database.connection() as connection:
        if (await connection.execute(_DELETE, {"id": number})).one_or_none() is None:
            raise NotFound("webhook")


async def rotate(database: Database, settings: Settings, number: UUID) -> WebhookSecret:
    """Give an endpoint a new secret. For a day both sign, so that its receiver can change over without missing anything.

    Raises:
        NotFound: when there is none of that id.
        Conflict: when there is no key to seal secrets with.
    """
    secret, until = new_secret(), datetime.now(UTC) + OVERLAP
    async with database.connection() as connection:
        row = {"id": number, "secret": sealed(settings, secret), "until": until}
        if (await connection.execute(_ROTATE, row)).one_or_none() is None:
            raise NotFound("webhook")
    return WebhookSecret(secret=secret, former_secret_until=until)


async def deliveries(database: Database, number: UUID, *, state: str | None, cursor: str | None, limit: int) -> Page[DeliveryView]:
    """What was sent to an endpoint and what waits for it, the latest first.

    Raises:
        NotFound: when there is no such endpoint.
        Invalid: when the cursor is none of this list.
    """
    before = (position(cursor, str) or (None,))[0]
    if before is not None and not before.isdigit():
        raise Invalid({"cursor": "is not a cursor of this list: leave it out to begin at the start"})
    async with database.connection() as connection:
        await endpoint(connection, number)
        values = {"id": number, "before": before and int(before), "state": state, "limit": limit + 1}
        rows = (await connection.execute(_DELIVERIES, values)).mappings().all()
    items = [DeliveryView.model_validate(dict(row)) for row in rows[:limit]]
    return Page(items=items, next_cursor=cursor_of(str(rows[limit - 1]["number"])) if len(rows) > limit else None)


async def leads_of(database: Database, shown: Sequence[DeliveryView]) -> dict[UUID, LeadRef]:
    """Whom deliveries are about, by the leads' ids."""
    async with database.autocommit() as connection:
        rows = (await connection.execute(_LEADS, {"ids": list({one.lead for one in shown if one.lead})})).mappings().all()
    return {row["id"]: LeadRef.model_validate(dict(row)) for row in rows}


async def ping(database: Database, number: UUID) -> DeliveryView:
    """Send an endpoint a test event.

    Raises:
        NotFound: when there is none of that id.
        Conflict: when it is switched off.
    """
    async with database.connection() as connection:
        await endpoint(connection, number)
        row = (await connection.execute(_PING, {"id": number, "delivery": uuid7(), "type": PING})).mappings().one_or_none()
    if row is None:
        raise Conflict("This webhook is switched off; switch it on first.")
    return DeliveryView.model_validate(dict(row))


async def replay(database: Database, number: UUID, form: Replay) -> Replayed:
    """Send again: the same events with the same ids, and for a time also those that happened while the endpoint was off.

    Raises:
        NotFound: when there is no such endpoint or delivery.
        Invalid: when the time is longer ago than deliveries are kept.
    """
    if form.since is not None and form.since < datetime.now(UTC) - KEPT:
        raise Invalid({"since": f"must not be more than {KEPT.days} days ago"})
    async with database.connection() as connection:
        await endpoint(connection, number)
        if form.delivery is not None:
            if (await connection.execute(_REPLAY_ONE, {"id": number, "delivery": form.delivery})).one_or_none() is None:
                raise NotFound("delivery")
            return Replayed(count=1)
        count = (await connection.execute(_REPLAY_SINCE, {"id": number, "since": form.since})).scalar_one()
        return Replayed(count=count)


async def prune(database: Database) -> None:
    """Forget deliveries that are a month old, and those of endpoints that are gone.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.connection() as connection:
        await connection.execute(_PRUNE, {"days": KEPT.days})


def sealed(settings: Settings, secret: str) -> str:
    """A secret as it is stored.

    Raises:
        Conflict: when there is no key to seal it with.
    """
    sealing = Sealing(settings)
    if not sealing.possible:
        raise Conflict("TWOWAY_SECRET_KEY is not set, and secrets cannot be kept without it.")
    return sealing.seal(secret)


async def _look_at(settings: Settings, url: str) -> None:
    guard = Guard(loopback=settings.outward_loopback)
    try:
        await guard.look_at(url)
    except Inward as err:
        raise Invalid({"url": f"cannot be called: {err}"}) from None
    except NoSuchHost:
        raise Invalid({"url": "names a host that has no address"}) from None
    except (httpx.InvalidURL, ValueError):
        raise Invalid({"url": "is not a web address"}) from None
    finally:
        await guard.aclose()
