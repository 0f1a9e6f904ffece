"""Companies and what sources said of them, in PostgreSQL: who asks what, what came of it, and whom that is news to.

A question is claimed before it is asked, by a row with a lease, so that any number of workers ask a source once about a
company; a worker that dies lets its claim run out. Answers, signals, the company's facts and the re-scores they cause land
in one transaction. Locks are taken company first, then its leads.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.enrichment.naming import company_domain, name_key
from activities.enrichment.profile import Claim, settled
from activities.enrichment.profiles import said_of, tell_leads
from activities.enrichment.provider import Answer, Company, News, Rank, Why
from models.ids import uuid7

LEASE = timedelta(seconds=40)
"""How long nobody else asks what somebody said they would: longer than an activity may take."""

_COMPANY = text(
    """
    INSERT INTO companies AS c (id, key, domain, name, confidence, created_at) VALUES (:id, :key, :domain, :name, :confidence, now())
    ON CONFLICT (key) DO UPDATE SET name = coalesce(c.name, excluded.name)
    WHERE c.name IS NULL AND excluded.name IS NOT NULL"""
)
_FOUND = text("SELECT coalesce(o.id, c.id) AS id FROM companies c LEFT JOIN companies o ON o.id = c.same_as WHERE c.key = :key")
_READ = text("SELECT id, domain, name, confidence, facts FROM companies WHERE id = :id")
_CLAIM = text(
    """
    INSERT INTO source_answers AS a (subject_id, source, about, confidence, tries, claim, claimed_until, asked_at, ask_again_at)
    SELECT :subject, source, :about, 1, 0, :claim, now() + CAST(:lease AS interval), now(), now()
    FROM unnest(CAST(:sources AS text[])) AS source ORDER BY source
    ON CONFLICT (subject_id, source) DO UPDATE SET claim = excluded.claim, claimed_until = excluded.claimed_until, asked_at = now()
    WHERE a.ask_again_at <= now() AND coalesce(a.claimed_until <= now(), true)
    RETURNING source"""
)
_ASKING = text(
    "SELECT EXISTS (SELECT FROM source_answers WHERE subject_id = :subject AND claimed_until > now() AND source = ANY(:sources))"
)
# What a source said earlier holds while it is out of reach.
_SETTLE = text(
    """
    UPDATE source_answers SET why = :why, claim = NULL, claimed_until = NULL, answered_at = now(),
        facts = CASE WHEN :told THEN CAST(:facts AS jsonb) ELSE facts END,
        confidence = CASE WHEN :told THEN :confidence ELSE confidence END,
        tries = CASE WHEN :told THEN 0 ELSE tries + 1 END,
        ask_again_at = now() + CASE WHEN CAST(:again AS interval) IS NOT NULL THEN CAST(:again AS interval)
            ELSE least(interval '1 minute' * 2.0 ^ least(tries, 10), interval '1 hour') END
    WHERE subject_id = :subject AND source = :source AND claim = :claim"""
).bindparams(bindparam("facts", type_=JSONB))
_GIVE_UP = text("DELETE FROM source_answers WHERE subject_id = :subject AND claim = :claim")
_SIGNAL = text(
    """
    INSERT INTO signals (id, company_id, kind, key, at, seen_at, title, url, source, confidence)
    VALUES (:id, :company, :kind, :key, :at, now(), :title, :url, :source, :confidence)
    ON CONFLICT (company_id, kind, key) DO NOTHING RETURNING id"""
)
_LOCK = text("SELECT id, confidence FROM companies WHERE id = :id FOR NO KEY UPDATE")
_FACTS = text("UPDATE companies SET facts = :facts, refreshed_at = now() WHERE id = :id").bindparams(bindparam("facts", type_=JSONB))
_ALIVE = text("SELECT id FROM leads WHERE id = :lead AND stage <> 'erased' FOR NO KEY UPDATE")
_SAME = text("UPDATE companies SET same_as = :other WHERE id = :id AND id <> :other")
_COPY = text(
    """
    INSERT INTO source_answers (subject_id, source, about, why, facts, confidence, tries, asked_at, answered_at, ask_again_at)
    SELECT :other, source, about, why, facts, confidence, tries, asked_at, answered_at, ask_again_at
    FROM source_answers WHERE subject_id = :id AND why IS NULL AND answered_at IS NOT NULL
    ON CONFLICT DO NOTHING"""
)
_MOVE = text("UPDATE leads SET company_id = :other WHERE company_id = :id")


@dataclass(frozen=True, slots=True)
class Known:
    """A company as it is recorded.

    Args:
        id: of the record.
        company: what sources are asked about.
        confidence: 0-1, that the domain is its own.
    """

    id: UUID
    company: Company
    confidence: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question.

    Args:
        answer: what the source knows.
        why: why it knows nothing, or could not tell.
        again: after which it may be asked again; None for soon, and later with each time it could not tell.
    """

    answer: Answer | None
    why: Why | None
    again: timedelta | None


async def record(connection: AsyncConnection, company: Company, confidence: float = 1.0) -> UUID:
    """The record of a company, made where there is none."""
    key = company.domain or f"name:{name_key(company.name or '')}"
    what = {"id": uuid7(), "key": key, "domain": company.domain, "name": company.name, "confidence": confidence}
    await connection.execute(_COMPANY, what)
    found: UUID = (await connection.execute(_FOUND, {"key": key})).scalar_one()
    return found


async def read(connection: AsyncConnection, company: UUID, country: str | None = None) -> Known:
    """A company by its record's id.

    Args:
        connection: to the database.
        company: the id.
        country: of the lead it is looked up for.
    """
    row = (await connection.execute(_READ, {"id": company})).one()
    known = {fact: claim["value"] for fact, claim in row.facts.items()}
    return Known(row.id, Company(row.domain, row.name, country, known), row.confidence)


async def claim(connection: AsyncConnection, subject: UUID, about: str, sources: Sequence[str], token: UUID) -> set[str]:
    """Claim the questions that are due and that nobody else asks.

    Args:
        connection: to the database.
        subject: a company's id, or a lead's.
        about: which of the two.
        sources: that could be asked.
        token: whose claim it is.

    Returns:
        The sources that are ours to ask.
    """
    if not sources:
        return set()
    what = {"subject": subject, "about": about, "claim": token, "lease": LEASE, "sources": list(sources)}
    return set((await connection.execute(_CLAIM, what)).scalars())


async def others_ask(connection: AsyncConnection, subject: UUID, sources: Sequence[str]) -> bool:
    """Whether anybody asks one of these sources about the subject just now."""
    return bool((await connection.execute(_ASKING, {"subject": subject, "sources": list(sources)})).scalar_one())


async def give_up(connection: AsyncConnection, subject: UUID, token: UUID) -> None:
    """Forget what was claimed and will not be asked."""
    await connection.execute(_GIVE_UP, {"subject": subject, "claim": token})


async def settle_company(
    connection: AsyncConnection, company: UUID, token: UUID, outcomes: Mapping[str, Outcome], ranks: Mapping[str, Rank]
) -> int:
    """Store what sources said of a company, and have its open leads that know less scored again.

    Args:
        connection: in a transaction.
        company: which.
        token: whose claim it was.
        outcomes: by source.
        ranks: whom to believe.

    Returns:
        How many leads this is news to.
    """
    sure = (await connection.execute(_LOCK, {"id": company})).one().confidence
    await _store(connection, company, token, outcomes, sure)
    fresh = 0
    for source, outcome in outcomes.items():
        for news in outcome.answer.news if outcome.answer else ():
            trust = sure * (outcome.answer.confidence if outcome.answer else 1.0)
            stored = await connection.execute(_SIGNAL, _signal(company, source, news, trust))
            fresh += stored.one_or_none() is not None
    said = await said_of(connection, company)
    best = settled(said.claims, ranks)
    await connection.execute(_FACTS, {"id": company, "facts": {fact: _document(claim) for fact, claim in best.items()}})
    return await tell_leads(connection, company, said, ranks, stir_all=fresh > 0)


async def settle_person(connection: AsyncConnection, lead: UUID, token: UUID, outcomes: Mapping[str, Outcome]) -> None:
    """Store what sources said of a person, unless they were erased meanwhile."""
    if (await connection.execute(_ALIVE, {"lead": lead})).one_or_none() is None:
        await give_up(connection, lead, token)
        return
    await _store(connection, lead, token, outcomes, 1.0)


async def _store(connection: AsyncConnection, subject: UUID, token: UUID, outcomes: Mapping[str, Outcome], sure: float) -> None:
    for source, outcome in sorted(outcomes.items()):
        answer = outcome.answer
        row = {
            "subject": subject,
            "source": source,
            "claim": token,
            "why": outcome.why.value if outcome.why else None,
            "told": answer is not None or outcome.why is Why.NOTHING_FOUND,
            "facts": answer.facts if answer else {},
            "confidence": sure * answer.confidence if answer else 1.0,
            "again": outcome.again,
        }
        await connection.execute(_SETTLE, row)


async def placed(connection: AsyncConnection, known: Known) -> UUID | None:
    """The record of the company that a name turned out to be, once a source told its web site; with what was said so far.

    Args:
        connection: in a transaction.
        known: a company of which only the name is known.

    Returns:
        None when no source did.
    """
    said = await said_of(connection, known.id)
    sites = [claim for claim in said.claims if claim.fact == "website" and isinstance(claim.value, str)]
    for site in sorted(sites, key=lambda claim: claim.confidence, reverse=True):
        domain = company_domain(str(site.value))
        if domain is None:
            continue
        other = await record(connection, Company(domain, known.company.name), site.confidence)
        both = {"id": known.id, "other": other}
        for statement in (_SAME, _COPY, _MOVE):
            await connection.execute(statement, both)
        return other
    return None


def _signal(company: UUID, source: str, news: News, confidence: float) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "company": company,
        "kind": news.kind.value,
        "key": sha256((news.key or news.url or news.title).encode()).hexdigest()[:32],
        "at": news.at,
        "title": news.title,
        "url": news.url,
        "source": source,
        "confidence": round(confidence * news.confidence, 3),
    }


def _document(claim: Claim) -> dict[str, Any]:
    return {"value": claim.value, "source": claim.source, "at": claim.at.isoformat(), "confidence": round(claim.confidence, 3)}


def names(sources: Iterable[Any]) -> list[str]:
    """Names of sources, in order."""
    return sorted(source.name for source in sources)
