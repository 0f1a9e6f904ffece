"""The points table: what a lead's facts and engagement are worth, and why, in words a rep understands.

Every engagement's points halve each `half_life`: after an age of t they are worth `points * 2 ** (-t / half_life)`. This is
exponential decay, the recency weighting that marketing-automation tools call score degradation or decay; unlike points
that expire on a date, it ranks by recency at every age, and the sum does not depend on when it is worked out in between.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from activities.scoring import phrases
from models.policy import Policy
from models.rules import Facts, pattern_holds

MOST_HALVINGS = 1000
"""Beyond this age a point is worth nothing; PostgreSQL and Python would refuse to count that low."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a lead did of one kind.

    Args:
        kind: of engagement.
        count: how often.
        weight: how often it still counts as, each one halved every half-life.
        last: when the latest was.
    """

    kind: str
    count: int
    weight: float
    last: datetime


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a lead has some of its points.

    Args:
        text: a sentence for people.
        points: how many.
        at: when the latest engagement behind it was; None for a fact.
    """

    text: str
    points: float
    at: datetime | None = None

    def document(self) -> dict[str, Any]:
        """As JSON, as it stands in `leads.reasons` and `scores.reasons`."""
        return {"text": self.text, "points": round(self.points, 1), "at": self.at.isoformat() if self.at else None}


@dataclass(frozen=True, slots=True)
class Points:
    """What a lead is worth by the points table.

    Args:
        total: the sum.
        reasons: what it consists of, the weightiest first.
    """

    total: float
    reasons: tuple[Reason, ...]


def score_points(facts: Facts, engagements: Sequence[tuple[str, datetime]], policy: Policy, at: datetime) -> Points:
    """Add up the points of a lead whose engagements are at hand one by one.

    Args:
        facts: what is known of it.
        engagements: kind and time of each; one in the future counts as now.
        policy: whose table it is.
        at: the moment to judge as of.
    """
    return points_of(facts, behaviours(engagements, policy.score.points.half_life, at), policy)


def behaviours(engagements: Iterable[tuple[str, datetime]], half_life: timedelta, at: datetime) -> list[Behaviour]:
    """Sum engagements up by kind, decayed as of a moment."""
    found: dict[str, Behaviour] = {}
    for kind, when in engagements:
        was = found.get(kind, Behaviour(kind, 0, 0.0, when))
        found[kind] = Behaviour(kind, was.count + 1, was.weight + decay(at - when, half_life), max(was.last, when))
    return list(found.values())


def decay(age: timedelta, half_life: timedelta) -> float:
    """What is left of one point after this long."""
    halvings = max(age / half_life, 0.0)
    return math.exp2(-min(halvings, MOST_HALVINGS))


def points_of(facts: Facts, behaviour: Iterable[Behaviour], policy: Policy) -> Points:
    """Add up the points of a lead whose engagements were summed up by kind already."""
    reasons = [*_explicit(facts, policy.score.points.explicit), *_implicit(behaviour, policy.score.points.implicit)]
    reasons.sort(key=lambda reason: -reason.points)
    return Points(sum(reason.points for reason in reasons), tuple(reasons))


def _explicit(facts: Facts, table: Mapping[str, Mapping[str, float]]) -> Iterable[Reason]:
    for name, patterns in table.items():
        fact = facts.get(name)
        worth = [points for pattern, points in patterns.items() if pattern_holds(pattern, fact)]
        if worth and fact is not None:
            yield Reason(phrases.fact(name, fact), max(worth))


def _implicit(behaviour: Iterable[Behaviour], table: Mapping[str, float]) -> Iterable[Reason]:
    for done in behaviour:
        points = table.get(done.kind, 0.0) * done.weight
        if round(points, 1):
            yield Reason(phrases.did(done.kind, done.count, done.last), points, done.last)


def next_points(behaviour: Iterable[Behaviour], points: float, policy: Policy) -> dict[str, float]:
    """What the score would be after each thing the table gives points for, by its words: “another demo view”.

    Args:
        behaviour: what the lead did.
        points: what it has.
        policy: whose table it is.
    """
    done = {did.kind for did in behaviour}
    table = policy.score.points.implicit
    return {phrases.one_more(kind, kind in done): policy.points_as_score(points + worth) for kind, worth in table.items()}
