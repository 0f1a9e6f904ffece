"""Whether the program has what it needs, and how much is waiting."""

import asyncio
from math import nan

import psycopg
from prometheus_client import REGISTRY, Gauge, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.service import RPCError

from activities.database import Database
from api.errors import Problem
from api.services.bootstrap import head, version
from api.services.crm import status as crm
from api.services.engine import Engine
from models.settings import Settings

_PATIENCE = 2.0
_ANY_POLICY = text("SELECT EXISTS (SELECT FROM policies)")
_WAITING = text(
    """
    SELECT (SELECT count(*) FROM outbox) AS outbox,
        (SELECT count(*) FROM leads WHERE swept_at IS NULL AND seq = first_seq AND NOT closed
            AND arrived_at < now() - interval '10 seconds') AS unstarted,
        (SELECT count(*) FROM leads WHERE NOT closed AND deadline_at < now() - interval '5 seconds') AS overdue,
        (SELECT count(*) FROM routing_queue) AS unrouted,
        (SELECT coalesce(extract(epoch FROM now() - min(since)), 0)::float FROM routing_queue) AS unrouted_for,
        undelivered.count AS webhooks, coalesce(extract(epoch FROM now() - undelivered.since), 0)::float AS webhooks_for
    FROM (
        SELECT count(*) AS count, min(d.due_since) AS since FROM webhook_deliveries d JOIN webhook_endpoints h ON h.id = d.endpoint_id
        WHERE d.state = 'waiting' AND h.active) undelivered"""
)
_GAUGES = {
    "outbox": Gauge("twoway_outbox_signals", "Signals that wait to be delivered to leads' workflows."),
    "unstarted": Gauge("twoway_leads_unstarted", "Leads whose workflow shows no sign of life yet."),
    "overdue": Gauge("twoway_leads_overdue", "Leads with a deadline that passed and was not acted on."),
    "unrouted": Gauge("twoway_leads_waiting_for_rep", "Leads for which no rep is free."),
    "unrouted_for": Gauge("twoway_leads_waiting_for_rep_seconds", "How long the one that waits longest for a rep has waited."),
    "webhooks": Gauge("twoway_webhook_deliveries_waiting", "Events that webhooks which are on have not been told yet."),
    "webhooks_for": Gauge("twoway_webhook_deliveries_waiting_seconds", "How long the event that waits longest for a webhook has waited."),
}


async def ready(database: Database, engine: Engine, settings: Settings) -> None:
    """Nothing, if the program has what it needs.

    Raises:
        Problem: 503, listing each dependency that is missing and what is the matter with it.
    """
    found = await asyncio.gather(_of_database(database), missing_engine(engine, settings))
    missing = {name: detail for part in found for name, detail in part.items()}
    if missing:
        listed = [{"dependency": name, "detail": detail} for name, detail in missing.items()]
        title = "Something that serving takes is missing."
        raise Problem(503, "not-ready", title, f"Missing: {', '.join(missing)}.", {"Retry-After": "2"}, missing=listed)


async def metrics(database: Database) -> bytes:
    """All metrics in Prometheus' text format. What only the database knows is not a number while it is away."""
    try:
        async with asyncio.timeout(_PATIENCE), database.connection() as connection:
            counts = (await connection.execute(_WAITING)).mappings().one()
            await crm.measure(connection)
    except (SQLAlchemyError, psycopg.Error, OSError, TimeoutError):
        counts = None
    for name, gauge in _GAUGES.items():
        gauge.set(nan if counts is None else counts[name])
    return generate_latest(REGISTRY)


async def _of_database(database: Database) -> dict[str, str]:
    """What is missing of the database."""
    try:
        async with asyncio.timeout(_PATIENCE), database.connection() as connection:
            found = await version(connection)
            if found != head():
                return {"schema": f"The tables are at version {found or 'none'}; {head()} is needed."}
            published = (await connection.execute(_ANY_POLICY)).scalar_one()
    except (SQLAlchemyError, psycopg.Error, OSError, TimeoutError):
        return {"database": "PostgreSQL does not answer."}
    return {} if published else {"policy": "No policy is published."}


async def missing_engine(engine: Engine, settings: Settings) -> dict[str, str]:
    """What is missing of Temporal and its workers, and what is the matter with it; nothing when all is there."""
    try:
        async with asyncio.timeout(_PATIENCE):
            if not await engine.ready():
                return {"temporal": "Temporal does not answer."}
            kinds = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
            polled = await asyncio.gather(*(_polled(engine, settings.task_queue, kind) for kind in kinds))
    except (RPCError, RuntimeError, TimeoutError):
        return {"temporal": "Temporal does not answer."}
    return {} if all(polled) else {"worker": f"No worker polls the task queue {settings.task_queue}."}


async def _polled(engine: Engine, queue: str, kind: "TaskQueueType.ValueType") -> bool:
    request = DescribeTaskQueueRequest(namespace=engine.client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind)
    answer = await engine.client.workflow_service.describe_task_queue(request)
    return bool(answer.pollers)
