"""What thresholds are solved from when the reps' capacity decides them: scores of late, and who is there."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.people import absences
from models.policy import Policy
from models.policy.capacity import STEP, Measured, present

_BEST = text(
    """
    SELECT floor(best / :step) * :step AS score, count(*) AS leads, min(first) AS first
    FROM (SELECT max(score) AS best, min(at) AS first FROM scores WHERE at > :since AND at <= :now GROUP BY lead_id) AS lead
    WHERE best IS NOT NULL GROUP BY 1"""
)
_REPS = text("SELECT absences FROM users WHERE active AND 'rep' = ANY(roles)")


async def weekly(connection: AsyncConnection, policy: Policy, now: datetime) -> tuple[float, int]:
    """How many high leads the reps can take on in the week to come, and how many reps that are."""
    there = [present(absences(row.absences), now) for row in await connection.execute(_REPS)]
    return sum(there) * policy.score.tiers.high_per_rep_per_week, len(there)


async def measured(connection: AsyncConnection, policy: Policy, now: datetime | None = None) -> Measured:
    """Scores over the policy's window, and the reps' capacity, as of now."""
    now = now or datetime.now(UTC)
    since = now - policy.score.tiers.window
    rows = (await connection.execute(_BEST, {"step": STEP, "since": since, "now": now})).all()
    first = min((row.first for row in rows), default=now)
    capacity, reps = await weekly(connection, policy, now)
    return Measured({row.score: row.leads for row in rows}, max(now - first, timedelta()), capacity, reps)
