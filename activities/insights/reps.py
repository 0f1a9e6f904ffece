"""The reps: what they took, what they did with it in time, and how it went against the scores of what they were given."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.insights.asked import Asked
from activities.insights.figures import Chart, Column, Insight, Share, Table
from activities.insights.queries import Row, rows

COUNTS = {
    "taken": ("Taken", "true"),
    "claimed": ("Claimed", "began = 'claimed'"),
    "contacts": ("Contacted", "contacted_at IS NOT NULL"),
    "lapsed": ("Let lapse", "ended = 'lapsed' AND contacted_at IS NULL AND NOT excused"),
    "sat_on": ("Of these never tried", "ended = 'lapsed' AND contacted_at IS NULL AND attempts = 0 AND NOT excused"),
    "meager": ("Too little follow-up", "ended = 'meager' AND NOT excused"),
    "went_quiet": ("Went quiet", "ended = 'lapsed' AND contacted_at IS NOT NULL AND NOT excused"),
    "excused": ("While away", "excused"),
    "handed_back": ("Handed back", "ended = 'released'"),
    "sql": ("SQL", "sql_at IS NOT NULL"),
    "won": ("Won", "won_at IS NOT NULL"),
}
"""What is counted of a rep's tenures: its label, and which they are."""

# What the team makes of leads of the same score, in bands of ten, is what could be expected of anybody.
_FIGURES = f"""
    WITH t AS MATERIALIZED (
        SELECT *, coalesce(width_bucket(score, 0, 100, 10), 0) AS band, since <= :old AS ripe,
            since <= :old AND sql_at <= since + CAST(:span AS interval) AS became
        FROM tenures WHERE since >= :since AND since < :until),
    bands AS (SELECT band, count(*) FILTER (WHERE became)::float8 / count(*) AS rate FROM t WHERE ripe GROUP BY band)
    SELECT rep_id, {", ".join(f"count(*) FILTER (WHERE {what}) AS {name}" for name, (_, what) in COUNTS.items())},
        count(*) FILTER (WHERE contacted_at IS NOT NULL OR (ended = 'lapsed' AND NOT excused)) AS due,
        count(*) FILTER (WHERE ripe) AS ripe, count(*) FILTER (WHERE became) AS became, sum(rate) FILTER (WHERE ripe) AS expected
    FROM t LEFT JOIN bands USING (band) GROUP BY GROUPING SETS ((rep_id), ())"""  # noqa: S608 - constants of ours
_REPS = """
    SELECT u.id, u.name, u.capacity, count(j.lead_id) AS held, count(j.lead_id) FILTER (WHERE j.deadline_at < :now) AS overdue,
        count(j.lead_id) FILTER (WHERE j.stage IN ('claimed', 'assigned')) AS to_contact
    FROM users u LEFT JOIN journeys j ON j.owner_id = u.id AND NOT j.closed
    WHERE 'rep' = ANY(u.roles) OR u.id = ANY(:seen) GROUP BY u.id ORDER BY u.name, u.id"""


async def reps(connection: AsyncConnection, asked: Asked, only: UUID | None = None) -> Insight:
    """What each rep did with the leads they took in the time asked for.

    Args:
        connection: to the database.
        asked: tenures belong to the moment they began.
        only: whose row is shown, with nobody else's and not the team's; everybody's when left out.
    """
    found = {row["rep_id"]: row for row in await rows(connection, _FIGURES, asked)}
    team = found.pop(None)
    people = await rows(connection, _REPS, asked, seen=list(found))
    shown = [_row(person, found.get(person["id"])) for person in people if only in (None, person["id"])]
    shown = [row for row in shown if row["taken"] or row["held"] or only]
    tables = [_work(shown), _conversion(shown), _load(shown)]
    if only is None:
        tables.append(_patterns(team))
    return Insight("reps", "Reps", asked.facts, tuple(tables), tuple(_said(shown, asked)))


def _row(person: Row, counted: Row | None) -> dict[str, Any]:
    row = counted or dict.fromkeys((*COUNTS, "due", "ripe", "became"), 0) | {"expected": None}
    expected = float(row["expected"]) if row["expected"] is not None else None
    observed = Share(row["became"], row["ripe"])
    low, high = observed.interval
    rate = expected / row["ripe"] if expected is not None and row["ripe"] else None
    verdict = "too few to tell" if rate is None else "above" if rate < low else "below" if rate > high else "as expected"
    return {
        "rep_id": person["id"],
        "rep": person["name"],
        **{name: row[name] for name in COUNTS},
        "in_time": Share(row["contacts"], row["due"]),
        "ripe": row["ripe"],
        "observed": observed,
        "expected": expected,
        "expected_rate": rate,
        "verdict": verdict,
        **{name: person[name] for name in ("held", "overdue", "to_contact", "capacity")},
    }


_WHO = (Column("rep", "Rep", "text"),)
_ID = (Column("rep_id", "", "text"),)


def _work(found: list[dict[str, Any]]) -> Table:
    columns = (*_ID, *_WHO, *(Column(name, label) for name, (label, _) in COUNTS.items()), Column("in_time", "Contact in time", "share"))
    note = (
        "A tenure is one stretch of time in which a rep had a lead. In time is of those in which contact was made or "
        "time ran out; nobody is blamed for a deadline that passed while they were away."
    )
    return Table(
        "reps", "Who makes contact in time?", columns, found, Chart("bar", "rep", ("in_time",)), note, "Nobody took a lead in this time."
    )


def _conversion(found: list[dict[str, Any]]) -> Table:
    columns = (
        *_ID,
        *_WHO,
        Column("ripe", "Old enough"),
        Column("observed", "Became SQL in time", "share"),
        Column("expected", "Expected of their scores", "number"),
        Column("verdict", "Against that", "text"),
    )
    rows = [row for row in found if row["ripe"]]
    note = (
        "Expected is what the whole team made of leads with the same scores, in bands of ten; above or below only where "
        "the interval excludes it."
    )
    return Table(
        "conversion",
        "Who makes more of their leads than their scores promise?",
        columns,
        rows,
        Chart("bar", "rep", ("observed",)),
        note,
        "No tenure is old enough yet.",
    )


def _load(found: list[dict[str, Any]]) -> Table:
    columns = (
        *_ID,
        *_WHO,
        Column("held", "Has now"),
        Column("to_contact", "To be contacted"),
        Column("overdue", "Overdue"),
        Column("capacity", "Capacity"),
    )
    note = "As of now, whatever the time asked for. No capacity of their own: the agreement's limit holds."
    return Table("load", "Who has how much on their desk now?", columns, found, Chart("bar", "rep", ("held",)), note, "There is no rep.")


def _patterns(team: Row) -> Table:
    found = [{"what": label, "tenures": team[name]} for name, (label, _) in COUNTS.items()]
    return Table(
        "team",
        "What does the team do with what it takes?",
        (Column("what", "What", "text"), Column("tenures", "Tenures")),
        found,
        Chart("bar", "what", ("tenures",)),
        empty="Nobody took a lead in this time.",
        fixed=True,
    )


def _said(found: list[dict[str, Any]], asked: Asked) -> Iterator[str]:
    for row in sorted(found, key=lambda row: -row["sat_on"])[:3]:
        if row["sat_on"] >= 3:
            yield f"{row['rep']} let {row['sat_on']:,} leads lapse without trying once, of {row['taken']:,} taken."
    for row in found:
        if row["verdict"] in ("above", "below"):
            yield (
                f"{row['rep']} made {row['observed'].count:,} SQL of {row['ripe']:,} leads; {row['expected']:.1f} were to be "
                "expected of their scores."
            )
