"""Reads what was known of leads as of a moment each, in a few statements for any number of them.

Recorded times decide, not the events' own: `lead_facts.seen_at`, `engagements.received_at` and `linked_at`. All of them are
stamped by the database's clock or before it, so serving asks for the moment by that clock too (`moment`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.scoring.features.computing import features
from activities.scoring.features.known import Deed, Features, Known, Sign, Usual
from activities.scoring.features.signals import signs_of
from activities.scoring.features.stays import usual_stays

MOST_DEEDS: Final = 2000
"""Of one lead's engagements the latest by their own time; more than this is a program's doing."""
COUNTS: Final = """
    coalesce(CASE WHEN e.verdicts IS NOT NULL THEN (
        SELECT v ->> 'was' FROM jsonb_array_elements(e.verdicts) v WHERE CAST(v ->> 'until' AS timestamptz) > m.at
        ORDER BY CAST(v ->> 'until' AS timestamptz) LIMIT 1) END, to_jsonb(e) ->> 'verdict', 'human') = 'human'"""
"""Which engagements `e` count as of the moment `m.at`: those that were thought a person's then. What was thought of one is in its
`verdict`, and before that in `verdicts`. The one place that leaves out what bots and mail scanners did."""
PROPERTIES: Final = (
    "path", "title", "seconds", "depth", "words", "page_height", "sequence", "visit", "device", "referrer", "utm_source", "utm_medium",
    "utm_campaign", "hour", "share", "step", "score", "readiness", "authority", "budget",
)  # fmt: skip
"""The properties of engagements that features are made of."""

_MOMENTS = "unnest(CAST(:leads AS uuid[]), CAST(:moments AS timestamptz[])) AS m (lead, at)"
_LATEST = """
        SELECT f.facts, f.seen_at FROM lead_facts f WHERE f.lead_id = m.lead AND f.kind = '{kind}' AND f.seen_at <= m.at
        ORDER BY f.seen_at DESC, f.id DESC LIMIT 1"""
_FACTS = text(
    f"""
    SELECT m.lead, l.created_at, p.facts AS person, f.facts AS enrichment, f.seen_at
    FROM {_MOMENTS} JOIN leads l ON l.id = m.lead AND l.stage <> 'erased'
        JOIN LATERAL ({_LATEST.format(kind="person")}) p ON true
        LEFT JOIN LATERAL ({_LATEST.format(kind="enrichment")}) f ON true"""  # noqa: S608 - constants of ours
)
# One document a lead: the quickest way through the driver for many small rows.
_DEEDS = text(
    f"""
    SELECT m.lead, e.deeds FROM {_MOMENTS} CROSS JOIN LATERAL (
        SELECT json_agg(json_build_array(e.kind, e.at, {", ".join(f"e.properties ->> '{name}'" for name in PROPERTIES)})
            ORDER BY e.at, e.id) AS deeds
        FROM (
            SELECT e.id, e.kind, e.at, e.properties FROM engagements e
            WHERE e.lead_id = m.lead AND e.received_at <= m.at AND (e.linked_at IS NULL OR e.linked_at <= m.at) AND {COUNTS}
            ORDER BY e.at DESC, e.id DESC LIMIT {MOST_DEEDS}) e) e
    WHERE e.deeds IS NOT NULL"""  # noqa: S608 - constants of ours
)
_THERE = text("SELECT to_regclass('signals') IS NOT NULL")
_SIGNS = text(
    """
    SELECT m.lead, s.kind, s.at
    FROM unnest(CAST(:leads AS uuid[]), CAST(:moments AS timestamptz[]), CAST(:companies AS uuid[])) AS m (lead, at, company)
        JOIN signals s ON s.company_id IN (m.company, (SELECT c.same_as FROM companies c WHERE c.id = m.company)) AND s.seen_at <= m.at
    ORDER BY m.lead, s.at, s.id"""
)
_NOW = text("SELECT clock_timestamp()")


async def moment(connection: AsyncConnection) -> datetime:
    """This moment by the clock that records are stamped with: what serving asks for features as of."""
    at: datetime = (await connection.execute(_NOW)).scalar_one()
    return at


async def features_of(connection: AsyncConnection, moments: Mapping[UUID, datetime]) -> dict[UUID, Features]:
    """Features of leads, each as of its own moment. One lead or thousands at a time; the statements are the same few.

    Args:
        connection: to the database.
        moments: for each lead the moment; aware times.

    Returns:
        By lead. One that was not there yet at its moment, or was erased since, is left out.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    found = await known_of(connection, moments)
    return {lead: features(known, moments[lead]) for lead, known in found.items()}


async def known_of(connection: AsyncConnection, moments: Mapping[UUID, datetime]) -> dict[UUID, Known]:
    """What was known of leads, each as of its own moment, as `features_of` reads it."""
    if not moments:
        return {}
    what = {"leads": list(moments), "moments": list(moments.values())}
    facts = (await connection.execute(_FACTS, what)).all()
    deeds = await _deeds(connection, what)
    usual = await usual_stays(connection, moments, deeds)
    signs = await _signs(connection, facts, moments)
    return {
        row.lead: Known(
            created_at=row.created_at,
            person=row.person,
            enrichment=row.enrichment or {},
            signs=signs[row.lead],
            deeds=deeds.get(row.lead, ()),
            usual=usual.get(row.lead, Usual()),
        )
        for row in facts
    }


async def _signs(connection: AsyncConnection, facts: Sequence[Row[Any]], moments: Mapping[UUID, datetime]) -> dict[UUID, list[Sign]]:
    """What happened at each lead's company, as far as it had been seen: among its findings, and in the company's own record."""
    found = {row.lead: signs_of(row.enrichment or {}, row.seen_at, moments[row.lead]) for row in facts}
    companies = {row.lead: row.enrichment["company_id"] for row in facts if row.enrichment and row.enrichment.get("company_id")}
    if companies and (await connection.execute(_THERE)).scalar_one():
        what = {"leads": list(companies), "moments": [moments[lead] for lead in companies], "companies": list(companies.values())}
        for lead, kind, at in (await connection.execute(_SIGNS, what)).all():
            found[lead].append(Sign(kind, at))
    return found


async def _deeds(connection: AsyncConnection, what: Mapping[str, Any]) -> Mapping[UUID, Sequence[Deed]]:
    """What each lead did, the earliest first."""
    rows = (await connection.execute(_DEEDS, what)).all()
    return {lead: [_deed(*deed) for deed in deeds] for lead, deeds in rows}


def _deed(kind: str, at: str, *values: str | None) -> Deed:
    return Deed(kind, datetime.fromisoformat(at), dict(zip(PROPERTIES, values, strict=True)))
