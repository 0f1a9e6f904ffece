"""The score held against what came: calibration, lift, tiers, drift, and what won leads have in common."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from math import log
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.insights.asked import Asked
from activities.insights.figures import Chart, Column, Insight, Share, Table
from activities.insights.queries import COHORT, Row, rows

LATELY = timedelta(days=28)
"""The time whose scores are compared with those before it."""
_TINY = 1e-4
_MOVED, _MUCH = 0.1, 0.25
_TRAITS = ("segment", "industry", "country", "rank", "interest", "source")
_MOST_TRAITS = 15
_FEWEST = 5
_LATEST_WON = 500

_BANDS = f"""
    SELECT least(width_bucket(score, 0, 100, 10), 10) AS band, tier, arrived_at >= :lately AS late, arrived_at <= :old AS old,
        width_bucket(arrived_at, CAST(:months AS timestamptz[])) AS month, coalesce(to_sql <= :horizon, false) AS sql,
        coalesce(to_won <= :horizon, false) AS won, count(*) AS leads, sum(score) AS sum
    FROM journeys WHERE {COHORT} AND score IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7"""  # noqa: S608 - constants of ours
_HAVE = f"""
    WITH cells AS MATERIALIZED (
        SELECT {", ".join(_TRAITS)}, count(to_won) AS won, count(*) AS leads FROM journeys WHERE {COHORT} AND arrived_at <= :old
        GROUP BY {", ".join(_TRAITS)})
    SELECT CASE {" ".join(f"WHEN GROUPING({trait}) = 0 THEN '{trait}'" for trait in _TRAITS)} END AS trait,
        coalesce({", ".join(_TRAITS)}) AS value,
        CAST(coalesce(sum(won), 0) AS bigint) AS won, CAST(coalesce(sum(leads), 0) AS bigint) AS leads
    FROM cells GROUP BY GROUPING SETS ({", ".join(f"({trait})" for trait in _TRAITS)}, ())"""  # noqa: S608 - constants of ours


_SEEN = f"""
    SELECT reason ->> 'text' AS reason, count(DISTINCT l.id) AS leads, avg((reason ->> 'points')::float8) AS points, max(counted.won) AS won
    FROM (SELECT lead_id, count(*) OVER () AS won FROM (
        SELECT lead_id FROM journeys WHERE {COHORT} AND to_won IS NOT NULL ORDER BY arrived_at DESC, lead_id LIMIT :latest) latest) counted
    JOIN leads l ON l.id = counted.lead_id, jsonb_array_elements(l.reasons) AS reason
    GROUP BY 1 ORDER BY leads DESC, points DESC, reason LIMIT :most"""  # noqa: S608 - constants of ours


async def scoring(connection: AsyncConnection, asked: Asked) -> Insight:
    """The first score of the leads that arrived in the time asked for, against what became of them."""
    found = await rows(connection, _BANDS, asked, lately=min(asked.until, asked.now) - LATELY, months=asked.months)
    cells = [{**row, "month": asked.month(row["month"]), **_ripe(row)} for row in found]
    traits = await rows(connection, _HAVE, asked)
    seen = await rows(connection, _SEEN, asked, latest=_LATEST_WON, most=_MOST_TRAITS)
    tables = (_calibration(cells), _lift(cells), _tiers(cells), _months(cells), _ideal(traits), _seen(seen))
    return Insight("scoring", "Scoring", asked.facts, tables, tuple(_said(cells, tables[4])))


def _ripe(row: Row) -> Row:
    """What of a cell is old enough, and what of that got there."""
    old = row["leads"] if row["old"] else 0
    return {"old": old, "sql": old if row["sql"] else 0, "won": old if row["won"] else 0}


def _sums(cells: Sequence[Row], key: str) -> dict[Any, dict[str, Any]]:
    found: dict[Any, dict[str, Any]] = {}
    for cell in cells:
        sums = found.setdefault(cell[key], dict.fromkeys(("leads", "sum", "old", "sql", "won"), 0))
        for name in sums:
            sums[name] += cell[name]
    return found


def _band(number: int) -> str:
    return f"{10 * (number - 1)} to {10 * number}"


_RATES = (Column("old", "Old enough"), Column("sql_rate", "SQL in time", "share"), Column("won_rate", "Won in time", "share"))


def _rates(sums: dict[str, Any]) -> dict[str, Any]:
    return {
        "leads": sums["leads"],
        "old": sums["old"],
        "sql_rate": Share(sums["sql"], sums["old"]),
        "won_rate": Share(sums["won"], sums["old"]),
    }


def _calibration(cells: Sequence[Row]) -> Table:
    found = [
        {"band": _band(band), "mean": sums["sum"] / sums["leads"], **_rates(sums)} for band, sums in sorted(_sums(cells, "band").items())
    ]
    columns = (Column("band", "First score", "text"), Column("leads", "Leads"), Column("mean", "Mean score", "number"), *_RATES)
    note = "By the first score a lead was given, before anybody knew what would come of it. A score of 100 is in the last band."
    return Table(
        "calibration",
        "Do leads with higher scores get further?",
        columns,
        found,
        Chart("line", "band", ("sql_rate", "won_rate")),
        note,
        "No lead of this time was scored.",
    )


def _lift(cells: Sequence[Row]) -> Table:
    sums = _sums(cells, "band")
    old, sql, won = (sum(each[name] for each in sums.values()) for name in ("old", "sql", "won"))
    found, reached = [], {"old": 0, "sql": 0, "won": 0}
    for band in sorted(sums, reverse=True):
        reached = {name: reached[name] + sums[band][name] for name in reached}
        found.append({
            "from": 10 * (band - 1),
            "leads": Share(reached["old"], old),
            "sql": Share(reached["sql"], sql),
            "won": Share(reached["won"], won),
        })  # fmt: skip
    columns = (
        Column("from", "Score from", "number"),
        Column("leads", "Of all leads", "share"),
        Column("sql", "Of all SQL", "share"),
        Column("won", "Of all won", "share"),
    )
    note = (
        "Of leads old enough, from the highest scores down. A score that knows nothing finds as large a share of the won as of the leads."
    )
    return Table(
        "lift",
        "If only the best leads are worked, how many successes are among them?",
        columns,
        found,
        Chart("line", "from", ("leads", "sql", "won")),
        note,
        "No lead is old enough yet.",
    )


def _tiers(cells: Sequence[Row]) -> Table:
    sums = _sums(cells, "tier")
    total = sum(each["leads"] for each in sums.values())
    found = [
        {"tier": tier, "share": Share(sums[tier]["leads"], total), **_rates(sums[tier])}
        for tier in ("high", "medium", "low")
        if tier in sums
    ]
    columns = (Column("tier", "First tier", "text"), Column("leads", "Leads"), Column("share", "Of all leads", "share"), *_RATES)
    return Table(
        "tiers",
        "How many leads are in which tier, and is it right?",
        columns,
        found,
        Chart("bar", "tier", ("share",)),
        empty="No lead of this time was scored.",
    )


def _months(cells: Sequence[Row]) -> Table:
    tiers = {tier: sums["sql"] / sums["old"] for tier, sums in _sums(cells, "tier").items() if sums["old"]}
    found = []
    for month, sums in sorted(_sums(cells, "month").items()):
        mine = [cell for cell in cells if cell["month"] == month]
        high = sum(cell["leads"] for cell in mine if cell["tier"] == "high")
        found.append({
            "month": month,
            "mean": sums["sum"] / sums["leads"],
            "high": Share(high, sums["leads"]),
            "expected": sum(tiers.get(cell["tier"], 0.0) * cell["old"] for cell in mine) if sums["old"] else None,
            "observed": sums["sql"] if sums["old"] else None,
            **_rates(sums),
        })  # fmt: skip
    columns = (
        Column("month", "Arrived in", "text"),
        Column("leads", "Leads"),
        Column("mean", "Mean score", "number"),
        Column("high", "High", "share"),
        Column("expected", "SQL expected", "number"),
        Column("observed", "SQL in time"),
        *_RATES,
    )
    note = "Expected is what leads of the same tiers came to over the whole time. Where observed leaves it for good, the score has aged."
    return Table(
        "drift",
        "Are scores and successes what they used to be?",
        columns,
        found,
        Chart("line", "month", ("expected", "observed")),
        note,
        "No lead of this time was scored.",
    )


def _ideal(traits: Sequence[Row]) -> Table:
    whole = next(row for row in traits if row["trait"] is None)
    found = []
    for row in traits:
        if row["trait"] is None or row["value"] is None or row["won"] < _FEWEST:
            continue
        mine, rest = Share(row["won"], whole["won"]), Share(row["leads"] - row["won"], whole["leads"] - whole["won"])
        times = mine.rate / rest.rate if mine.rate is not None and rest.rate else None
        found.append({"trait": row["trait"], "value": row["value"], "won": mine, "rest": rest, "times": times})
    found = [row for row in found if row["times"] is not None and row["won"].low > row["rest"].rate]
    found.sort(key=lambda row: -row["times"])
    columns = (
        Column("trait", "Trait", "text"),
        Column("value", "Value", "text"),
        Column("won", "Of won leads", "share"),
        Column("rest", "Of the rest", "share"),
        Column("times", "Times as common", "number"),
    )
    note = (
        f"Of leads old enough. Shown where at least {_FEWEST} won leads have it and it is more common among them even at "
        "the lower end of the interval."
    )
    return Table(
        "ideal",
        "Who is the ideal customer: what do won leads have in common?",
        columns,
        found[:_MOST_TRAITS],
        Chart("bar", "value", ("won", "rest")),
        note,
        "Nothing stands out, or too few leads were won to tell.",
    )


def _seen(seen: Sequence[Row]) -> Table:
    found = [{"reason": row["reason"], "points": row["points"], "share": Share(row["leads"], row["won"])} for row in seen]
    columns = (Column("reason", "Reason", "text"), Column("share", "Of won leads", "share"), Column("points", "Mean weight", "number"))
    note = f"The reasons of the scores that the latest {_LATEST_WON} won leads of this time have now, as they stand on the leads' pages."
    question = "What does the score see in the leads that are won?"
    return Table("seen", question, columns, found, Chart("bar", "reason", ("share",)), note, "No lead of this time was won.")


def stability(before: Sequence[int], after: Sequence[int]) -> float | None:
    """The population stability index of two distributions over the same bands: the sum of (a - b) ln(a / b). None without leads."""
    if not sum(before) or not sum(after):
        return None
    pairs = [(max(b / sum(before), _TINY), max(a / sum(after), _TINY)) for b, a in zip(before, after, strict=True)]
    return sum((a - b) * log(a / b) for b, a in pairs)


def _said(cells: Sequence[Row], ideal: Table) -> Iterator[str]:
    counts = [
        [sum(c["leads"] for c in cells if c["band"] == band and c["late"] is late) for band in range(1, 11)] for late in (False, True)
    ]
    moved = stability(*counts)
    if moved is not None:
        word = "hardly moved" if moved < _MOVED else "moved" if moved < _MUCH else "moved a lot"
        yield (
            f"Scores of the last {LATELY.days} days have {word} against those before: stability index {moved:.3f} (from "
            f"{_MOVED} on they moved, from {_MUCH} on a lot)."
        )
    for row in ideal.rows[:3]:
        yield f"Won leads have {row['trait']} “{row['value']}” {row['times']:.1f} times as often as the rest."
