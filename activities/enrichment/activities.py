"""The activities that find out who a lead and its company are, and keep that up to date."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from temporalio import activity

from activities.database import Database, engine_errors
from activities.enrichment import profiles, store
from activities.enrichment.asking import PATIENCE, Asker
from activities.enrichment.basics import domain_of, email_kind
from activities.enrichment.email_domain import EmailDomain
from activities.enrichment.location import Location
from activities.enrichment.naming import company_of, is_reserved
from activities.enrichment.profile import Claim, Said
from activities.enrichment.provider import Guess, Rank, Why
from activities.enrichment.sources import sources
from activities.enrichment.web import Web
from activities.outward import Guard, Outward
from models.messages import Enriched, Order
from models.settings import Settings

GUESSES: tuple[Guess, ...] = (EmailDomain(), Location())
"""Who read what the form says by itself."""
_AT_ONCE = 8
"""Subjects that one look for what is out of date takes up at the same time."""

_READ = text(
    """
    SELECT id, email, first_name, last_name, company, title, phone, country, attributes, domain, company_id
    FROM leads WHERE id = :lead AND stage <> 'erased'"""
)
_DUE = text(
    """
    SELECT a.subject_id, min(a.about) AS about FROM source_answers a
    WHERE a.ask_again_at <= now() AND coalesce(a.claimed_until <= now(), true) AND a.source = ANY(:sources) AND (
        (a.about = 'company' AND EXISTS (SELECT FROM leads l WHERE l.company_id = a.subject_id AND NOT l.closed AND l.stage <> 'erased'))
        OR (a.about = 'person' AND EXISTS (SELECT FROM leads l WHERE l.id = a.subject_id AND NOT l.closed AND l.stage <> 'erased')))
    GROUP BY a.subject_id ORDER BY min(a.ask_again_at) LIMIT :limit"""
)


def asker(database: Database, settings: Settings) -> Asker:
    """What asks the sources that the settings allow: nobody where enrichment is switched off, or in a demo, whose companies are made up.

    Raises:
        ValueError: when a source's settings are impossible.
    """
    if not settings.enrichment or settings.demo_hour:
        return Asker(database, ())
    outward = Outward(Guard(loopback=settings.outward_loopback), agent=settings.agent)
    return Asker(database, sources(Web(outward, settings.agent)))


class EnrichmentActivities:
    """Carries out `Enrich`, and the looks for what is out of date.

    Args:
        database: where leads and companies are.
        ask: who is asked, and how; nobody outside when left out.
        guesses: what is read off the form.
    """

    def __init__(self, database: Database, ask: Asker | None = None, guesses: Sequence[Guess] = GUESSES) -> None:
        self._database = database
        self._asker = ask or Asker(database, (), PATIENCE)
        self._guesses = tuple(guesses)
        self._ranks = {**{guess.name: Rank.GUESS for guess in guesses}, **self._asker.ranks}

    @activity.defn(name="enrich")
    async def enrich(self, order: Order) -> Enriched:
        """Ask everybody about a lead and its company and store what is known now. A source that fails or is slow is named as missing.

        Returns:
            Not `ok` when a source is missing, or the person is gone.

        Raises:
            ApplicationError: retryable, when the database is out of reach.
        """
        with engine_errors("the lead could not be enriched"):
            document = await self._enrich(UUID(order.lead))
        return Enriched(number=order.effect.number, ok=document is not None and not document["missing"])

    async def _enrich(self, lead: UUID) -> dict[str, Any] | None:
        async with self._database.autocommit() as connection:
            row = (await connection.execute(_READ, {"lead": lead})).mappings().one_or_none()
        if row is None:
            return None
        person, until = dict(row), time.monotonic() + self._asker.patience
        company, _ = await asyncio.gather(self._company(person, until), self._person(person, until))
        own = self._own(person, company)
        if company is None and not self._asker.about("person"):
            async with self._database.autocommit() as connection:
                return await profiles.write_plain(connection, lead, own, self._ranks)
        async with self._database.connection() as connection:
            return await profiles.write_profile(connection, lead, company.id if company else None, own, self._ranks)

    async def _company(self, person: dict[str, Any], until: float) -> store.Known | None:
        found = company_of(person) if self._asker.about("company") else None
        if found is None:
            return None
        async with self._database.autocommit() as connection:
            company = await store.record(connection, found)
        return await self._asker.ask_company(company, found.country, until)

    async def _person(self, person: dict[str, Any], until: float) -> None:
        domain = domain_of(person["email"])
        if domain and not is_reserved(domain) and email_kind(domain) != "disposable":
            await self._asker.ask_person(person["id"], person, until)

    def _own(self, person: Mapping[str, Any], company: store.Known | None) -> Said:
        """What follows from the form, and who cannot be asked about this lead."""
        at = datetime.now(UTC)
        claims = [Claim(fact, value, guess.name, at) for guess in self._guesses for fact, value in guess.look_up(person).items()]
        why = {source.name: Why.NOT_CONFIGURED for source in self._asker.silent}
        able = store.names(self._asker.able(company.company)) if company else []
        why |= {source.name: Why.NOTHING_FOUND for source in self._asker.about("company") if source.name not in able}
        return Said(tuple(claims), why)

    @activity.defn(name="refresh")
    async def refresh(self, limit: int) -> int:
        """Ask again what is out of date, or could not be told, about open leads and their companies; those with news are scored again.

        Args:
            limit: how many companies and people at most.

        Returns:
            How many were looked at; fewer than the limit when nothing else is due.

        Raises:
            ApplicationError: retryable, when the database is out of reach.
        """
        names = store.names(self._asker.sources)
        with engine_errors("what is out of date could not be found"):
            async with self._database.autocommit() as connection:
                due = (await connection.execute(_DUE, {"sources": names, "limit": limit})).all()
            room = asyncio.Semaphore(_AT_ONCE)

            async def one(subject: UUID, about: str) -> None:
                async with room:
                    until = time.monotonic() + self._asker.patience
                    if about == "company":
                        await self._asker.ask_company(subject, None, until)
                    else:
                        await self._refresh_person(subject, until)
                    activity.heartbeat()

            results = await asyncio.gather(*(one(row.subject_id, row.about) for row in due), return_exceptions=True)
            for failure in results:  # only once all the others are done: one company must not hold up the rest
                if isinstance(failure, BaseException):
                    raise failure
        return len(due)

    async def _refresh_person(self, lead: UUID, until: float) -> None:
        async with self._database.autocommit() as connection:
            row = (await connection.execute(_READ, {"lead": lead})).mappings().one_or_none()
            if row is None:
                return
            person = dict(row)
            company = await store.read(connection, person["company_id"]) if person["company_id"] else None
        await self._asker.ask_person(lead, person, until)
        async with self._database.connection() as connection:
            record = company.id if company else None
            await profiles.write_profile(connection, lead, record, self._own(person, company), self._ranks, stir=True)
