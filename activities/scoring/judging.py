"""Judging leads: by the model in service where there is one, else by the points table, which is worked out in any case.

The model itself lives behind `Judge`: workflows import what carries out their orders, and must not load numpy with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.scoring import assessments
from activities.scoring.facts import facts_of, known_of
from activities.scoring.points import MOST_HALVINGS, Behaviour, points_of
from activities.scoring.reasons import by_points
from models.lifecycle import Known
from models.policy import Policy

POINTS = "points"
"""The version of the points table, which scores until a model is better."""
_READ = text(
    """
    SELECT id, email, first_name, last_name, company, title, phone, country, source, campaign, interest, message,
        attributes, enrichment, account_id, stage, tier, score, closed, owner_id,
        (SELECT version FROM models WHERE state = 'champion') AS champion
    FROM leads WHERE id = ANY(:leads) AND stage <> 'erased'"""
)
_BEHAVIOUR = text(
    """
    SELECT lead_id, kind, count(*) AS times, max(at) AS last,
        sum(0.5 ^ least(greatest(extract(epoch FROM CAST(:at AS timestamptz) - at)::float8 / :half_life, 0), :most)) AS weight
    FROM engagements WHERE lead_id = ANY(:leads) AND verdict = 'human' GROUP BY lead_id, kind ORDER BY lead_id, kind"""
)
# shown on the page about scoring; written once, however many leads come
_NOTE = text("UPDATE models SET progress = :cause WHERE version = :version AND state = 'champion' AND progress IS DISTINCT FROM :cause")
FELL_BACK = Counter("twoway_scored_by_points_instead", "Leads that the points table scored because the model in service could not.")
_log = structlog.get_logger()


class ModelUnusable(Exception):  # noqa: N818 - said as it is read
    """The model in service cannot be loaded, or failed; the text says how, and nothing of any lead."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a model says of a lead.

    Args:
        probability: the calibrated chance of success, 0 to 1.
        reasons: as they stand in `scores.reasons`.
        said: what else is to be said of it, as it stands in `leads.judgement`.
    """

    probability: float
    reasons: list[dict[str, Any]]
    said: dict[str, Any]


class Judge(Protocol):
    """Judges leads by a trained model."""

    async def judge(self, connection: AsyncConnection, version: str, leads: Mapping[UUID, datetime]) -> Mapping[UUID, Judgement]:
        """What a version of the model says of leads.

        Args:
            connection: to read the leads' features, and the model when it is asked for the first time.
            version: which model.
            leads: each with the moment as of which it is judged.

        Raises:
            ModelUnusable: when the model cannot be loaded, or failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Judged:
    """A lead that was judged.

    Args:
        known: what the decision tree must know of it.
        score: 0 to 100: the chance times 100, or the points' share of the agreed sum.
        probability: None where the points table judged.
        version: of the model that judged; `points` is the table.
        reasons: why, as they stand in `scores.reasons`.
        judgement: who judged, how sure and what would change it, as it stands in `leads.judgement`.
        row: the lead as it stood: its `stage`, `tier` and `score` among others.
    """

    known: Known
    score: float
    probability: float | None
    version: str
    reasons: list[dict[str, Any]]
    judgement: dict[str, Any]
    row: Mapping[str, Any]


async def judge_leads(
    connection: AsyncConnection, leads: Sequence[UUID], policy: Policy, at: datetime, judge: Judge | None
) -> dict[UUID, Judged]:
    """Judge leads as of now. Those that are not there, or were erased, are left out.

    A model that cannot be used is said aloud, and the points table judges instead: no lead waits for a model.

    Args:
        connection: where leads are.
        leads: which.
        policy: whose points table and tiers.
        at: this moment; what happened later counts as now.
        judge: asked where a model is in service.
    """
    people = {row["id"]: dict(row) for row in (await connection.execute(_READ, {"leads": list(leads)})).mappings()}
    if not people:
        return {}
    behaviour = await behaviours_of(connection, list(people), policy, at)
    told = await assessments.told_by(connection, people, policy, at)
    champion = next(iter(people.values()))["champion"]
    said = await _asked(connection, champion, dict.fromkeys(people, at), judge) if champion else {}
    for lead, row in people.items():
        row["answers"] = assessments.facts(told.get(lead, []))
    return {lead: _judged(row, behaviour.get(lead, []), policy, at, said.get(lead), champion) for lead, row in people.items()}


async def behaviours_of(connection: AsyncConnection, leads: Sequence[UUID], policy: Policy, at: datetime) -> dict[UUID, list[Behaviour]]:
    """What leads did, by kind: summed up by PostgreSQL, for a heavy visitor has many thousand engagements."""
    half_life = policy.score.points.half_life.total_seconds()
    found: dict[UUID, list[Behaviour]] = {}
    for row in await connection.execute(_BEHAVIOUR, {"leads": list(leads), "at": at, "half_life": half_life, "most": MOST_HALVINGS}):
        found.setdefault(row.lead_id, []).append(Behaviour(row.kind, row.times, row.weight, row.last))
    return found


async def _asked(
    connection: AsyncConnection, version: str, leads: Mapping[UUID, datetime], judge: Judge | None
) -> Mapping[UUID, Judgement]:
    cause = "this worker was started without models"
    if judge is not None:
        try:
            return await judge.judge(connection, version, leads)
        except ModelUnusable as err:
            cause = str(err)
    await connection.execute(_NOTE, {"version": version, "cause": cause})
    FELL_BACK.inc(len(leads))
    _log.error("the model in service cannot be used, so the points table scores", model=version, cause=cause)
    return {}


def _judged(
    person: Mapping[str, Any], behaviour: list[Behaviour], policy: Policy, at: datetime, said: Judgement | None, champion: str | None
) -> Judged:
    facts = facts_of(person, person["enrichment"], person["answers"])
    points = points_of(facts, behaviour, policy)
    engaged_at = max((min(done.last, at) for done in behaviour), default=None)
    known = known_of(facts, points.total, policy, named_account=person["account_id"] is not None, engaged_at=engaged_at)
    if said is None or champion is None:
        reasons = [reason.document() for reason in points.reasons]
        score, judgement = policy.points_as_score(points.total), by_points(behaviour, points.total, policy)
        return Judged(known, score, None, POINTS, reasons, judgement, person)
    return Judged(known, round(100 * said.probability, 1), said.probability, champion, said.reasons, said.said, person)
