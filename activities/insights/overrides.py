"""People against the score: leads that were scored low, claimed all the same, and won; and what was set by hand."""

from collections.abc import Iterator

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.insights.asked import Asked
from activities.insights.figures import Chart, Column, Insight, Share, Table
from activities.insights.queries import Row, rows

_LISTED = 50

_CLAIMS = """
    SELECT tier, count(*) AS claims, count(*) FILTER (WHERE since <= :old) AS old,
        count(*) FILTER (WHERE since <= :old AND contacted_at IS NOT NULL) AS contacted,
        count(*) FILTER (WHERE since <= :old AND sql_at <= since + CAST(:span AS interval)) AS sql, count(won_at) AS won,
        count(*) FILTER (WHERE since <= :old AND won_at <= since + CAST(:span AS interval)) AS won_in_time
    FROM tenures WHERE began = 'claimed' AND since >= :since AND since < :until GROUP BY tier"""
_WINS = """
    SELECT t.lead_id, coalesce(nullif(concat_ws(' ', l.first_name, l.last_name), ''), l.company, l.email, 'A lead') AS lead_name,
        l.company, u.name AS rep, t.tier, t.score, t.since, t.won_at, l.amount_usd
    FROM tenures t JOIN leads l ON l.id = t.lead_id LEFT JOIN users u ON u.id = t.rep_id
    WHERE t.began = 'claimed' AND t.tier = 'low' AND t.won_at IS NOT NULL AND t.since >= :since AND t.since < :until
    ORDER BY t.won_at DESC, t.lead_id LIMIT :listed"""
_BY_HAND = """
    SELECT u.name AS person, from_stage, to_stage, count(*) AS times
    FROM ledger e LEFT JOIN users u ON u.id = e.actor_id
    WHERE e.kind = 'overridden' AND e.at >= :since AND e.at < :until
    GROUP BY u.id, from_stage, to_stage ORDER BY times DESC, person, 2, 3"""


async def overrides(connection: AsyncConnection, asked: Asked) -> Insight:
    """Claims made in the time asked for by what the score said then, those that proved it wrong, and overrides by hand."""
    claims = await rows(connection, _CLAIMS, asked)
    wins = await rows(connection, _WINS, asked, listed=_LISTED)
    by_hand = await rows(connection, _BY_HAND, asked)
    return Insight("overrides", "Overrides", asked.facts, (_claims(claims), _wins(wins), _hand(by_hand)), tuple(_said(claims)))


def _claims(claims: list[Row]) -> Table:
    order = ("high", "medium", "low", None)
    found = [
        {
            "tier": row["tier"] or "not scored yet",
            "claims": row["claims"],
            "won": row["won"],
            "contacted": Share(row["contacted"], row["old"]),
            "sql_rate": Share(row["sql"], row["old"]),
            "won_rate": Share(row["won_in_time"], row["old"]),
        }
        for row in sorted(claims, key=lambda row: order.index(row["tier"]))
    ]
    columns = (
        Column("tier", "Tier when claimed", "text"),
        Column("claims", "Claims"),
        Column("won", "Won by them so far"),
        Column("contacted", "Contacted", "share"),
        Column("sql_rate", "SQL in time", "share"),
        Column("won_rate", "Won in time", "share"),
    )
    note = "Shares are of claims old enough. A claim of a low lead is a rep's judgement against the score."
    return Table(
        "claims",
        "Are reps right when they claim what was scored low?",
        columns,
        found,
        Chart("bar", "tier", ("sql_rate",)),
        note,
        "Nobody claimed a lead in this time.",
    )


def _wins(wins: list[Row]) -> Table:
    found = [{**row, "lead": {"id": row["lead_id"], "name": row["lead_name"]}} for row in wins]
    columns = (
        Column("lead", "Lead", "lead"),
        Column("company", "Company", "text"),
        Column("rep", "Rep", "text"),
        Column("score", "Score when claimed", "number"),
        Column("since", "Claimed", "time"),
        Column("won_at", "Won", "time"),
        Column("amount_usd", "USD", "money"),
    )
    note = f"The latest {_LISTED}. Each of them is something the score should learn."
    return Table(
        "scored_low_won",
        "Which leads were scored low, claimed and won?",
        columns,
        found,
        note=note,
        empty="None yet: no lead that was scored low when it was claimed has been won.",
    )


def _hand(by_hand: list[Row]) -> Table:
    found = [{**row, "from_stage": row["from_stage"].replace("_", " "), "to_stage": row["to_stage"].replace("_", " ")} for row in by_hand]
    columns = (
        Column("person", "Who", "text"),
        Column("from_stage", "From", "text"),
        Column("to_stage", "To", "text"),
        Column("times", "Times"),
    )
    return Table(
        "by_hand",
        "Who sets owners and stages by hand, and from where to where?",
        columns,
        found,
        empty="Nobody overrode the tree in this time.",
    )


def _said(claims: list[Row]) -> Iterator[str]:
    low = next((row for row in claims if row["tier"] == "low"), None)
    if low and low["won"]:
        lead, was = ("lead", "was") if low["won"] == 1 else ("leads", "were")
        yield (
            f"{low['won']:,} {lead} of {low['claims']:,} that {was if low['claims'] == 1 else 'were'} scored low when "
            f"claimed {'has' if low['won'] == 1 else 'have'} been won."
        )
