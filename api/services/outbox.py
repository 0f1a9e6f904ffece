"""Signals that must not be lost: stored with what caused them, delivered when Temporal takes them.

A signal may be delivered twice, when the process dies between delivery and noting it. All that go this way bear it.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.policies import of_version
from api.errors import EngineAway, OutcomeUnknown
from api.services.engine import Engine, EngineRefuses
from models.locks import OUTBOX_LOCK
from models.messages import Event

_BATCH = 200
_AT_ONCE = 20
_SET_ASIDE = "refused:"
"""Put before the name of a signal that Temporal does not take, so that it no longer holds up the others but can be looked at."""

_STORE = text("INSERT INTO outbox (lead_id, signal, payload, created_at) VALUES (:lead, :signal, :payload, now())").bindparams(
    bindparam("payload", type_=JSONB)
)
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")
# A new policy goes to every open lead at once; what a prospect does must not wait behind that.
_NEXT = text(
    """
    SELECT id, lead_id, signal, payload FROM outbox WHERE signal NOT LIKE :aside
    ORDER BY signal = 'policy_changed', id LIMIT :limit"""
)
_DONE = text("DELETE FROM outbox WHERE id = ANY(:ids)")
_ASIDE = text("UPDATE outbox SET signal = :aside || signal WHERE id = ANY(:ids)")
_log = structlog.get_logger()


class _Signal(NamedTuple):
    id: int
    lead_id: UUID
    signal: str
    payload: dict[str, Any]


async def store(connection: AsyncConnection, signals: Iterable[tuple[UUID, Event]]) -> None:
    """Store signals in the caller's transaction. Once it is committed, set `engine.outbox_filled` to have them delivered at once.

    Args:
        connection: in the transaction of what caused them.
        signals: to which lead, and what. The message's kind is the signal's name.
    """
    rows = [{"lead": lead, "signal": m.kind, "payload": m.model_dump(mode="json", exclude_defaults=True)} for lead, m in signals]
    if rows:
        await connection.execute(_STORE, rows)


async def deliver(database: Database, engine: Engine) -> bool:
    """Deliver whatever is waiting.

    Returns:
        False when another process is at it or Temporal does not take any more: there may be something left.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    while True:
        async with database.connection() as connection:
            if not (await connection.execute(_TRY_LOCK, {"key": OUTBOX_LOCK})).scalar_one():
                return False
            waiting = {"aside": f"{_SET_ASIDE}%", "limit": _BATCH}
            rows = [_Signal(*row) for row in await connection.execute(_NEXT, waiting)]
            if not rows:
                return True
            for row in rows:
                if row.signal == "policy_changed":
                    policy = await of_version(connection, row.payload["version"])
                    row.payload["document"] = policy.model_dump_json()
            done, refused = await _send(engine, rows)
            await connection.execute(_DONE, {"ids": done})
            if refused:
                await connection.execute(_ASIDE, {"ids": refused, "aside": _SET_ASIDE})
        if len(done) + len(refused) < len(rows):
            return False


async def _send(engine: Engine, rows: Iterable[_Signal]) -> tuple[list[int], list[int]]:
    """Deliver a batch, each lead's signals in their order.

    Returns:
        Ids of those delivered, and of those that Temporal does not take.
    """
    by_lead: dict[UUID, list[_Signal]] = {}
    for row in rows:
        by_lead.setdefault(row.lead_id, []).append(row)
    done: list[int] = []
    refused: list[int] = []
    room = asyncio.Semaphore(_AT_ONCE)

    async def to_one(signals: list[_Signal]) -> None:
        async with room:
            for row in signals:
                if engine.believed_away:
                    return
                try:
                    await engine.signal(row.lead_id, row.signal, row.payload)
                except EngineRefuses:
                    _log.error("a signal was set aside", outbox=row.id, signal=row.signal, lead=str(row.lead_id))
                    refused.append(row.id)
                except (EngineAway, OutcomeUnknown):
                    return
                else:
                    done.append(row.id)

    await asyncio.gather(*map(to_one, by_lead.values()))
    return done, refused
