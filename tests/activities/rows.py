"""Rows as the doors would have written them, and the orders a lead's workflow gives."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from textwrap import dedent
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlmodel import SQLModel
from temporalio.testing import ActivityEnvironment

from activities import policies
from activities.database import Database
from activities.ledger import projection
from models.ids import uuid7
from models.lifecycle import AnyEffect, Channel, Deadline, DeadlineKind, LeadState, Send, Stage
from models.messages import Order
from models.policy import Policy
from models.tables import Account, Engagement, Lead, User

TODAY = date(2026, 3, 2)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

Answer = TypeVar("Answer")


def now() -> datetime:
    return datetime.now(UTC)


async def run(work: Callable[[Order], Awaitable[Answer]], order: Order) -> Answer:
    """Carry an order out as a worker would."""
    result: Answer = await ActivityEnvironment().run(work, order)
    return result


async def eventually(holds: Callable[[], Awaitable[bool]], within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not await holds():
            await asyncio.sleep(0.01)


async def somebody_waits(database: Database) -> bool:
    """Whether an advisory lock is being waited for."""
    sql = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    return await column(database, sql) != [0]


async def store(database: Database, *rows: SQLModel) -> None:
    """Rows in the order given, because later ones may refer to earlier ones."""
    async with database.session() as session:
        for row in rows:
            session.add(row)
            await session.flush()


async def published(database: Database, source: str = "") -> Policy:
    async with database.connection() as connection:
        policy, _ = await policies.publish(connection, dedent(source), today=TODAY, author=None)
    return policy


def state_of(lead: UUID, stage: Stage = Stage.NEW, **what: Any) -> LeadState:
    at = now()
    deadline = Deadline(DeadlineKind.CLAIM_WINDOW, at + DAY, at)
    return LeadState(
        lead_id=str(lead),
        stage=stage,
        arrived_at=at,
        since=at,
        quiet_since=at,
        tree_end=at + 2 * DAY,
        **{"seq": 1, "policy_version": 1, "deadline": deadline, **what},
    )


async def arrive(database: Database, state: LeadState | None = None, **columns: Any) -> UUID:
    """A lead as it stands in its table."""
    lead = UUID(state.lead_id) if state else uuid7()
    person = {"email": f"{lead.hex[-8:]}@example.com", "first_name": "Ada"} | columns
    await store(database, Lead(id=lead, **(projection(state or state_of(lead)) | person)))
    return lead


async def hire(database: Database, name: str = "", **columns: Any) -> UUID:
    """A rep."""
    rep = uuid7()
    await store(database, User(id=rep, email=f"{name or rep.hex[-8:]}@ours.example", name=name or "Rep", **{"roles": ["rep"], **columns}))
    return rep


async def name_account(database: Database, owner: UUID, domain: str = "acme.example") -> UUID:
    account = uuid7()
    await store(database, Account(id=account, name=domain, domain=domain, owner_id=owner))
    return account


async def engage(database: Database, lead: UUID, did: Iterable[tuple[str, datetime]]) -> None:
    rows = (Engagement(event_id=str(uuid7()), lead_id=lead, kind=kind, at=at) for kind, at in did)
    await store(database, *rows)


def order(lead: UUID, effect: AnyEffect, policy_version: int = 1) -> Order:
    return Order(lead=str(lead), policy_version=policy_version, effect=effect)


def touch(template: str = "welcome", channel: Channel = Channel.EMAIL, number: int = 1) -> Send:
    return Send(number=number, campaign="welcome", step=0, occurrence=0, channel=channel, template=template)


async def column(database: Database, sql: str, **what: Any) -> list[Any]:
    """The first column of what a query finds."""
    async with database.connection() as connection:
        return list((await connection.execute(text(sql), what)).scalars())


async def one(database: Database, sql: str, **what: Any) -> Any:
    """The one row a query finds."""
    async with database.connection() as connection:
        return (await connection.execute(text(sql), what)).one()


async def change(database: Database, sql: str, **what: Any) -> None:
    async with database.connection() as connection:
        await connection.execute(text(sql), what)
