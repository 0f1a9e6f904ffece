"""Black holes: open leads past their deadline, or without one. There must be none."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.insights.asked import Asked
from activities.insights.figures import Chart, Column, Insight, Table
from activities.insights.queries import Row, rows

GRACE = timedelta(seconds=60)
"""A deadline that ran out less long ago than this is being acted on now."""
_LISTED = 200

# Ages are read off the index in order: sorting every open lead would take longer than all the rest.
_STAGES = """
    SELECT counted.*, date_part('epoch', :now - median.since) AS median, date_part('epoch', :now - p90.since) AS p90
    FROM (
        SELECT stage, count(*) AS leads, date_part('epoch', :now - min(since)) AS oldest, min(deadline_at) AS next_due,
            count(*) FILTER (WHERE deadline_at IS NULL OR deadline_at < CAST(:now AS timestamptz) - CAST(:grace AS interval)) AS overdue
        FROM journeys WHERE NOT closed GROUP BY stage) counted,
    LATERAL (SELECT since FROM journeys j WHERE NOT j.closed AND j.stage = counted.stage
        ORDER BY since DESC OFFSET (counted.leads + 1) / 2 - 1 LIMIT 1) median,
    LATERAL (SELECT since FROM journeys j WHERE NOT j.closed AND j.stage = counted.stage
        ORDER BY since OFFSET counted.leads - ceil(counted.leads * 0.9)::bigint LIMIT 1) p90
    ORDER BY leads DESC, stage"""
_OVERDUE = """
    SELECT j.lead_id, coalesce(nullif(concat_ws(' ', l.first_name, l.last_name), ''), l.company, l.email, 'A lead') AS lead_name,
        j.stage, l.deadline_kind, u.name AS owner, j.since, j.deadline_at
    FROM journeys j JOIN leads l ON l.id = j.lead_id LEFT JOIN users u ON u.id = j.owner_id
    WHERE NOT j.closed AND (j.deadline_at IS NULL OR j.deadline_at < CAST(:now AS timestamptz) - CAST(:grace AS interval))
    ORDER BY j.deadline_at NULLS FIRST, j.lead_id LIMIT :listed"""


async def holes(connection: AsyncConnection, asked: Asked) -> Insight:
    """All open leads by stage, as of now whatever the time asked for, and those that nobody acted on when it was time."""
    stages = await rows(connection, _STAGES, asked, grace=GRACE)
    overdue = await rows(connection, _OVERDUE, asked, grace=GRACE, listed=_LISTED)
    return Insight("holes", "Black holes", asked.facts, (_overdue(overdue), _stages(stages, asked)), tuple(_said(stages)))


def _overdue(found: list[Row]) -> Table:
    columns = (
        Column("lead", "Lead", "lead"),
        Column("stage", "Stage", "text"),
        Column("owner", "Owner", "text"),
        Column("deadline_kind", "Due", "text"),
        Column("deadline_at", "Was due", "time"),
        Column("since", "In this stage since", "time"),
    )
    listed = [
        {
            **row,
            "lead": {"id": row["lead_id"], "name": row["lead_name"]},
            "stage": _words(row["stage"]),
            "deadline_kind": _words(row["deadline_kind"] or "nothing"),
        }
        for row in found
    ]
    note = (
        f"Open leads without a deadline, or whose deadline ran out more than {GRACE.total_seconds():.0f} seconds ago; the first {_LISTED}."
    )
    return Table(
        "overdue",
        "Which leads has everybody forgotten?",
        columns,
        listed,
        note=note,
        empty="None. Every open lead has somebody who must act, and a time by when.",
    )


def _stages(stages: list[Row], asked: Asked) -> Table:
    columns = (
        Column("stage", "Stage", "text"),
        Column("leads", "Open leads"),
        Column("median", "Median age in stage", "seconds"),
        Column("p90", "90 % at most", "seconds"),
        Column("oldest", "Oldest", "seconds"),
        Column("next_due", "Next due", "time"),
        Column("overdue", "Overdue"),
    )
    found = [{**row, "stage": _words(row["stage"])} for row in stages]
    return Table(
        "open",
        "How long have open leads been where they are?",
        columns,
        found,
        Chart("bar", "stage", ("median", "p90")),
        empty="No lead is open.",
    )


def _words(name: str) -> str:
    return name.replace("_", " ")


def _said(stages: list[Row]) -> Iterator[str]:
    overdue, leads = sum(row["overdue"] for row in stages), sum(row["leads"] for row in stages)
    if overdue:
        yield (
            f"{overdue:,} of {leads:,} open leads {'is' if overdue == 1 else 'are'} past the deadline. Run “twoway doctor”: "
            "either no worker runs, or Temporal is away."
        )
    else:
        within = "the one open lead is within its deadline" if leads == 1 else f"all {leads:,} open leads are within their deadlines"
        yield f"It is empty: {within}." if leads else "It is empty: no lead is open."
