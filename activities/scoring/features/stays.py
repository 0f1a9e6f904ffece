"""How long people usually stay on pages: worked out once a day, and kept, so that it can be asked for as of any moment."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.scoring.features.known import Deed, Usual
from activities.scoring.features.pages import LONGEST_STAY, PAGES
from models.locks import STAYS_LOCK

FEWEST: Final = 20
"""Views of a page by which it is judged; below, its words or its height are."""
_LATEST: Final = 200_000
"""Views looked at: a bounded piece of work however many there are."""
_MOST_PATHS: Final = 1000
_EVERY: Final = "1 day"


def _number(name: str) -> str:
    """SQL for a property as a number, however large somebody wrote it."""
    value = f"e.properties -> '{name}'"
    return f"CASE WHEN jsonb_typeof({value}) = 'number' THEN CAST(least(CAST({value} AS numeric), 1e9) AS float) END"


_DUE = text(
    f"""
    SELECT clock_timestamp() WHERE pg_try_advisory_xact_lock({STAYS_LOCK})
        AND NOT EXISTS (SELECT FROM page_stays WHERE measure = 'done' AND at > clock_timestamp() - interval '{_EVERY}')"""  # noqa: S608
)
_WORK_OUT = text(
    f"""
    WITH numbers AS (
        SELECT e.properties ->> 'path' AS path, n.*
        FROM (SELECT e.* FROM engagements e WHERE e.kind = ANY(:kinds) ORDER BY e.id DESC LIMIT {_LATEST}) e CROSS JOIN LATERAL (
            SELECT {_number("seconds")} AS seconds, {_number("words")} AS words, {_number("page_height")} AS height) n
        WHERE coalesce(to_jsonb(e) ->> 'verdict', 'human') = 'human'),
    views AS (SELECT *, least(seconds, {LONGEST_STAY}) AS stay FROM numbers WHERE seconds >= 1),
    found AS (
        (SELECT 'path' AS measure, path, count(*) AS views, avg(ln(stay)) AS usual FROM views WHERE length(path) <= 500
         GROUP BY path HAVING count(*) >= {FEWEST} ORDER BY count(*) DESC LIMIT {_MOST_PATHS})
        UNION ALL SELECT 'word', '', count(*), avg(ln(stay / words)) FROM views WHERE words >= 1 HAVING count(*) >= {FEWEST}
        UNION ALL SELECT 'pixel', '', count(*), avg(ln(stay / height)) FROM views WHERE height >= 1 HAVING count(*) >= {FEWEST}
        UNION ALL SELECT 'done', '', count(*), NULL FROM views)
    INSERT INTO page_stays (at, measure, path, views, usual)
    SELECT :at, measure, path, views, usual FROM found"""  # noqa: S608 - constants of ours
)
_USUAL = text(
    """
    WITH asked AS (
        SELECT m.lead, (SELECT max(s.at) FROM page_stays s WHERE s.measure = 'done' AND s.at <= m.at) AS at
        FROM unnest(CAST(:leads AS uuid[]), CAST(:moments AS timestamptz[])) AS m (lead, at))
    SELECT a.at, array_agg(a.lead) AS leads, s.measure, s.path, s.usual
    FROM asked a JOIN page_stays s ON s.at = a.at AND (s.measure IN ('word', 'pixel') OR s.measure = 'path' AND s.path = ANY(:paths))
    GROUP BY a.at, s.measure, s.path, s.usual"""
)


async def work_out(database: Database) -> None:
    """Work out how long people stay on pages now, unless that was done less than a day ago or somebody else is at it.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.connection() as connection:
        at = (await connection.execute(_DUE)).scalar_one_or_none()
        if at is not None:
            await connection.execute(_WORK_OUT, {"kinds": sorted(PAGES), "at": at})


async def usual_stays(
    connection: AsyncConnection, moments: Mapping[UUID, datetime], deeds: Mapping[UUID, Sequence[Deed]]
) -> dict[UUID, Usual]:
    """How long people usually stayed on the pages these leads saw, by what was worked out last before each lead's moment.

    Args:
        connection: to the database.
        moments: for each lead the moment.
        deeds: what each lead did.
    """
    seen = {lead: {deed.properties.get("path") or "" for deed in did if deed.kind in PAGES} for lead, did in deeds.items()}
    seen = {lead: paths for lead, paths in seen.items() if paths}
    if not seen:
        return {}
    what = {"leads": list(seen), "moments": [moments[lead] for lead in seen], "paths": sorted(set().union(*seen.values()))}
    by_moment: dict[datetime, dict[tuple[str, str], float]] = {}
    of_lead: dict[UUID, datetime] = {}
    for row in (await connection.execute(_USUAL, what)).all():
        by_moment.setdefault(row.at, {})[row.measure, row.path] = row.usual
        of_lead |= dict.fromkeys(row.leads, row.at)
    found = {at: _usual(values) for at, values in by_moment.items()}
    return {lead: found[at] for lead, at in of_lead.items()}


def _usual(values: Mapping[tuple[str, str], float]) -> Usual:
    paths = {path: usual for (measure, path), usual in values.items() if measure == "path"}
    return Usual(paths, values.get(("word", "")), values.get(("pixel", "")))
