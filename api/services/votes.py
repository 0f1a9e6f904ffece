"""What sales thinks the data points of the points table are worth."""

import json
from collections.abc import Iterator, Sequence
from statistics import median, quantiles
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text

from activities import policies
from activities.database import Database
from api.auth import Principal
from api.errors import Conflict, Invalid
from api.services.wording import amended
from models.policy import Policy
from models.policy.changes import label
from models.schemas.policy import PointsView, PointView, Proposed, Vote, Votes, VotesProposed

_READ = text("SELECT user_id, point, value, stance FROM policy_votes ORDER BY point, user_id")
_WRITE = text(
    """
    INSERT INTO policy_votes (user_id, point, value, stance, at) VALUES (:user, :point, :value, :stance, now())
    ON CONFLICT (user_id, point) DO UPDATE SET value = excluded.value, stance = excluded.stance, at = excluded.at"""
)
_FORGET = text("DELETE FROM policy_votes WHERE user_id = :user AND point = :point")
_SHARE, _LEAST = 0.25, 5.0
"""A vote for more or less without a number moves a point by this share of what it is worth, and by no less than so many points."""


def points_of(policy: Policy) -> Iterator[tuple[str, str, float]]:
    """The data points sales votes on: id, label, points in force."""
    table = policy.score.points
    for fact, patterns in table.explicit.items():
        for pattern, points in patterns.items():
            yield f"explicit/{fact}/{pattern}", label(f"score.points.explicit.{fact}.{pattern}").removeprefix("Points, "), points
    for kind, points in table.implicit.items():
        yield f"implicit/{kind}", label(f"score.points.implicit.{kind}").removeprefix("Points for "), points


async def votes(database: Database, me: Principal) -> PointsView:
    """Every data point with what it is worth and what sales thinks of that."""
    async with database.autocommit() as connection:
        policy = await policies.latest(connection)
        rows = (await connection.execute(_READ)).all()
    cast: dict[str, list[tuple[UUID, Vote]]] = {}
    for row in rows:
        cast.setdefault(row.point, []).append((row.user_id, Vote(point=row.point, points=row.value, stance=row.stance)))
    items = [_point(name, words, worth, cast.get(name, []), me.id) for name, words, worth in points_of(policy)]
    known = {item.point for item in items}
    return PointsView(version=policy.version, voters=len({row.user_id for row in rows if row.point in known}), items=items)


async def vote(database: Database, me: Principal, wanted: Votes) -> PointsView:
    """Vote, or take votes back.

    Raises:
        Invalid: when there is no such data point, naming it; then no vote is stored.
    """
    async with database.connection() as connection:
        known = {name for name, _, _ in points_of(await policies.latest(connection))}
        unknown = [n for n, one in enumerate(wanted.votes) if one.point not in known]
        if unknown:
            raise Invalid({f"votes.{n}.point": "is no data point of the points table" for n in unknown})
        for one in wanted.votes:
            row: dict[str, Any] = {"user": me.id, "point": one.point}
            if one.points is None and one.stance is None:
                await connection.execute(_FORGET, row)
            else:
                await connection.execute(_WRITE, {**row, "value": one.points, "stance": one.stance})
    return await votes(database, me)


async def as_proposal(database: Database, me: Principal, wanted: VotesProposed) -> Proposed:
    """The agreement in force with every data point as sales' median has it, ready to be proposed.

    Raises:
        Conflict: when no median differs from what is in force.
    """
    found = await votes(database, me)
    differ = {item.point: item.median for item in found.items if item.median is not None and item.median != item.points}
    if not differ:
        raise Conflict("Nobody's votes differ from the points in force, so there is nothing to propose.")
    async with database.autocommit() as connection:
        current = await policies.of_version(connection, found.version)
    document = json.loads(current.agreed.document)
    table = document["score"]["points"]
    for point, worth in differ.items():
        kind, *path = point.split("/", 2)
        (table[kind][path[0]] if kind == "explicit" else table[kind])[path[-1]] = worth
    source = await amended(database, Policy.model_validate(document))
    return Proposed(source=source, why=wanted.why, takes_effect=wanted.takes_effect, based_on=found.version)


def _point(name: str, words: str, worth: float, cast: Sequence[tuple[UUID, Vote]], me: UUID) -> PointView:
    values = sorted(_value(vote, worth) for _, vote in cast)
    middle = median(values) if values else None
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (middle, None, middle)
    mine = next((vote for user, vote in cast if user == me), None)
    return PointView(
        point=name,
        label=words,
        points=worth,
        n=len(values),
        median=middle,
        low=low,
        high=high,
        agreement=_agreement(low, middle, high) if len(values) > 1 else None,
        mine=mine,
    )


def _value(vote: Vote, worth: float) -> float:
    if vote.points is not None:
        return vote.points
    return worth + (vote.stance or 0) * max(_LEAST, round(abs(worth) * _SHARE))


def _agreement(low: float | None, middle: float | None, high: float | None) -> Literal["agreed", "split"] | None:
    if low is None or middle is None or high is None:
        return None
    return "agreed" if high - low <= max(_LEAST, abs(middle) * _SHARE) else "split"
