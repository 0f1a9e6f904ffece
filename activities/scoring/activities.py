"""The activity that judges a lead."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities import policies
from activities.database import Database, engine_errors
from activities.scoring.judging import Judge, behaviours_of, judge_leads
from activities.scoring.points import Behaviour
from models.messages import Order, Scored
from models.policy import Policy

# The lead's row is written first: that waits for an erasure under way and then finds the person gone, while an
# erasure that comes later waits for this and sees both rows. An order that was carried out before keeps its score.
_WRITE = text(
    """
    WITH alive AS (UPDATE leads SET reasons = :reasons, judgement = :judgement WHERE id = :lead AND stage <> 'erased' RETURNING id)
    INSERT INTO scores (lead_id, number, at, score, points, probability, model_version, reasons)
    SELECT id, :number, :at, :score, :points, :probability, :version, :reasons FROM alive
    ON CONFLICT (lead_id, number) DO UPDATE SET number = excluded.number
    RETURNING score, points"""
).bindparams(bindparam("reasons", type_=JSONB), bindparam("judgement", type_=JSONB))


class ScoringActivities:
    """Carries out `Score`.

    Args:
        database: where leads are.
        judge: asked where a model is in service; without one the points table scores.
    """

    def __init__(self, database: Database, judge: Judge | None = None) -> None:
        self._database = database
        self._judge = judge

    @activity.defn(name="score")
    async def score(self, order: Order) -> Scored:
        """Judge a lead as of now and store the judgement with its reasons; the same order again finds it stored.

        Returns:
            Without a score when the lead is not there or was erased.

        Raises:
            LookupError: when the order's policy was never published.
            ApplicationError: retryable, when the database is out of reach.
        """
        with engine_errors("the lead could not be scored"):
            async with self._database.autocommit() as connection:
                return await self._score(connection, order)

    async def _score(self, connection: AsyncConnection, order: Order) -> Scored:
        lead, at, number = UUID(order.lead), datetime.now(UTC), order.effect.number
        policy = await policies.of_version(connection, order.policy_version)
        found = (await judge_leads(connection, [lead], policy, at, self._judge)).get(lead)
        if found is None:
            return Scored(number=number)
        judgement: dict[str, Any] = {"score": found.score, "probability": found.probability, "points": found.known.points}
        judgement |= {"reasons": found.reasons, "judgement": found.judgement}
        written = {"lead": lead, "number": number, "at": at, "version": found.version, **judgement}
        row = (await connection.execute(_WRITE, written)).one_or_none()
        if row is None:
            return Scored(number=number)
        return Scored(number=number, score=row.score, known=replace(found.known, points=row.points))


async def behaviour_of(connection: AsyncConnection, lead: UUID, policy: Policy, at: datetime) -> list[Behaviour]:
    """What a lead did, by kind."""
    return (await behaviours_of(connection, [lead], policy, at)).get(lead, [])
