"""Marketing's mirror: what each source and campaign brought, what sales made of it, and why it was refused."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.insights.asked import REST, UNKNOWN, Asked
from activities.insights.figures import Chart, Column, Insight, Share, Table
from activities.insights.funnel import IN_TIME, REACHED, way
from activities.insights.queries import COHORT, Row, cells, group_of, rows, total

ALWAYS = 0.8
"""From this share on a reason is said to be always the same."""
ENOUGH = 5
"""So many leads must have been refused before that is said."""
SOLID = 20
"""So many leads must be old enough before a campaign is praised."""
_MOST_REASONS = 60

_WAYS = {name: way(name) for name in ("sal", "refused", "sql", "won")} | {"old": "j.arrived_at <= :old"}
_REASONS = """
    SELECT CAST({group} AS text) AS "group", lower(btrim(n.reason, E' .\\t\\n')) AS reason, count(*) AS leads
    FROM journeys j LEFT JOIN notes n ON n.id = j.refused_note
    WHERE j.to_refused IS NOT NULL AND {cohort} GROUP BY 1, 2"""


async def sources(connection: AsyncConnection, asked: Asked) -> Insight:
    """What each group of the leads that arrived in the time asked for came to."""
    found = await cells(connection, _WAYS, asked, ("amount_usd",))
    why = await rows(connection, _REASONS.format(group=group_of(asked), cohort=COHORT), asked, unknown=UNKNOWN, weeks=asked.weeks)
    if asked.by == "week":
        why = [{**row, "group": asked.week(int(row["group"]))} for row in why]
    campaigns = found if asked.by == "campaign" else await cells(connection, _WAYS, replace(asked, by="campaign"), ("amount_usd",))
    best = _best(campaigns)
    said = (*_always(why, asked), *_praise(best))
    return Insight("sources", "Sources", asked.facts, (_volume(found, asked), _reasons(why, asked), best), said)


def _columns(name: str) -> tuple[Column, ...]:
    return (
        Column("group", name.capitalize(), "text"),
        Column("leads", "Leads"),
        Column("sal", "Accepted so far"),
        Column("refused", "Refused so far"),
        Column("sql", "SQL so far"),
        Column("won", "Won so far"),
        Column("amount", "Won, USD", "money"),
        Column("accepted", "Accepted in time", "share"),
        Column("turned_down", "Refused in time", "share"),
        Column("won_rate", "Won in time", "share"),
    )


def _row(name: str | None, mine: Sequence[Row]) -> Row:
    old = total(mine, old=True)
    return {
        "group": name or "all leads",
        "leads": total(mine),
        **{way: total(mine, **{way: REACHED}) for way in ("sal", "refused", "sql", "won")},
        "amount": sum(cell["amount_usd"] or 0 for cell in mine if cell["won"]),
        "accepted": Share(total(mine, old=True, sal=IN_TIME), old),
        "turned_down": Share(total(mine, old=True, refused=IN_TIME), old),
        "won_rate": Share(total(mine, old=True, won=IN_TIME), old),
    }


def _volume(groups: Mapping[str | None, Sequence[Row]], asked: Asked) -> Table:
    found = [_row(name, mine) for name, mine in groups.items()] if total(groups[None]) else []
    note = (
        "Accepted is SAL: a rep took it. Refused is what a person disqualified. In time is within the horizon of "
        "arriving, of leads that old."
    )
    question = f"Which {asked.by} brings what sales accepts?"
    return Table(
        "sources",
        question,
        _columns(asked.by),
        found,
        Chart("bar", "group", ("accepted", "turned_down")),
        note,
        "No lead arrived in this time.",
    )


def _reasons(why: list[Row], asked: Asked) -> Table:
    refused: dict[str, int] = defaultdict(int)
    for row in why:
        refused[row["group"]] += row["leads"]
    found = [
        {"group": row["group"], "reason": row["reason"] or "no reason is kept", "share": Share(row["leads"], refused[row["group"]])}
        for row in sorted(why, key=lambda row: (-refused[row["group"]], row["group"], -row["leads"], row["reason"] or ""))
    ][:_MOST_REASONS]
    columns = (
        Column("group", asked.by.capitalize(), "text"),
        Column("reason", "Reason", "text"),
        Column("share", "Of its refused leads", "share"),
    )
    note = "Reasons as people wrote them, alike but for capitals and full stops. An erased person's reason is forgotten."
    return Table("reasons", "Why are leads refused?", columns, found, note=note, empty="No lead of this time was refused.")


def _best(campaigns: Mapping[str | None, Sequence[Row]]) -> Table:
    rate = _row(None, campaigns[None])["accepted"].rate
    found = [_row(name, mine) for name, mine in campaigns.items() if name not in (None, REST, UNKNOWN)]
    found = [row for row in found if row["accepted"].of >= SOLID and row["accepted"].low > rate]
    found.sort(key=lambda row: -row["accepted"].rate)
    note = f"Campaigns of at least {SOLID} leads whose accepted share is above that of all leads even at the lower end of its interval."
    return Table(
        "best",
        "Which campaigns bring what sales wants?",
        _columns("campaign"),
        found,
        Chart("bar", "group", ("accepted",)),
        note,
        "No campaign stands out.",
    )


def _always(why: list[Row], asked: Asked) -> Iterator[str]:
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in why:
        groups[row["group"]].append(row)
    for name, found in sorted(groups.items(), key=lambda group: -sum(row["leads"] for row in group[1])):
        refused = sum(row["leads"] for row in found)
        top = max(found, key=lambda row: row["leads"])
        if top["reason"] and refused >= ENOUGH and top["leads"] >= ALWAYS * refused:
            yield f"Leads of {asked.by} {name} are always refused for the same reason, “{top['reason']}”: {top['leads']:,} of {refused:,}."


def _praise(best: Table) -> Iterator[str]:
    for row in best.rows[:3]:
        yield (
            f"Sales accepts {row['accepted'].rate:.0%} of campaign {row['group']} ({row['accepted'].count:,} of "
            f"{row['accepted'].of:,}), more than of other leads."
        )
