"""What came of leads, as far as a model may learn from it. Why it is so: docs/decisions/0019.

A success is a lead that was won (or, by policy, one that was sales-qualified). A failure is one that a person gave up: lost, or
disqualified by hand; or one that was contacted and then went quiet, or has been open for longer than nine in ten successes took.
Everything else is left out: a lead that nobody ever contacted failed at nothing, and a young one is no failure yet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.lifecycle import Stage, Tier

MOST = 60_000
"""Leads that are learned from, the newest."""
FEWEST = 25
"""Successes, and failures, below which no model is made and the points table scores."""
ENOUGH = 100
"""Old enough outcomes of each kind from which on young leads are left out, whatever came of them: quick failures come in first."""
_UNTOLD = timedelta(days=90)
_FEWEST_TIMES = 10
_SHARE = 0.9

_LIVES = text(
    """
    WITH told AS (
        SELECT lead_id,
            min(at) FILTER (WHERE to_stage IN ('claimed', 'assigned', 'working', 'qualified')) AS handed_at,
            min(at) FILTER (WHERE kind = 'reviewed') AS reviewed_at,
            min(at) FILTER (WHERE kind IN ('contacted', 'worked')) AS contacted_at,
            min(at) FILTER (WHERE to_stage = 'won') AS won_at,
            min(at) FILTER (WHERE to_stage = 'qualified') AS sql_at,
            max(seq) FILTER (WHERE to_stage = 'disqualified' AND from_stage <> to_stage AND actor_kind = 'user') AS by_hand,
            max(seq) FILTER (WHERE to_stage = 'disqualified' AND from_stage <> to_stage) AS out,
            (array_agg(tier ORDER BY seq) FILTER (WHERE to_stage IN ('claimed', 'assigned', 'working', 'qualified')))[1] AS tier,
            (array_agg(kind ORDER BY seq) FILTER (WHERE to_stage IN ('claimed', 'assigned', 'working', 'qualified')))[1] AS how,
            coalesce(bool_or(detail @> '{"explored": true}'), false) AS explored
        FROM ledger GROUP BY lead_id
    )
    SELECT l.id, l.stage, told.*, coalesce(told.handed_at, told.reviewed_at) AS moment, coalesce(before.points, 0) AS points
    FROM told JOIN leads l ON l.id = told.lead_id
    LEFT JOIN LATERAL (
        SELECT s.points FROM scores s WHERE s.lead_id = l.id
        ORDER BY (s.at <= coalesce(told.handed_at, told.reviewed_at)) DESC,
            abs(extract(epoch FROM s.at - coalesce(told.handed_at, told.reviewed_at))) LIMIT 1
    ) before ON true
    WHERE l.stage <> 'erased' AND coalesce(told.handed_at, told.reviewed_at) IS NOT NULL
    ORDER BY moment DESC, l.id LIMIT :most"""
)


@dataclass(frozen=True, slots=True)
class Life:
    """A lead that was handed to somebody, as far as its outcome is concerned.

    Args:
        lead: which.
        moment: when it was handed over for the first time, or a reviewer concluded: as of then a model judges it.
        stage: where it stands now.
        points: what the points table said of it at that moment.
        contacted_at: the first contact; None when nobody ever made one.
        won_at, sql_at: when it was won and sales-qualified; None when it was not.
        by_hand: it is disqualified, and a person did that.
        tier: the tier it had then.
        how: what the ledger calls the handover.
        explored: it was handed over by chance, against its score.
    """

    lead: UUID
    moment: datetime
    stage: Stage
    points: float = 0.0
    contacted_at: datetime | None = None
    won_at: datetime | None = None
    sql_at: datetime | None = None
    by_hand: bool = False
    tier: Tier | None = None
    how: str = ""
    explored: bool = False

    def succeeded_at(self, outcome: str) -> datetime | None:
        """When it succeeded; None when it did not, or not yet.

        Args:
            outcome: `won` or `sql`.
        """
        return self.won_at if outcome == "won" else self.sql_at or self.won_at


@dataclass(frozen=True, slots=True)
class Example:
    """A lead whose outcome is known."""

    life: Life
    success: bool


@dataclass(frozen=True, slots=True)
class History:
    """What can be learned from.

    Args:
        examples: oldest first.
        ripe: after how long a success that has not come is not waited for.
        said: what a person should know of what was left out.
    """

    examples: tuple[Example, ...]
    ripe: timedelta
    said: tuple[str, ...]

    @property
    def successes(self) -> int:
        """How many succeeded."""
        return sum(example.success for example in self.examples)


async def lives(connection: AsyncConnection, most: int = MOST) -> list[Life]:
    """The latest leads that were handed to somebody; those of erased persons are not among them."""
    rows = await connection.execute(_LIVES, {"most": most})
    return [
        Life(
            row.id,
            row.moment,
            Stage(row.stage),
            row.points,
            row.contacted_at,
            row.won_at,
            row.sql_at,
            row.by_hand is not None and row.by_hand == row.out,
            Tier(row.tier) if row.tier else None,
            row.how or "",
            row.explored,
        )
        for row in rows
    ]


def history(found: Iterable[Life], outcome: str, now: datetime) -> History:
    """Tell outcomes from what is not one yet.

    Args:
        found: leads.
        outcome: what a success is, `won` or `sql`.
        now: this moment.
    """
    some = sorted(found, key=lambda life: (life.moment, life.lead))
    ripe = ripeness(some, outcome)
    known = [Example(life, result) for life in some if (result := outcome_of(life, outcome, now, ripe)) is not None]
    old = [example for example in known if now - example.life.moment >= ripe]
    unknown = len(some) - len(known)
    said = [f"{unknown:,} leads have no outcome yet, or nobody ever contacted them; they count as neither."] if unknown else []
    won = sum(example.success for example in old)
    if min(won, len(old) - won) >= ENOUGH and len(old) < len(known):
        days = ripe.total_seconds() / 86_400
        said.append(
            f"Nine of ten successes take up to {days:,.1f} days; {len(known) - len(old):,} younger leads were left out, whatever came of "
            "them, because quick failures are known before slow successes."
        )
        known = old
    return History(tuple(known), ripe, tuple(said))


def outcome_of(life: Life, outcome: str, now: datetime, ripe: timedelta) -> bool | None:
    """Whether a lead succeeded; None where that cannot be said.

    Args:
        life: the lead.
        outcome: what a success is.
        now: this moment.
        ripe: after how long a success that has not come is not waited for.
    """
    if life.succeeded_at(outcome) is not None:
        return True
    if life.stage is Stage.LOST or (life.stage is Stage.DISQUALIFIED and life.by_hand):
        return False
    if life.contacted_at is None:
        return None
    went_quiet = life.stage is Stage.DISQUALIFIED
    return False if went_quiet or now - life.moment >= ripe else None


def ripeness(found: Sequence[Life], outcome: str) -> timedelta:
    """The time within which nine of ten successes came; ninety days while too few came to tell."""
    took = sorted(at - life.moment for life in found if (at := life.succeeded_at(outcome)) is not None)
    if len(took) < _FEWEST_TIMES:
        return _UNTOLD
    return max(took[min(len(took) - 1, int(_SHARE * len(took)))], timedelta())


@dataclass(frozen=True, slots=True)
class Against:
    """What came of leads that somebody took although they were scored low: overrides by a person, and explorations by chance.

    Args:
        claimed: low leads that a person took of their own accord.
        claimed_successes: how many of them succeeded.
        explored: low leads that were handed over by chance.
        explored_successes: how many of them succeeded.
    """

    claimed: int
    claimed_successes: int
    explored: int
    explored_successes: int


def against_the_score(found: Sequence[Life], outcome: str) -> Against:
    """Count them."""
    low = [life for life in found if life.tier is Tier.LOW]
    taken = [life for life in low if life.how in ("claimed", "overridden") and not life.explored]
    explored = [life for life in found if life.explored]

    def successes(some: Sequence[Life]) -> int:
        return sum(life.succeeded_at(outcome) is not None for life in some)

    return Against(len(taken), successes(taken), len(explored), successes(explored))
