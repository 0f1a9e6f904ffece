"""Whether a source may be asked now: its rate, its money and its breaker, shared by all workers.

They stand in PostgreSQL, one row a source, and one statement takes a token, spends and looks at the breaker at once. A rate
of a Temporal task queue would need a queue for each source, would count activities and not questions, and knows no money.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import text

from activities.database import Database
from activities.enrichment.provider import Budget, Why
from activities.enrichment.web import Kind, Trouble

NETWORK: Final = "network"
"""The gate of all sources: shut while no service's name can be resolved, so that a machine without a network asks nobody."""
MOST_FAILURES = 5
"""In a row, then a source is left alone."""
_PAUSE, _LONGEST_PAUSE = 30.0, 900.0
_PROBE = timedelta(seconds=20)
"""Once its pause is over one question goes out, and no other until this one is answered, or that long."""

# What a row amounts to now: its bucket filled up since, and yesterday's money forgotten.
_TOKENS = "least(:burst, g.tokens + extract(epoch FROM now() - g.filled_at) * :rate)"
_SPENT = "CASE WHEN g.day = to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD') THEN g.spent ELSE 0 END"
_ADMIT = text(
    f"""
    INSERT INTO source_gates AS g (source, tokens, filled_at, day, spent, failures)
    SELECT :source, :burst - 1, now(), to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD'), :cents, 0 WHERE CAST(:cents AS float) <= :most
    ON CONFLICT (source) DO UPDATE SET tokens = {_TOKENS} - 1, filled_at = now(), spent = {_SPENT} + :cents, day = excluded.day,
        shut_until = CASE WHEN g.failures >= :failures THEN now() + CAST(:probe AS interval) END
    WHERE coalesce(g.shut_until <= now(), true) AND {_TOKENS} >= 1 AND {_SPENT} + :cents <= :most
    RETURNING true"""
)
_WHY_NOT = text(
    f"""
    SELECT g.shut_until > now() AS shut, extract(epoch FROM g.shut_until - now())::float8 AS shut_for, g.why,
        {_SPENT} + :cents > :most AS spent,
        extract(epoch FROM date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day' - now() AT TIME ZONE 'UTC')::float8 AS day_left,
        (1 - {_TOKENS}) / :rate AS wait
    FROM source_gates g WHERE source = :source"""  # noqa: S608 - constants of ours
)
_NETWORK = text("SELECT extract(epoch FROM shut_until - now())::float8 FROM source_gates WHERE source = :source AND shut_until > now()")
_WELL = text(
    "UPDATE source_gates SET failures = 0, shut_until = NULL, why = NULL WHERE source = :source AND (failures > 0 OR why IS NOT NULL)"
)
_ILL = text(
    """
    INSERT INTO source_gates AS g (source, tokens, filled_at, day, spent, failures, shut_until, why)
    VALUES (:source, 0, now(), '', 0, :count, CASE WHEN CAST(:pause AS float) > 0 THEN now() + make_interval(secs => :pause) END, :why)
    ON CONFLICT (source) DO UPDATE SET failures = g.failures + :count, why = :why, shut_until = CASE
        WHEN CAST(:pause AS float) > 0 THEN greatest(g.shut_until, now() + make_interval(secs => :pause))
        WHEN g.failures + :count >= :failures
            THEN now() + make_interval(secs => least(:longest, :step * 2.0 ^ least(g.failures + :count - :failures, 10)))
        ELSE g.shut_until END"""
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A source is not asked now.

    Args:
        why: in the profile's words.
        seconds: after which it may be.
    """

    why: Why
    seconds: float


async def admit(database: Database, source: str, budget: Budget) -> Refused | None:
    """Take a question's place in a source's budget.

    Args:
        database: where gates are.
        source: which.
        budget: what it allows.

    Returns:
        None when it may be asked now, and must then be told what came of it by `well` or `ill`.
    """
    what = {"source": source, "burst": float(budget.burst), "rate": budget.per_minute / 60}
    money = {"cents": budget.cents, "most": budget.cents_a_day if budget.cents else 1.0}
    async with database.autocommit() as connection:
        away = (await connection.execute(_NETWORK, {"source": NETWORK})).scalar_one_or_none()
        if away is not None:
            return Refused(Why.FAILED, float(away))
        if (await connection.execute(_ADMIT, {**what, **money, "failures": MOST_FAILURES, "probe": _PROBE})).one_or_none():
            return None
        row = (await connection.execute(_WHY_NOT, {**what, **money})).one_or_none()
    if row is None:
        return Refused(Why.OVER_BUDGET, 3600.0)  # one question alone costs more than a day may
    if row.shut:
        return Refused(Why(row.why or Why.FAILED), float(row.shut_for))
    if row.spent:
        return Refused(Why.OVER_BUDGET, float(row.day_left))
    return Refused(Why.OVER_BUDGET, max(float(row.wait), 0.0))


async def well(database: Database, source: str) -> None:
    """A source answered, if only that it knows nothing."""
    async with database.autocommit() as connection:
        await connection.execute(_WELL, {"source": source})


async def ill(database: Database, source: str, trouble: Trouble, *, shared: bool) -> None:
    """A source did not answer.

    Args:
        database: where gates are.
        source: which.
        trouble: how.
        shared: one service answers for all; without it a failure says nothing about the next question.
    """
    what = {"source": source, "failures": MOST_FAILURES, "longest": _LONGEST_PAUSE, "step": _PAUSE, "why": Why.FAILED.value}
    if trouble.kind is Kind.AWAY:
        what |= {"source": NETWORK, "count": 1, "pause": _PAUSE}
    elif not shared:
        return
    elif trouble.kind is Kind.LIMITED:
        what |= {"count": 0, "pause": trouble.after if trouble.after is not None else _PAUSE, "why": Why.OVER_BUDGET.value}
    else:
        what |= {"count": 1, "pause": trouble.after or 0.0}
    async with database.autocommit() as connection:
        await connection.execute(_ILL, what)
