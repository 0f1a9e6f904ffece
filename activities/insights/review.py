"""The qualified leads that both teams look at together: who they are, what they did before, and what was thought of them."""

from collections import defaultdict
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.insights.asked import Asked
from activities.insights.figures import Column, Insight, Table
from activities.insights.queries import Row, rows

MOST = 50
"""So many SQLs are shown at most; fewer than 20 make no pattern."""
_NOTES = 5

_LATEST = """
    SELECT j.lead_id, coalesce(nullif(concat_ws(' ', l.first_name, l.last_name), ''), l.company, l.email, 'A lead') AS lead_name, l.title,
        l.company, l.country, l.source, l.campaign, l.interest, j.arrived_at, j.sql_at, j.stage, u.name AS rep, j.segment, j.industry,
        l.amount_usd, j.score AS first_score, l.state -> 'criteria' AS criteria
    FROM journeys j JOIN leads l ON l.id = j.lead_id
    LEFT JOIN LATERAL (
        SELECT rep_id FROM tenures t WHERE t.lead_id = j.lead_id AND t.sql_at IS NOT NULL ORDER BY seq DESC LIMIT 1) t ON true
    LEFT JOIN users u ON u.id = t.rep_id
    WHERE j.sql_at IS NOT NULL AND l.stage <> 'erased' AND j.sql_at >= :since AND j.sql_at < :until
    ORDER BY j.sql_at DESC, j.lead_id LIMIT :most"""
_DID = text(
    """
    SELECT e.lead_id, e.kind, count(*) AS times FROM engagements e JOIN journeys j USING (lead_id)
    WHERE e.lead_id = ANY(:leads) AND e.at <= j.sql_at GROUP BY 1, 2 ORDER BY times DESC, kind"""
)
_JUDGED = text(
    """
    SELECT DISTINCT ON (s.lead_id) s.lead_id, s.points, s.score, s.model_version FROM scores s JOIN journeys j USING (lead_id)
    WHERE s.lead_id = ANY(:leads) AND s.at <= j.sql_at ORDER BY s.lead_id, s.at DESC, s.number DESC"""
)
_SAID = text(
    """
    SELECT e.lead_id, e.at, e.kind, u.name AS author, n.body, n.reason FROM ledger e JOIN notes n ON n.id = e.note_id
    LEFT JOIN users u ON u.id = n.author_id
    WHERE e.lead_id = ANY(:leads) AND (n.body <> '' OR n.reason IS NOT NULL) ORDER BY e.lead_id, e.seq DESC"""
)


async def review(connection: AsyncConnection, asked: Asked) -> Insight:
    """The latest SQLs that were qualified in the time asked for."""
    found = await rows(connection, _LATEST, asked, most=MOST)
    leads = {"leads": [row["lead_id"] for row in found]}
    did, said = defaultdict(list), defaultdict(list)
    for row in await connection.execute(_DID, leads):
        did[row.lead_id].append((row.kind, row.times))
    judged = {row.lead_id: row for row in await connection.execute(_JUDGED, leads)}
    for row in await connection.execute(_SAID, leads):
        said[row.lead_id].append(row)
    table = _table([_row(row, did[row["lead_id"]], judged.get(row["lead_id"]), said[row["lead_id"]]) for row in found])
    few = len(found) < 20
    words = (f"Only {len(found)} leads were qualified in this time: too few to see a pattern.",) if found and few else ()
    return Insight("review", "Qualified leads", asked.facts, (table,), words)


def _row(row: Row, did: list[tuple[str, int]], judged: Any, said: list[Any]) -> dict[str, Any]:
    by_points = judged is None or judged.model_version == "points"
    facts = [row[name] for name in ("title", "company", "industry", "segment", "country") if row[name]]
    notes = [f"{note.author or 'somebody'}: {' '.join(filter(None, (note.reason, note.body)))}" for note in said[:_NOTES]]
    return {
        "lead": {"id": row["lead_id"], "name": row["lead_name"]},
        "profile": ", ".join(f"{fact} people" if fact == row["segment"] else str(fact) for fact in facts),
        "source": " / ".join(filter(None, (row["source"], row["campaign"]))),
        "did": ", ".join(f"{kind.replace('_', ' ')} {times} times" if times > 1 else kind.replace("_", " ") for kind, times in did),
        "points": judged.points if judged else None,
        "model": None if by_points else judged.score,
        "score": judged.score if judged else row["first_score"],
        "rep": row["rep"],
        "took": (row["sql_at"] - row["arrived_at"]).total_seconds(),
        "sql_at": row["sql_at"],
        "outcome": row["stage"].replace("_", " "),
        "notes": "\n".join(notes),
    }


def _table(found: list[dict[str, Any]]) -> Table:
    columns = (
        Column("lead", "Lead", "lead"),
        Column("profile", "Who", "text"),
        Column("source", "From", "text"),
        Column("did", "Did before", "text"),
        Column("points", "Points", "number"),
        Column("model", "Model", "number"),
        Column("rep", "Rep", "text"),
        Column("took", "Arrival to SQL", "seconds"),
        Column("sql_at", "Qualified", "time"),
        Column("outcome", "Now", "text"),
        Column("notes", "Notes", "text"),
    )
    note = (
        f"The latest {MOST} at most. Points and the model's score are the last before it was qualified; no model score: "
        "the points table scored it."
    )
    return Table(
        "review",
        "What did we qualify, and were points and model right about it?",
        columns,
        found,
        note=note,
        empty="No lead was qualified in this time.",
    )
