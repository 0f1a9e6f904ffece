"""One thing done to many leads: scored again, put on hold, or given back to automation.

Which leads those are is fixed when the batch is ordered, one row each in `batch_leads`. A filter that was asked again in
the middle would answer otherwise, because the work itself changes what it looks at (a lead on hold is not in nurture any
more), and would do what nobody saw to leads that came meanwhile. Of the filter is kept what names nobody.

A chunk is done and counted in one transaction, which locks the batch. Cut off, it is done again: an update that carries
the batch as its request gets the answer it got before, with the note it had. Scoring again is a workflow's work
(`workflows/scoring.py`), because leads are judged in bulk where the model is loaded.
"""

from collections import Counter
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from api.auth import Principal
from api.errors import EngineAway, NotFound, OutcomeUnknown, Refused
from api.services import health, lead_lists
from api.services.actions import Actions
from api.services.bulk.work import CHUNK, Bench, fault, passes
from models.ids import uuid7
from models.jobs import RescoreChunk
from models.lifecycle import Role
from models.schemas.actions import NoteForm
from models.schemas.bulk import BatchKind, BatchOrdered, BatchView
from models.schemas.common import Person
from models.schemas.leads import LeadSet
from workflows.scoring import LAST, RescoringWorkflow

GONE = "erased"
"""The reason counted for a lead that was erased meanwhile."""
SILENT = "no_answer"
"""The reason counted for a lead that did not answer, although others did: whether it heard is not known."""
_FREE_TEXT = frozenset({"q", "source", "campaign"})
_PATIENCE = 360.0
"""Seconds a lead that does not answer is tried, longer than Temporal takes to notice that a worker is gone."""

_ORDER = text(
    """
    INSERT INTO batches (id, user_id, request, kind, filter, note, state, count, done, refused, created_at, touched_at)
    VALUES (:id, :user, :request, :kind, :filter, :note, 'waiting', 0, 0, 0, now(), now())
    ON CONFLICT (request) DO NOTHING RETURNING id"""
).bindparams(bindparam("filter", type_=JSONB))
_ORDERED = text("SELECT id, count FROM batches WHERE request = :request")
_FIX = "INSERT INTO batch_leads (batch_id, lead_id) SELECT :batch, l.id FROM leads l WHERE {condition}"
_SIZE = text("UPDATE batches SET count = :count WHERE id = :id")
_ONE = text("SELECT b.*, u.name AS user_name FROM batches b JOIN users u ON u.id = b.user_id WHERE b.id = :id")
_NEXT = text(
    """
    SELECT b.id, b.kind, b.note, b.position, u.id AS user_id, u.name, u.roles FROM batches b JOIN users u ON u.id = b.user_id
    WHERE b.state IN ('waiting', 'running') AND b.kind <> 'rescore' ORDER BY b.touched_at LIMIT 1 FOR NO KEY UPDATE OF b SKIP LOCKED"""
)
_RESCORES = text(
    """
    UPDATE batches SET touched_at = now() WHERE id IN (
        SELECT id FROM batches
        WHERE kind = 'rescore' AND (state = 'waiting' OR (state = 'running' AND touched_at < now() - interval '1 minute'))
        ORDER BY touched_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id"""
)
_LEADS = text("SELECT lead_id FROM batch_leads WHERE batch_id = :id AND lead_id > :position ORDER BY lead_id LIMIT :limit")
_COUNT = text(
    """
    UPDATE batches SET state = 'running', touched_at = now(), position = :position, done = done + :done, refused = refused + :refused,
        reasons = :reasons || (SELECT coalesce(jsonb_object_agg(key, value::int + coalesce((:reasons ->> key)::int, 0)), '{}')
                               FROM jsonb_each_text(reasons))
    WHERE id = :id"""
).bindparams(bindparam("reasons", type_=JSONB))
_OVER = text("UPDATE batches SET state = :state, error = :error, note = NULL, finished_at = now() WHERE id = :id")
_CLEAR = text("DELETE FROM batch_leads WHERE batch_id = :id")
_START = UUID(int=0)
_log = structlog.get_logger()


async def order(
    database: Database, user: UUID, kind: BatchKind, wanted: LeadSet, *, note: str | None = None, request: str | None = None
) -> BatchOrdered:
    """Have something done to all these leads. Once this returns it is stored, and will be carried out whatever happens.

    Args:
        database: where to.
        user: who wants it.
        kind: what.
        wanted: which leads, as they are now.
        note: a remark that each of them gets; none for a re-score.
        request: by which the same order sent again is recognised; it is the same batch then.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach; nothing was ordered.
    """
    kept = wanted.model_dump(mode="json", include=LeadSet.model_fields.keys() - _FREE_TEXT, exclude_defaults=True)
    row = {"id": uuid7(), "user": user, "request": request, "kind": kind.value, "filter": kept, "note": note}
    async with database.connection() as connection:
        if (await connection.execute(_ORDER, row)).one_or_none() is None:
            before = (await connection.execute(_ORDERED, {"request": request})).one()
            return BatchOrdered(batch_id=before.id, count=before.count)
        condition, values = lead_lists.condition(wanted, user)
        fixed = await connection.execute(text(_FIX.format(condition=condition)), {**values, "batch": row["id"]})
        await connection.execute(_SIZE, {"id": row["id"], "count": fixed.rowcount})
    return BatchOrdered(batch_id=row["id"], count=fixed.rowcount)


async def count(connection: AsyncConnection, wanted: LeadSet, user: UUID) -> int:
    """How many leads an order would be for, now."""
    condition, values = lead_lists.condition(wanted, user)
    found: int = (await connection.execute(text(f"SELECT count(*) FROM leads l WHERE {condition}"), values)).scalar_one()  # noqa: S608
    return found


async def view(connection: AsyncConnection, batch: UUID) -> BatchView:
    """One batch.

    Raises:
        NotFound: when there is none of that id.
    """
    row = (await connection.execute(_ONE, {"id": batch})).mappings().one_or_none()
    if row is None:
        raise NotFound("batch")
    return BatchView(**{**row, "by": Person(id=row["user_id"], name=row["user_name"])})


class BatchRunner:
    """Carries batches out, a chunk at a time.

    Args:
        bench: where.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._silent: dict[UUID, float] = {}

    async def work(self) -> bool:
        """Do the next chunk of the batch that waited longest.

        Returns:
            False when there is nothing to do, or other processes are at it.

        Raises:
            sqlalchemy.exc.DBAPIError, EngineAway: when the database or the engine is out of reach; to be tried again.
        """
        await self._begin_rescoring()
        async with self._bench.database.connection() as connection:
            batch = (await connection.execute(_NEXT)).one_or_none()
            if batch is None:
                return False
            try:
                await self._chunk(connection, batch)
            except Exception as err:
                if passes(err):
                    raise
                _log.exception("a batch failed", reference=str(batch.id))  # it must not hold up everybody else's
                failed = fault(batch.id)
            else:
                return True
        async with self._bench.database.connection() as connection:
            await _end(connection, batch.id, "failed", failed)
        return True

    async def _begin_rescoring(self) -> None:
        """Give a batch of re-scoring to its workflow, which judges in bulk where the model is. One that runs already goes on."""
        async with self._bench.database.connection() as connection:
            batch: UUID | None = (await connection.execute(_RESCORES)).scalar_one_or_none()
            if batch is not None:
                asked = RescoreChunk(batch=str(batch))
                await self._bench.engine.begin(RescoringWorkflow.run, asked, workflow_id=f"rescore-batch-{batch}", priority=LAST)

    async def _chunk(self, connection: AsyncConnection, batch: Row[Any]) -> None:
        at = {"id": batch.id, "position": batch.position or _START, "limit": CHUNK}
        leads = list((await connection.execute(_LEADS, at)).scalars())
        reasons = await self._do(batch, leads)
        if leads:
            counted = {"id": batch.id, "position": leads[-1], "done": len(leads)}
            await connection.execute(_COUNT, {**counted, "refused": reasons.total(), "reasons": dict(reasons)})
        if len(leads) < CHUNK:
            await _end(connection, batch.id, "done", None)

    async def _do(self, batch: Row[Any], leads: list[UUID]) -> Counter[str]:
        """Do it to each; the reasons why some did not let it be done."""
        who = Principal(batch.user_id, batch.name, frozenset(map(Role, batch.roles)))
        actions = Actions(self._bench.database, self._bench.engine, who, batch.id.hex)
        kind, form = BatchKind(batch.kind), NoteForm(note=batch.note)
        reasons: Counter[str] = Counter()
        silent: list[UUID] = []

        async def one(lead: UUID) -> None:
            try:
                await _act(actions, kind, lead, form)
            except Refused as refused:
                reasons[refused.reason] += 1
            except NotFound:
                reasons[GONE] += 1
            except OutcomeUnknown:
                silent.append(lead)

        await self._bench.each(leads, one)
        if silent:
            await self._bear_with(silent)
        self._silent.clear()
        reasons.update({SILENT: len(silent)} if silent else {})
        return reasons

    async def _bear_with(self, silent: list[UUID]) -> None:
        """Return once leads were silent for long although somebody is there to answer for them.

        Raises:
            EngineAway: while they may yet answer.
        """
        since = [self._silent.setdefault(lead, monotonic()) for lead in silent]
        if monotonic() - max(since) < _PATIENCE or await health.missing_engine(self._bench.engine, self._bench.settings):
            raise EngineAway


async def _act(actions: Actions, kind: BatchKind, lead: UUID, form: NoteForm) -> None:
    if kind is BatchKind.HOLD:
        await actions.hold(lead, form)
    else:
        await actions.resume(lead, form)


async def _end(connection: AsyncConnection, batch: UUID, state: str, error: str | None) -> None:
    await connection.execute(_OVER, {"id": batch, "state": state, "error": error})
    await connection.execute(_CLEAR, {"id": batch})
