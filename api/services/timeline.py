"""What happened to a lead: its ledger and notes, engagements, messages, scores and enrichment as one list in order of time."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.errors import Invalid, NotFound
from api.services.leads import person
from models.lifecycle import ActorKind
from models.schemas.common import Page, cursor_of, position_of
from models.schemas.leads import DeadlineView, TimelineItem

_PARTS = {
    "engagement": """
        SELECT e.at, 0 AS rank, lpad(e.id::text, 20, '0') COLLATE "C" AS key, jsonb_build_object(
            'kind', e.kind, 'actor', 'prospect', 'data', e.properties || CASE WHEN e.verdict = 'human' THEN '{}'
                ELSE jsonb_build_object('verdict', e.verdict, 'sign', e.sign) END) AS item
        FROM engagements e WHERE e.lead_id = :lead""",
    "enrichment": """
        SELECT found.at, 1 AS rank, '' AS key, jsonb_build_object('kind', 'enriched', 'actor', 'service', 'data', found.data) AS item
        FROM (SELECT max((fact.value ->> 'at')::timestamptz) AS at, l.enrichment AS data
            FROM leads l, jsonb_each(l.enrichment -> 'provenance') AS fact WHERE l.id = :lead GROUP BY l.id) found""",
    "score": """
        SELECT s.at, 2 AS rank, lpad(s.number::text, 20, '0') COLLATE "C" AS key, jsonb_build_object(
            'kind', 'scored', 'actor', 'scorer', 'score', s.score,
            'data', jsonb_build_object('points', s.points, 'model_version', s.model_version, 'reasons', s.reasons)) AS item
        FROM scores s WHERE s.lead_id = :lead""",
    "ledger": """
        SELECT e.at, 3 AS rank, lpad(e.seq::text, 20, '0') COLLATE "C" AS key, jsonb_build_object(
            'kind', e.kind, 'actor', e.actor_kind, 'by_id', e.actor_id, 'by_name', u.name, 'from_stage', e.from_stage,
            'to_stage', e.to_stage, 'owner_id', e.owner_id, 'owner_name', o.name, 'score', e.score, 'tier', e.tier,
            'reason', n.reason, 'note', n.body, 'deadline_kind', e.deadline_kind, 'deadline_at', e.deadline_at,
            'data', e.detail || jsonb_build_object('seq', e.seq, 'policy_version', e.policy_version) || coalesce((
                SELECT jsonb_build_object('routing', jsonb_build_object('why', s.explanation -> 'why', 'others', (
                    SELECT coalesce(jsonb_agg(jsonb_build_object(
                        'rep', jsonb_build_object('id', p.id, 'name', p.name), 'why_not', other ->> 'why') ORDER BY p.name, p.id), '[]')
                    FROM jsonb_array_elements(s.explanation -> 'others') other, jsonb_array_elements_text(other -> 'reps') rep
                    JOIN users p ON p.id = rep::uuid)))
                FROM assignments s WHERE s.lead_id = e.lead_id AND s.number = (e.detail ->> 'order')::float), '{}')) AS item
        FROM ledger e LEFT JOIN users u ON u.id = e.actor_id LEFT JOIN users o ON o.id = e.owner_id
            LEFT JOIN notes n ON n.id = e.note_id
        WHERE e.lead_id = :lead""",
    "message": """
        SELECT m.decided_at AS at, 4 AS rank, m.id::text COLLATE "C" AS key, jsonb_build_object(
            'kind', m.state, 'actor', 'clock', 'data', jsonb_build_object('id', m.id, 'campaign', m.campaign, 'step', m.step + 1,
                'channel', m.channel, 'template', m.template, 'subject', m.subject, 'recipient', m.recipient, 'why', m.why,
                'sent_at', m.sent_at, 'opened_at', m.opened_at, 'clicked_at', m.clicked_at)) AS item
        FROM messages m WHERE m.lead_id = :lead""",
}
"""Each sort of happening. At the same moment the cause comes before what followed from it (`rank`)."""

_BEYOND = "WHERE (part.at, part.rank, part.key) {sign} (CAST(:at AS timestamptz), CAST(:rank AS int), CAST(:key AS text))"
_KNOWN = text("SELECT FROM leads WHERE id = :lead AND stage <> 'erased'")


async def page(connection: AsyncConnection, lead: UUID, *, limit: int, cursor: str | None) -> Page[TimelineItem]:
    """A part of what happened to a lead, the newest last.

    Args:
        connection: to the database.
        lead: which.
        limit: how many items at most.
        cursor: where the part before ended.

    Raises:
        NotFound: when there is no such lead, or it was erased.
        Invalid: when the cursor is none of this list.
    """
    if (await connection.execute(_KNOWN, {"lead": lead})).one_or_none() is None:
        raise NotFound("lead")
    return await _part(connection, lead, limit=limit, cursor=cursor, down=False)


async def latest(connection: AsyncConnection, lead: UUID, *, limit: int, cursor: str | None) -> Page[TimelineItem]:
    """The same the other way round: the newest first. Whether there is such a lead is for the caller to know.

    Args:
        connection: to the database.
        lead: which.
        limit: how many items at most.
        cursor: where the part before ended.

    Raises:
        Invalid: when the cursor is none of this list.
    """
    return await _part(connection, lead, limit=limit, cursor=cursor, down=True)


async def _part(connection: AsyncConnection, lead: UUID, *, limit: int, cursor: str | None, down: bool) -> Page[TimelineItem]:
    position = _position(cursor) if cursor else {}
    way, sign = ("DESC", "<") if down else ("ASC", ">")
    beyond = _BEYOND.format(sign=sign) if position else ""
    parts = " UNION ALL ".join(
        f"(SELECT part.at, part.rank, part.key, '{name}' AS type, part.item FROM ({sql}) part {beyond} "  # noqa: S608
        f"ORDER BY part.at {way}, part.key {way} LIMIT :limit)"
        for name, sql in _PARTS.items()
    )
    statement = text(f"{parts} ORDER BY at {way}, rank {way}, key {way} LIMIT :limit")
    rows = (await connection.execute(statement, {"lead": lead, "limit": limit + 1, **position})).mappings().all()
    shown = rows[:limit]
    last = shown[-1] if len(rows) > limit else None
    return Page(items=[_item(row) for row in shown], next_cursor=cursor_of(last["at"], last["rank"], last["key"]) if last else None)


def _position(cursor: str) -> dict[str, Any]:
    try:
        at, rank, key = position_of(cursor, 3)
        return {"at": datetime.fromisoformat(str(at)), "rank": int(rank or 0), "key": str(key)}
    except (ValueError, OverflowError):
        raise Invalid({"cursor": "is not a cursor of this list: leave it out to begin at the start"}) from None


def _item(row: RowMapping) -> TimelineItem:
    item: dict[str, Any] = row["item"]
    deadline = DeadlineView(kind=item["deadline_kind"], at=item["deadline_at"]) if item.get("deadline_at") else None
    by = person(item.get("by_id"), item.get("by_name"))
    return TimelineItem(
        type=row["type"],
        at=row["at"],
        kind=item["kind"],
        actor=ActorKind(item["actor"]),
        by=by,
        from_stage=item.get("from_stage"),
        to_stage=item.get("to_stage"),
        owner=person(item.get("owner_id"), item.get("owner_name")),
        score=item.get("score"),
        tier=item.get("tier"),
        reason=item.get("reason"),
        note=item.get("note") or None,
        deadline=deadline,
        data=item["data"],
    )
