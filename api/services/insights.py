"""Insights: what is asked made exact, the ledger folded up to now, the figures counted."""

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import policies
from activities.database import Database
from activities.insights.asked import EARLIEST, GROUPS, USUAL, Asked, moment
from activities.insights.figures import Insight
from activities.insights.funnel import funnel
from activities.insights.holes import holes
from activities.insights.journeys import catch_up
from activities.insights.overrides import overrides
from activities.insights.queries import calmly
from activities.insights.reps import reps
from activities.insights.review import review
from activities.insights.scoring import scoring
from activities.insights.sla import sla
from activities.insights.sources import sources
from activities.leads_csv import harmless
from api.auth import Principal
from api.errors import Invalid
from models.lifecycle import Role
from models.schemas.insights import InsightName, InsightQuery
from models.settings import Settings

PAUSE = 2.0
"""Seconds between two looks for what is not folded yet."""

BY: Mapping[InsightName, tuple[str, ...]] = {
    InsightName.FUNNEL: tuple(GROUPS),
    InsightName.SLA: ("tier", *(name for name in GROUPS if name != "tier")),
    InsightName.REPS: ("rep",),
    InsightName.SOURCES: ("source", *(name for name in GROUPS if name != "source")),
    InsightName.SCORING: ("score",),
    InsightName.OVERRIDES: ("tier",),
    InsightName.HOLES: ("stage",),
    InsightName.REVIEW: ("lead",),
}
"""What each insight can be divided by, the usual first."""
_COUNT: Mapping[InsightName, Callable[[AsyncConnection, Asked], Awaitable[Insight]]] = {
    InsightName.FUNNEL: funnel,
    InsightName.SLA: sla,
    InsightName.SOURCES: sources,
    InsightName.SCORING: scoring,
    InsightName.OVERRIDES: overrides,
    InsightName.HOLES: holes,
    InsightName.REVIEW: review,
}
_log = structlog.get_logger()


async def insight(database: Database, settings: Settings, me: Principal, name: InsightName, query: InsightQuery) -> Insight:
    """An insight as of now.

    Args:
        database: where.
        settings: how long an hour takes.
        me: who asks: a manager sees every rep, everybody else only themselves.
        name: which one.
        query: over which time, divided by what.

    Returns:
        Its facts say whether it is `complete`: it is not while the ledger is being folded for the first time.

    Raises:
        Invalid: when it cannot be divided by that, or the time ends before it begins.
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    complete = await catch_up(database)
    async with database.connection() as connection:
        zone = (await policies.latest(connection)).clock.timezone
        asked = _asked(name, query, zone, settings)
        await calmly(connection)
        if name is InsightName.REPS:
            found = await reps(connection, asked, None if me.has(Role.MANAGER) else me.id)
        else:
            found = await _COUNT[name](connection, asked)
    told: tuple[str, ...] = (
        () if me.has(Role.MANAGER) or name is not InsightName.REPS else ("Managers see every rep here, everybody else only themselves.",)
    )
    told += () if complete else ("The ledger is still being counted: these figures are of a part of the leads. Look again in a minute.",)
    return replace(found, facts={**found.facts, "complete": complete}, said=(*told, *found.said))


def _asked(name: InsightName, query: InsightQuery, zone: str, settings: Settings) -> Asked:
    now = datetime.now(UTC)
    by = query.by or BY[name][0]
    if by not in BY[name]:
        raise Invalid({"by": f"must be {' or '.join(BY[name])}"})
    since = moment(query.since, zone) if query.since else now - USUAL
    until = moment(query.until, zone, end=True) if query.until else now
    if since >= until:
        raise Invalid({"until": "must be later than since"})
    hour = timedelta(seconds=settings.demo_hour) if settings.demo_hour else timedelta(hours=1)
    return Asked(max(since, EARLIEST), until, by, zone, now, query.horizon, hour)


def as_csv(found: Insight, table: str | None) -> str:
    """One table of an insight as CSV.

    Args:
        found: the insight.
        table: the table's key; the first one when left out.

    Raises:
        Invalid: when it has no such table.
    """
    tables = {each.key: each for each in found.tables}
    chosen = tables.get(table) if table else found.tables[0]
    if chosen is None:
        raise Invalid({"table": f"must be {' or '.join(tables)}"})
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in chosen.cells()])
    return text.getvalue()


async def run(database: Database) -> None:
    """Fold what changed, for ever, so that little is left to do for whoever reads."""
    while True:
        try:
            complete = await catch_up(database)
        except (SQLAlchemyError, OSError) as err:
            _log.warning("what the insights are counted from is behind", error=type(err).__name__)
            complete = True
        await asyncio.sleep(PAUSE if complete else 0)
