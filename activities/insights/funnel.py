"""The funnel: how many leads became MQL, SAL, SQL and won, how fast, and which kinds of leads do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.insights.asked import Asked
from activities.insights.figures import Chart, Column, Insight, Share, Table
from activities.insights.queries import Row, cells, quantiles, spans, total

STAGES = ("mql", "sal", "sql", "won")
STEPS = (("arrival", "mql"), ("mql", "sal"), ("sal", "sql"), ("mql", "sql"), ("sql", "won"), ("arrival", "won"))
"""From which stage to which; the last one is the sales cycle."""
_NAMES = {"arrival": "Arrival", "mql": "MQL", "sal": "SAL", "sql": "SQL", "won": "Won"}
NO, LATER, IN_TIME = 0, 1, 2
"""How far a lead got: not to this stage, to it but not within the horizon, to it in time."""
REACHED = frozenset({LATER, IN_TIME})


def way(stage: str) -> str:
    """The expression that says how a journey got to a stage."""
    return f"CASE WHEN j.to_{stage} <= :horizon THEN {IN_TIME} WHEN j.to_{stage} IS NOT NULL THEN {LATER} ELSE {NO} END"


_WAYS = {stage: way(stage) for stage in STAGES} | {"old": "j.arrived_at <= :old"}
_SPANS = {
    f"{since}_{to}": f"j.to_{to}" if since == "arrival" else f"CASE WHEN j.to_{to} >= j.to_{since} THEN j.to_{to} - j.to_{since} END"
    for since, to in STEPS
}
_SOMEWHERE = "(j.to_mql IS NOT NULL OR j.to_sal IS NOT NULL OR j.to_sql IS NOT NULL OR j.to_won IS NOT NULL)"


async def funnel(connection: AsyncConnection, asked: Asked) -> Insight:
    """The funnel of the leads that arrived in the time asked for.

    Counts are as of now. Rates are of leads that arrived at least `horizon` ago, and count what they reached within `horizon`
    of arriving: a lead that had no time yet neither flatters nor shames.
    """
    found = await cells(connection, _WAYS, asked)
    times = await spans(connection, _SPANS, asked, _SOMEWHERE)
    cycles = await quantiles(connection, "j.to_won", asked, found)
    mine = found.pop(None)
    groups = [_group(name, its, cycles.get(name)) for name, its in found.items()]
    return Insight("funnel", "Funnel", asked.facts, (_stages(mine), _steps(mine, times), _groups(groups, asked)), tuple(_said(mine, asked)))


def _stages(mine: Sequence[Row]) -> Table:
    leads = total(mine)
    counts = {"Leads": leads} | {_NAMES[stage]: total(mine, **{stage: REACHED}) for stage in STAGES}
    found = [{"stage": name, "leads": count, "share": Share(count, leads)} for name, count in counts.items()]
    columns = (Column("stage", "Stage", "text"), Column("leads", "Leads so far"), Column("share", "Of all leads so far", "share"))
    note = (
        "As of now, young leads included; a lead counts in every stage it ever reached, so a stage may hold leads that "
        "skipped the one before."
    )
    question, empty = "How many of the leads get how far?", "No lead arrived in this time."
    return Table("stages", question, columns, found, Chart("bar", "stage", ("leads",)), note, empty, fixed=True)


def _steps(mine: Sequence[Row], times: Mapping[str, list[float] | None]) -> Table:
    found = []
    for since, to in STEPS:
        median, p90 = times[f"{since}_{to}"] or (None, None)
        found.append({"step": f"{_NAMES[since]} to {_NAMES[to]}", "rate": _rate(mine, since, to), "median": median, "p90": p90})
    columns = (
        Column("step", "Step", "text"),
        Column("rate", "Take it in time", "share"),
        Column("median", "Median time", "seconds"),
        Column("p90", "90 % take at most", "seconds"),
    )
    note = (
        "Rates are of leads old enough and count what came in time, see above; times are of all that took the step so far. "
        "Arrival to won is the sales cycle."
    )
    question, empty = (
        "Which step loses leads, and which one takes long?",
        "No lead took a step yet, and none is old enough to say that it will not.",
    )
    return Table("steps", question, columns, found, Chart("bar", "step", ("rate",)), note, empty, fixed=True)


def _groups(rows: Sequence[dict[str, Any]], asked: Asked) -> Table:
    columns = (
        Column("group", asked.by.capitalize(), "text"),
        Column("leads", "Leads"),
        *(Column(stage, _NAMES[stage]) for stage in STAGES),
        Column("mql_per_sql", "MQL per SQL", "number"),
        Column("old", "Old enough"),
        Column("mql_rate", "MQL in time", "share"),
        Column("sql_rate", "SQL per MQL in time", "share"),
        Column("won_rate", "Won in time", "share"),
        Column("cycle_median", "Median sales cycle", "seconds"),
        Column("cycle_p90", "90 % within", "seconds"),
    )
    question = "Do later weeks' leads do better?" if asked.by == "week" else f"Which {asked.by} brings leads that are won?"
    chart = Chart("line" if asked.by == "week" else "bar", "group", ("won_rate",))
    return Table("groups", question, columns, rows, chart, "", "No lead arrived in this time.")


def _group(name: str | None, mine: Sequence[Row], cycle: list[float] | None) -> dict[str, Any]:
    reached = {stage: total(mine, **{stage: REACHED}) for stage in STAGES}
    median, p90 = cycle or (None, None)
    return {
        "group": name,
        "leads": total(mine),
        "old": total(mine, old=True),
        **reached,
        "mql_per_sql": reached["mql"] / reached["sql"] if reached["sql"] else None,
        "mql_rate": _rate(mine, "arrival", "mql"),
        "sql_rate": _rate(mine, "mql", "sql"),
        "won_rate": _rate(mine, "arrival", "won"),
        "cycle_median": median,
        "cycle_p90": p90,
    }


def _rate(mine: Sequence[Row], since: str, to: str) -> Share:
    """Of the leads old enough that got to one stage in time, those that got to another in time."""
    begun = {} if since == "arrival" else {since: IN_TIME}
    return Share(total(mine, old=True, **begun, **{to: IN_TIME}), total(mine, old=True, **begun))


def _said(mine: Sequence[Row], asked: Asked) -> Iterator[str]:
    leads, old = total(mine), total(mine, old=True)
    mql, sql = total(mine, mql=REACHED), total(mine, sql=REACHED)
    if leads:
        yield (
            f"Rates count what leads reach within {asked.days} day{'' if asked.days == 1 else 's'} of arriving; "
            f"{leads - old:,} of {leads:,} {'is' if leads - old == 1 else 'are'} left out of them as too young for that."
        )
    if sql:
        yield f"{mql / sql:.1f} MQL for each SQL so far ({mql:,} to {sql:,})."
