"""Starts the workflows of leads that stand in the database, many side by side."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.common import Priority

from activities.ledger import stored_state
from activities.policies import of_version
from api.errors import EngineAway, OutcomeUnknown
from api.services.engine import Beginning, Engine
from models.policy import Policy

_AT_ONCE = 16
_SWEPT = text(
    """
    UPDATE leads SET swept_at = now()
    FROM (SELECT id FROM leads WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE) AS found WHERE leads.id = found.id"""
)
_log = structlog.get_logger()


async def start(connection: AsyncConnection, engine: Engine, rows: Mapping[UUID, Row[Any]]) -> list[UUID]:
    """Start the workflows of leads, and note that with them.

    Args:
        connection: in a transaction.
        engine: where.
        rows: by lead, its `id`, `state`, `source` and `priority`.

    Returns:
        The leads that are done with for now.
    """
    swept = await _start(engine, await _beginnings(connection, engine, rows.values()))
    if swept:
        await connection.execute(_SWEPT, {"ids": swept})
    return swept


async def _beginnings(connection: AsyncConnection, engine: Engine, rows: Iterable[Row[Any]]) -> dict[UUID, Beginning | None]:
    """What to start each lead with; None for one whose row cannot be read, which must not hold up the others."""
    policies: dict[int, Policy] = {}
    found: dict[UUID, Beginning | None] = {}
    for row in rows:
        found[row.id] = None
        try:
            state = stored_state(row.state)
            version = state.policy_version
            if version not in policies:
                policies[version] = await of_version(connection, version)
            found[row.id] = engine.beginning(state, policies[version], row.source, Priority(priority_key=row.priority))
        except (ValidationError, LookupError) as err:
            _log.error("a lead's stored state cannot be used", lead=str(row.id), cause=type(err).__name__)
    return found


async def _start(engine: Engine, beginnings: dict[UUID, Beginning | None]) -> list[UUID]:
    """Start workflows side by side, the first one alone: while Temporal is away, that is one call and no more.

    Returns:
        The leads that are done with for now.
    """
    swept: list[UUID] = []
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(lead: UUID, beginning: Beginning | None) -> None:
        async with room:
            try:
                if beginning is not None:
                    await engine.start(beginning)
            except (EngineAway, OutcomeUnknown):
                return
            swept.append(lead)

    for lead, beginning in beginnings.items():
        if beginning is not None:
            await one(lead, beginning)
            break
    if not engine.believed_away:
        await asyncio.gather(*(one(*rest) for rest in beginnings.items() if rest[0] not in swept))
    return swept
