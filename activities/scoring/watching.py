"""Watching the model in service: whether other leads come than it learned from, and whether as many succeed as it says.

The first is told by the population stability index of its scores, taken when leads are handed over, as those it learned from were. The
second compares expected with observed successes month by month, for neither scores nor inputs see a share of successes that doubles.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.scoring.outcomes import Life, outcome_of

SHIFTED = 0.25
"""PSI from which another population is being scored; below .1 nothing happened (as Siddiqi, Credit Risk Scorecards, 2006, reads it)."""
FEWEST_SCORES, FEWEST_OUTCOMES = 100, 30
RECENT = timedelta(days=90)
_SURE = 3.0
_BY_MUCH = 0.15
_LEAST = 1e-4
_SAID = text(
    """
    SELECT m.lead, s.probability FROM unnest(CAST(:leads AS uuid[]), CAST(:moments AS timestamptz[])) AS m (lead, at)
    CROSS JOIN LATERAL (
        SELECT probability FROM scores WHERE lead_id = m.lead AND at <= m.at AND model_version = :version ORDER BY at DESC LIMIT 1
    ) s WHERE s.probability IS NOT NULL"""
)


@dataclass(frozen=True, slots=True)
class Foretold:
    """A lead that was handed over while the model scored, and the chance it gave it then."""

    life: Life
    chance: float


async def foretold(connection: AsyncConnection, version: str, lives: Sequence[Life]) -> list[Foretold]:
    """The leads that a version judged before they were handed over, with what it said last."""
    asked = {"leads": [life.lead for life in lives], "moments": [life.moment for life in lives], "version": version}
    said: dict[UUID, float] = {row.lead: row.probability for row in await connection.execute(_SAID, asked)}
    return [Foretold(life, said[life.lead]) for life in lives if life.lead in said]


def watched(found: Sequence[Foretold], spread: Sequence[float], outcome: str, now: datetime, ripe: timedelta) -> dict[str, Any]:
    """What is to be said of the model now, as it stands in `models.watch`.

    Args:
        found: leads it judged.
        spread: deciles of the chances it gave to leads it did not know when it was trained.
        outcome: what a success is.
        now: this moment.
        ripe: after how long a success that has not come is not waited for.

    Returns:
        `at`, `psi` (None while too few were judged), `judged`, `periods` (each with `month`, `leads`, `expected`, `observed`, `off`),
        and `why`: a sentence for each thing that moved.
    """
    recent = [one.chance for one in found if now - one.life.moment <= RECENT]
    psi = stability(spread, recent) if len(recent) >= FEWEST_SCORES and len(spread) > 2 else None
    periods = _periods(found, outcome, now, ripe)
    why = [f"Leads are scored otherwise than those it learned from (PSI {psi:.2f})."] if psi is not None and psi > SHIFTED else []
    why += [
        f"Of {each['leads']:,} leads handed over in {each['month']}, {each['expected']:,.0f} were expected to succeed and "
        f"{each['observed']:,} did."
        for each in periods
        if each["off"]
    ]
    return {"at": now.isoformat(), "psi": None if psi is None else round(psi, 4), "judged": len(recent), "periods": periods, "why": why}


def stability(spread: Sequence[float], found: Sequence[float]) -> float:
    """Population stability index of chances against the deciles of former ones."""
    edges = spread[1:-1]
    counts = [0] * (len(edges) + 1)
    for chance in found:
        counts[sum(chance > edge for edge in edges)] += 1
    was = 1 / len(counts)
    shares = [max(count / len(found), _LEAST) for count in counts]
    return sum((share - was) * math.log(share / was) for share in shares)


def _periods(found: Sequence[Foretold], outcome: str, now: datetime, ripe: timedelta) -> list[dict[str, Any]]:
    """By month of the handover, expected and observed successes among leads that had the time to succeed."""
    months: dict[str, list[Foretold]] = {}
    for one in found:
        if now - one.life.moment >= ripe and outcome_of(one.life, outcome, now, ripe) is not None:
            months.setdefault(f"{one.life.moment:%Y-%m}", []).append(one)
    return [_period(month, some, outcome) for month, some in sorted(months.items())]


def _period(month: str, some: Sequence[Foretold], outcome: str) -> dict[str, Any]:
    expected = sum(one.chance for one in some)
    deviation = math.sqrt(sum(one.chance * (1 - one.chance) for one in some))
    observed = sum(one.life.succeeded_at(outcome) is not None for one in some)
    off = len(some) >= FEWEST_OUTCOMES and abs(observed - expected) > max(_SURE * deviation, _BY_MUCH * expected)
    return {"month": month, "leads": len(some), "expected": round(expected, 1), "observed": observed, "off": off}
