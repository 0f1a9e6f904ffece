"""Profiles of leads in PostgreSQL: what everybody said of a person and their company, together, and the leads that news is for."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.enrichment.profile import Claim, Said, facts_in, profile, said_in
from activities.enrichment.provider import Rank, Value, Why

LATELY = timedelta(days=90)
"""How old a signal may be to count as one that a rule can be made of (`buying_signals`)."""
SIGNALS = "buying_signals"
_LEADS_AT_ONCE = 500

_ANSWERS = text(
    """
    SELECT source, about, why, facts, confidence, answered_at, claimed_until > now() AS asking
    FROM source_answers WHERE subject_id = :subject"""
)
_LATE_SIGNALS = text("SELECT kind, source, at, confidence FROM signals WHERE company_id = :company AND at > :since ORDER BY at DESC")
_LOCK_SHARED = text("SELECT id FROM companies WHERE id = :id FOR SHARE")
_LEADS = text(
    """
    SELECT id, enrichment FROM leads
    WHERE company_id = :company AND NOT closed AND stage <> 'erased' AND enrichment ? 'provenance' AND id > :after
    ORDER BY id LIMIT :limit FOR NO KEY UPDATE"""
)
_PROFILE = text("UPDATE leads SET enrichment = :enrichment WHERE id = :lead AND stage <> 'erased'").bindparams(
    bindparam("enrichment", type_=JSONB)
)
_PROFILE_OF = text(
    """
    WITH before AS MATERIALIZED (SELECT enrichment FROM leads WHERE id = :lead AND stage <> 'erased' FOR NO KEY UPDATE)
    UPDATE leads SET enrichment = :enrichment, company_id = coalesce(:company, company_id) FROM before WHERE id = :lead
    RETURNING before.enrichment"""
).bindparams(bindparam("enrichment", type_=JSONB), bindparam("company", type_=Uuid))
_STIR = text("INSERT INTO outbox (lead_id, signal, payload, created_at) VALUES (:lead, 'rescore', '{}', now())")


async def said_of(connection: AsyncConnection, subject: UUID) -> Said:
    """What sources said of a company or a lead: one that is still being asked counts as slow."""
    claims: list[Claim] = []
    why: dict[str, Why] = {}
    rows = (await connection.execute(_ANSWERS, {"subject": subject})).all()
    for row in rows:
        at = row.answered_at or datetime.now(UTC)
        claims += [Claim(fact, value, row.source, at, row.confidence) for fact, value in row.facts.items()]
        if row.asking:
            why[row.source] = Why.SLOW
        elif row.why:
            why[row.source] = Why(row.why)
    if any(row.about == "company" for row in rows):
        claims += await _signal_claims(connection, subject)
    return Said(tuple(claims), why, frozenset(row.source for row in rows))


async def _signal_claims(connection: AsyncConnection, company: UUID) -> list[Claim]:
    """The kinds of signals a company gave lately, as a fact that rules can be made of."""
    rows = (await connection.execute(_LATE_SIGNALS, {"company": company, "since": datetime.now(UTC) - LATELY})).all()
    if not rows:
        return []
    kinds: Value = sorted({row.kind for row in rows})
    return [Claim(SIGNALS, kinds, rows[0].source, rows[0].at, rows[0].confidence)]


async def tell_leads(connection: AsyncConnection, company: UUID, said: Said, ranks: Mapping[str, Rank], *, stir_all: bool) -> int:
    """Renew the profiles of a company's open leads, and have those scored again that this is news to.

    A lead that has no profile yet is being enriched, and comes to it by itself.

    Args:
        connection: in a transaction that has the company's lock.
        company: which.
        said: of it, by now.
        ranks: whom to believe.
        stir_all: there is a new signal.

    Returns:
        How many are scored again.
    """
    told, after = 0, UUID(int=0)
    while True:
        rows = (await connection.execute(_LEADS, {"company": company, "after": after, "limit": _LEADS_AT_ONCE})).all()
        for row in rows:
            after = row.id
            known = renewed(row.enrichment, said, ranks)
            news = facts_in(known) != facts_in(row.enrichment)
            if known != row.enrichment:
                await connection.execute(_PROFILE, {"lead": row.id, "enrichment": known})
            if news or stir_all:
                await connection.execute(_STIR, {"lead": row.id})
                told += 1
        if len(rows) < _LEADS_AT_ONCE:
            return told


def renewed(document: Mapping[str, Any], company: Said, ranks: Mapping[str, Rank]) -> dict[str, Any]:
    """A lead's stored profile with what is known of its company now."""
    about_company = company.asked | {claim.source for claim in company.claims}
    own = {origin["source"] for origin in document.get("provenance", {}).values()} | set(document.get("why", {}))
    return profile([said_in(document, own - about_company), company], ranks)


async def write_profile(
    connection: AsyncConnection, lead: UUID, company: UUID | None, own: Said, ranks: Mapping[str, Rank], *, stir: bool = False
) -> dict[str, Any] | None:
    """Store a lead's profile. Under the company's lock, so that an answer about it comes before this or finds it.

    Args:
        connection: in a transaction.
        lead: which.
        company: its record.
        own: what follows from the form alone, and who cannot be asked about this lead.
        ranks: whom to believe.
        stir: have the lead scored again if more is known now; else somebody does so anyway.

    Returns:
        The profile; None when the person was erased.
    """
    parts = [own, await said_of(connection, lead)]
    if company is not None:
        await connection.execute(_LOCK_SHARED, {"id": company})
        parts.append(await said_of(connection, company))
    document = profile(parts, ranks)
    before = (await connection.execute(_PROFILE_OF, {"lead": lead, "company": company, "enrichment": document})).one_or_none()
    if before is None:
        return None
    if stir and facts_in(before.enrichment) != facts_in(document):
        await connection.execute(_STIR, {"lead": lead})
    return document


async def write_plain(connection: AsyncConnection, lead: UUID, own: Said, ranks: Mapping[str, Rank]) -> dict[str, Any] | None:
    """Store the profile of a lead about whom nobody was asked, in one statement.

    Returns:
        The profile; None when the person was erased.
    """
    document = profile([own], ranks)
    stored = await connection.execute(_PROFILE_OF, {"lead": lead, "company": None, "enrichment": document})
    return document if stored.one_or_none() else None
