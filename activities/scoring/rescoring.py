"""Scoring many leads again at little cost: judged in bulk, and only those whose lives a new score may change are woken.

Waking a lead costs its workflow some twenty round trips; judging it in bulk costs a thousandth of a second. Signals go out by the
outbox, in the transaction that counts the progress, so a power cut between any two lines repeats or loses none.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities import policies
from activities.database import Database, engine_errors
from activities.scoring.judging import Judge, Judged, judge_leads
from models.jobs import RescoreChunk, RescoredChunk
from models.lifecycle import RefusalReason, Stage, Tier
from models.messages import Rescore
from models.policy import Policy

CHUNK = 500
"""Leads that are judged and counted together."""
FELT = 0.5
"""Points of the score below which a new one tells nobody anything."""
GONE = "erased"
_FEWEST_HOURS = 20
_START = UUID(int=0)

_BATCH = text("SELECT user_id, position FROM batches WHERE id = :id AND state IN ('waiting', 'running') FOR NO KEY UPDATE")
_OF_BATCH = text("SELECT lead_id FROM batch_leads WHERE batch_id = :id AND lead_id > :position ORDER BY lead_id LIMIT :limit")
# What decay can move: nobody's, open, above the lowest tier, and not judged today.
_DECAYING = text(
    """
    SELECT id FROM leads
    WHERE id > :position AND NOT closed AND owner_id IS NULL AND tier IN ('high', 'medium')
        AND NOT EXISTS (SELECT FROM scores s WHERE s.lead_id = leads.id AND s.at > now() - make_interval(hours => :hours))
    ORDER BY id LIMIT :limit"""
)
_OPEN = text("SELECT id FROM leads WHERE id > :position AND NOT closed ORDER BY id LIMIT :limit")
_COUNT = text(
    """
    UPDATE batches SET state = 'running', touched_at = now(), position = :position, done = done + :done, refused = refused + :refused,
        reasons = :reasons || (SELECT coalesce(jsonb_object_agg(key, value::int + coalesce((:reasons ->> key)::int, 0)), '{}')
                               FROM jsonb_each_text(reasons))
    WHERE id = :id"""
).bindparams(bindparam("reasons", type_=JSONB))
_DONE = text("UPDATE batches SET state = 'done', note = NULL, finished_at = now() WHERE id = :id AND state IN ('waiting', 'running')")
_CLEAR = text("DELETE FROM batch_leads WHERE batch_id = :id")
_FAILED = text(
    """
    UPDATE batches SET state = 'failed', error = :error, finished_at = now()
    WHERE id = :id AND state IN ('waiting', 'running') RETURNING id"""
)
_WAITING = text("SELECT count(*) FROM (SELECT FROM outbox WHERE signal = 'rescore' LIMIT :most) found")
_WAKE = text("INSERT INTO outbox (lead_id, signal, payload, created_at) VALUES (:lead, 'rescore', :payload, now())").bindparams(
    bindparam("payload", type_=JSONB)
)
_SAME = text(
    """
    WITH new AS (SELECT * FROM jsonb_to_recordset(:rows) AS r (lead uuid, score float8, points float8, probability float8,
                                                               version text, reasons jsonb, judgement jsonb)),
        alive AS (
            UPDATE leads l SET reasons = new.reasons, judgement = new.judgement FROM new
            WHERE l.id = new.lead AND l.stage <> 'erased' RETURNING l.id)
    INSERT INTO scores (lead_id, at, score, points, probability, model_version, reasons)
    SELECT lead, :at, score, points, probability, version, reasons FROM new WHERE lead IN (SELECT id FROM alive)"""
).bindparams(bindparam("rows", type_=JSONB))
_ALL_DONE = text("UPDATE model_changes SET rescored_at = now() WHERE rescored_at IS NULL")
_FAULT = "Something unexpected came up. What was done until then stays; the log has the details under {}."


class RescoringActivities:
    """Carries out bulk re-scoring.

    Args:
        database: where leads and batches are.
        judge: asked where a model is in service.
    """

    def __init__(self, database: Database, judge: Judge | None = None) -> None:
        self._database = database
        self._judge = judge

    @activity.defn(name="rescore_chunk")
    async def chunk(self, asked: RescoreChunk) -> RescoredChunk:
        """Judge the next leads, wake those that it matters to, and count them, in one transaction.

        Raises:
            ApplicationError: retryable, when the database is out of reach.
        """
        with engine_errors("leads could not be scored again"):
            async with self._database.connection() as connection:
                policy = await policies.latest(connection)
                if await self._behind(connection, policy.rescore.bulk_per_second):
                    return RescoredChunk(position=asked.position, wait=1.0)
                if asked.batch is not None:
                    return await self._of_batch(connection, UUID(asked.batch), policy)
                return await self._of_all(connection, asked, policy)

    @activity.defn(name="rescore_failed")
    async def failed(self, batch: str) -> None:
        """Note that a batch could not be carried out, so that it is not begun for ever."""
        with engine_errors("a failure could not be noted"):
            async with self._database.connection() as connection:
                if (await connection.execute(_FAILED, {"id": UUID(batch), "error": _FAULT.format(batch)})).one_or_none():
                    await connection.execute(_CLEAR, {"id": UUID(batch)})

    async def _behind(self, connection: AsyncConnection, rate: int) -> bool:
        """Whether leads woken before still wait for it: whoever comes in one by one must not queue behind them."""
        waiting: int = (await connection.execute(_WAITING, {"most": rate + 1})).scalar_one()
        return waiting > rate

    async def _of_batch(self, connection: AsyncConnection, batch: UUID, policy: Policy) -> RescoredChunk:
        row = (await connection.execute(_BATCH, {"id": batch})).one_or_none()
        if row is None:
            return RescoredChunk(over=True)
        wanted = {"id": batch, "position": row.position or _START, "limit": CHUNK}
        leads = list((await connection.execute(_OF_BATCH, wanted)).scalars())
        woken, reasons = 0, Counter[str]()
        if leads:
            payload = Rescore(actor=str(row.user_id), request=batch.hex).model_dump(mode="json", exclude_defaults=True)
            woken, reasons = await self._score(connection, leads, policy, payload, keep=True)
            counted = {"id": batch, "position": leads[-1], "done": len(leads), "refused": reasons.total(), "reasons": dict(reasons)}
            await connection.execute(_COUNT, counted)
        if len(leads) < CHUNK:
            await connection.execute(_DONE, {"id": batch})
            await connection.execute(_CLEAR, {"id": batch})
        return RescoredChunk(judged=len(leads), woken=woken, over=len(leads) < CHUNK, wait=woken / policy.rescore.bulk_per_second)

    async def _of_all(self, connection: AsyncConnection, asked: RescoreChunk, policy: Policy) -> RescoredChunk:
        wanted = {"position": UUID(asked.position) if asked.position else _START, "limit": CHUNK}
        query = connection.execute(_DECAYING, {**wanted, "hours": _FEWEST_HOURS}) if asked.decayed else connection.execute(_OPEN, wanted)
        leads = list((await query).scalars())
        if len(leads) < CHUNK and not asked.decayed:
            await connection.execute(_ALL_DONE)
        if not leads:
            return RescoredChunk(over=True)
        payload = Rescore().model_dump(mode="json", exclude_defaults=True)
        woken, _ = await self._score(connection, leads, policy, payload, only_tiers=asked.decayed)
        wait = woken / policy.rescore.bulk_per_second
        return RescoredChunk(position=str(leads[-1]), judged=len(leads), woken=woken, over=len(leads) < CHUNK, wait=wait)

    async def _score(
        self,
        connection: AsyncConnection,
        leads: list[UUID],
        policy: Policy,
        payload: Mapping[str, Any],
        *,
        keep: bool = False,
        only_tiers: bool = False,
    ) -> tuple[int, Counter[str]]:
        """Judge leads and wake some.

        Returns:
            How many were woken, and the reasons why others were not scored.
        """
        at = datetime.now(UTC)
        found = await judge_leads(connection, leads, policy, at, self._judge)
        reasons = Counter({GONE: len(leads) - len(found)}) if len(found) < len(leads) else Counter[str]()
        open_ones = {lead: one for lead, one in found.items() if not one.row["closed"]}
        if len(open_ones) < len(found):
            reasons[RefusalReason.CLOSED.value] = len(found) - len(open_ones)
        woken = [lead for lead, one in open_ones.items() if matters(one, policy, only_tiers=only_tiers)]
        if woken:
            await connection.execute(_WAKE, [{"lead": lead, "payload": payload} for lead in woken])
        same = open_ones.keys() - set(woken)
        if keep and same:
            await connection.execute(_SAME, {"at": at, "rows": list(_rows((lead, open_ones[lead]) for lead in same))})
        return len(woken), reasons


def matters(found: Judged, policy: Policy, *, only_tiers: bool = False) -> bool:
    """Whether a lead's life may go on otherwise with this judgement, or people would see another number.

    Args:
        found: the lead as it is judged now, with its row as it stands.
        policy: whose tiers.
        only_tiers: another number alone is not worth it: scores that only fade are not announced one by one.
    """
    row, tier = found.row, policy.tier(found.score)
    if row["tier"] is None or tier != row["tier"]:
        return True
    stage = Stage(row["stage"])
    if tier is not Tier.LOW and (stage in (Stage.LONG_TERM, Stage.DISQUALIFIED) or (tier is Tier.HIGH and stage is Stage.NURTURE)):
        return not only_tiers
    return not only_tiers and abs(found.score - (row["score"] or 0.0)) >= FELT


def _rows(found: Iterable[tuple[UUID, Judged]]) -> Iterable[dict[str, Any]]:
    for lead, one in found:
        judgement = {"score": one.score, "points": one.known.points, "probability": one.probability}
        yield {"lead": str(lead), "version": one.version, "reasons": one.reasons, "judgement": one.judgement, **judgement}
