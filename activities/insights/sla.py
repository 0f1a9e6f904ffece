"""The agreement kept: how soon leads were contacted, whom they waited for until then, and how late our own deadlines are."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.insights.asked import Asked
from activities.insights.figures import Chart, Column, Insight, Share, Table
from activities.insights.queries import Row, cells, quantiles, rows, spans, total

LIMITS = {"within_1h": 1, "within_24h": 24, "within_48h": 48}
"""Hours to the first contact."""
WAITED = {
    "system": "our machines",
    "late": "our late timers",
    "sales": "any rep",
    "owner": "the owner",
    "reviewer": "a reviewer",
    "marketer": "a marketer",
    "agreed": "nurture",
}
"""Whom a lead waits for, in words."""
OURS = ("system", "late")
PEOPLE = ("sales", "owner", "reviewer", "marketer")


# Numbered by the limits from the longest: 0 is later than all, 3 within the shortest, null not at all; the age of a lead likewise,
# where 0 is older than all and 3 younger than the shortest.
_WAYS = {
    "soon": "width_bucket(-j.to_contact, CAST(:limits AS float8[]))",
    "age": "width_bucket(j.arrived_at, CAST(:ages AS timestamptz[]))",
}
_SUMS = tuple(f"waited_{who}" for who in WAITED)
_TOTALS = tuple(
    f"count(*) FILTER (WHERE waited_{who} > 0) AS {who}_leads, sum(waited_{who}) AS {who}_sum, max(waited_{who}) AS {who}_max"
    for who in WAITED
)
_LATE = """
    WITH cells AS MATERIALIZED (SELECT kind, late_ms, count(*) AS acts FROM overruns WHERE at >= :since AND at < :until GROUP BY 1, 2),
    kinds AS (SELECT kind, late_ms, acts FROM cells UNION ALL SELECT NULL, late_ms, sum(acts) FROM cells GROUP BY late_ms),
    summed AS (
        SELECT kind, late_ms, sum(acts) OVER w AS up_to, sum(acts) OVER (PARTITION BY kind) AS acts
        FROM kinds WINDOW w AS (PARTITION BY kind ORDER BY late_ms))
    SELECT kind, CAST(max(acts) AS bigint) AS acts, min(late_ms) FILTER (WHERE up_to >= 0.5 * acts) AS p50,
        min(late_ms) FILTER (WHERE up_to >= 0.99 * acts) AS p99, max(late_ms) AS latest
    FROM summed GROUP BY kind ORDER BY kind NULLS FIRST"""


async def sla(connection: AsyncConnection, asked: Asked) -> Insight:
    """How the agreement was kept with the leads that arrived in the time asked for. Deadlines count when they were acted on."""
    limits = [hours * asked.hour for hours in reversed(LIMITS.values())]
    found = await cells(
        connection, _WAYS, asked, _SUMS, limits=[-limit.total_seconds() for limit in limits], ages=[asked.now - limit for limit in limits]
    )
    times = await quantiles(connection, "j.to_contact", asked, found)
    waits = await spans(connection, {who: f"nullif(j.waited_{who}, 0)" for who in WAITED}, asked, "j.to_contact IS NOT NULL", _TOTALS)
    late = await rows(connection, _LATE, asked)
    tables = (_contact(found, times, asked), _waits(waits), _lateness(late))
    return Insight("sla", "Service levels", asked.facts, tables, tuple(_said(found[None], waits, late)))


def _share(mine: Sequence[Row], limit: int) -> Share:
    """Of the leads that are as old as a limit, those contacted within it; limits by their number."""
    old = [cell for cell in mine if cell["age"] <= len(LIMITS) - 1 - limit]
    return Share(sum(cell["leads"] for cell in old if cell["soon"] is not None and cell["soon"] >= len(LIMITS) - limit), total(old))


def _contact(found: Mapping[str | None, Sequence[Row]], times: Mapping[str | None, list[float]], asked: Asked) -> Table:
    columns = (
        Column("group", asked.by.capitalize(), "text"),
        Column("leads", "Leads"),
        Column("contacted", "Contacted so far"),
        Column("within_1h", "Within 1 h", "share"),
        Column("within_24h", "Within 24 h", "share"),
        Column("within_48h", "Within 48 h", "share"),
        Column("median", "Median time", "seconds"),
        Column("p90", "90 % within", "seconds"),
        Column("ours", "Mean wait: us", "seconds"),
        Column("people", "Mean wait: people", "seconds"),
        Column("agreed", "Mean wait: nurture", "seconds"),
    )
    listed = []
    for name, mine in found.items() if total(found[None]) else ():
        contacted = [cell for cell in mine if cell["soon"] is not None]
        median, p90 = times.get(name) or (None, None)
        mean = {side: _mean(contacted, who) for side, who in (("ours", OURS), ("people", PEOPLE), ("agreed", ("agreed",)))}
        within = {limit: _share(mine, number) for number, limit in enumerate(LIMITS)}
        shown = {"group": name or "all leads", "leads": total(mine), "contacted": total(contacted), **within, "median": median, "p90": p90}
        listed.append({**shown, **mean})
    note = (
        "By the clock on the wall, nights and weekends included. A lead counts once it is as old as the limit. Times "
        "and waits are of leads that were contacted."
    )
    return Table(
        "contact",
        "How soon do we reach a lead?",
        columns,
        listed,
        Chart("bar", "group", tuple(LIMITS)),
        note,
        "No lead arrived in this time.",
    )


def _mean(contacted: Sequence[Row], who: Iterable[str]) -> float | None:
    leads = total(contacted)
    return sum(cell[f"waited_{one}"] or 0 for cell in contacted for one in who) / leads if leads else None


def _waits(waits: Row) -> Table:
    columns = (
        Column("who", "Waiting for", "text"),
        Column("side", "Whose delay", "text"),
        Column("leads", "Leads that did"),
        Column("median", "Median wait", "seconds"),
        Column("p90", "90 % at most", "seconds"),
        Column("longest", "Longest", "seconds"),
        Column("total", "All together", "seconds"),
    )
    found = []
    for who, words in WAITED.items():
        median, p90 = waits[who] or (None, None)
        side = "system" if who in OURS else "human" if who in PEOPLE else "agreed"
        figures = {
            "leads": waits[f"{who}_leads"],
            "median": median,
            "p90": p90,
            "longest": waits[f"{who}_max"],
            "total": waits[f"{who}_sum"],
        }
        found.append({"who": words, "side": side, **figures})
    note = (
        "Of leads that were contacted: their time from arrival to first contact, every second of it waiting for one, but for the time "
        "they were disqualified. Our machines score and look for a rep; our late timers had a deadline to act on; any rep could have "
        "claimed it, or none was free; nurture is as agreed."
    )
    question, empty = "Who waits longest, and for whom?", "No lead that arrived in this time was contacted yet."
    return Table("waits", question, columns, found, Chart("bar", "who", ("median",)), note, empty, fixed=True)


def _lateness(late: list[Row]) -> Table:
    columns = (
        Column("kind", "Deadline", "text"),
        Column("acts", "Acted on"),
        Column("p50", "Median lateness", "seconds"),
        Column("p99", "99 % at most", "seconds"),
        Column("latest", "Latest", "seconds"),
    )
    found = [
        {
            "kind": (row["kind"] or "all deadlines").replace("_", " "),
            "acts": row["acts"],
            "p50": row["p50"] / 1000,
            "p99": row["p99"] / 1000,
            "latest": row["latest"] / 1000,
        }
        for row in late
    ]
    note = (
        "From the moment a deadline ran out to the ledger's first entry after it, whatever had to be done in between, "
        "in whole milliseconds."
    )
    chart = Chart("bar", "kind", ("p50", "p99"))
    return Table("lateness", "How late do we act on our own deadlines?", columns, found, chart, note, "No deadline ran out in this time.")


def _said(mine: Sequence[Row], waits: Row, late: list[Row]) -> Iterator[str]:
    share = _share(mine, tuple(LIMITS).index("within_24h"))
    if share.of:
        yield f"{share.rate:.0%} of leads were contacted within 24 hours ({share.count:,} of {share.of:,})."
    ours, people = (sum(waits[f"{who}_sum"] or 0 for who in side) for side in (OURS, PEOPLE))
    if ours + people:
        yield (
            f"Of the time that was not nurture as agreed, {ours / (ours + people):.1%} was our delay and "
            f"{people / (ours + people):.1%} people's."
        )
    if late:
        yield f"{late[0]['acts']:,} deadlines were acted on, the latest {late[0]['latest'] / 1000:,.3f} s after it ran out."
