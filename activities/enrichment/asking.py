"""Asking sources: each within its budget, none twice, and what became of it."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog

from activities.database import Database
from activities.enrichment import gate, store
from activities.enrichment.cleaning import cleaned
from activities.enrichment.provider import Answer, Company, Person, Source, Why
from activities.enrichment.store import Outcome
from activities.enrichment.web import PASSING, Kind, Trouble

PATIENCE = 18.0
"""Seconds for everything that is asked about a lead: less than the activity's time, which is 30."""
_LOOK_AGAIN, _LOOK_SELDOM = 0.05, 1.0
_ADMITTANCE = 2.0
"""Seconds a question waits at most for its source's rate."""
_LEFT_ALONE = 30.0
"""Seconds a question waits at least that its source's budget had no room for: others wait too."""
_REFUSED_FOR = timedelta(hours=6)
"""For so long a source is not asked again about somebody after it refused the question, or answered in a way we do not know."""
_NOTHING_KEEPS = timedelta(days=7)
_PERSISTENT = 2
"""Tries, where the connection breaks."""
_log = structlog.get_logger("enrichment")


class Asker:
    """Asks sources on behalf of all leads.

    Args:
        database: where claims, answers and gates are.
        sources: everybody who can be asked.
        patience: seconds for all questions about a lead together.
    """

    def __init__(self, database: Database, sources: Sequence[Source[Any]], patience: float = PATIENCE) -> None:
        self._database = database
        self.sources = [source for source in sources if source.configured]
        self.silent = [source for source in sources if not source.configured]
        self.ranks = {source.name: source.rank for source in sources}
        self.patience = patience

    async def close(self) -> None:
        """Close the ways to all sources."""
        for web in {source.web for source in (*self.sources, *self.silent)}:
            await web.close()

    def about(self, about: str) -> list[Source[Any]]:
        """Those who know companies, or people."""
        return [source for source in self.sources if source.about == about]

    def able(self, company: Company) -> list[Source[Any]]:
        """Those who can be asked about a company: of most only when its domain is known."""
        return [source for source in self.about("company") if company.domain or source.by_name]

    async def ask_company(self, company: UUID, country: str | None, until: float) -> store.Known:
        """Ask everybody who is due about a company, or wait for whoever does it already.

        Args:
            company: its record.
            country: of the lead it is asked for.
            until: by `time.monotonic`, when to stop waiting.

        Returns:
            The company it turned out to be.
        """
        known = await self._read(company, country)
        able = self.able(known.company)
        if known.company.domain is None:
            await self._ask(known.id, known.company, [source for source in able if source.places], until)
            async with self._database.connection() as connection:
                other = await store.placed(connection, known)
            if other is not None:
                return await self.ask_company(other, country, until)
        await self._ask(known.id, known.company, [source for source in able if not source.follows], until)
        followers = [source for source in able if source.follows]
        if followers:
            known = await self._read(known.id, country)
            await self._ask(known.id, known.company, followers, until)
        return known

    async def ask_person(self, lead: UUID, person: Person, until: float) -> None:
        """Ask everybody who is due about a person."""
        await self._ask(lead, person, self.about("person"), until)

    async def _read(self, company: UUID, country: str | None) -> store.Known:
        async with self._database.autocommit() as connection:
            return await store.read(connection, company, country)

    async def _ask(self, subject: UUID, who: Company | Person, sources: Sequence[Source[Any]], until: float) -> None:
        if not sources:
            return
        token, about, all_names = uuid4(), sources[0].about, store.names(sources)
        async with self._database.autocommit() as connection:
            ours = await store.claim(connection, subject, about, all_names, token)
        asked = [source for source in sources if source.name in ours]
        if asked:
            outcomes = await asyncio.gather(*(self._outcome(source, who, until) for source in asked))
            by_name = {source.name: outcome for source, outcome in zip(asked, outcomes, strict=True)}
            async with self._database.connection() as connection:
                if about == "company":
                    await store.settle_company(connection, subject, token, by_name, self.ranks)
                else:
                    await store.settle_person(connection, subject, token, by_name)
        if len(asked) < len(sources):
            await self._wait(subject, all_names, until)

    async def _wait(self, subject: UUID, sources: Sequence[str], until: float) -> None:
        """Until nobody else asks any more, or we have no time left: then they bring the answer to the lead by themselves."""
        pause = _LOOK_AGAIN
        while True:
            async with self._database.autocommit() as connection:
                if not await store.others_ask(connection, subject, sources):
                    return
            if time.monotonic() + pause >= until:
                return
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, _LOOK_SELDOM)

    async def _outcome(self, source: Source[Any], who: Company | Person, until: float) -> Outcome:
        """Ask one source, if its gate lets us."""
        refused = await self._admitted(source, until)
        if refused is not None:
            return Outcome(None, refused.why, timedelta(seconds=max(refused.seconds, _LEFT_ALONE)))
        trouble = Trouble(Kind.BROKEN)
        for _ in range(_PERSISTENT):
            try:
                answer = await self._one(source, who, until)
            except Trouble as found:
                trouble = found
                if found.kind is Kind.BROKEN:
                    continue  # a connection that broke: once more
                break
            else:
                await gate.well(self._database, source.settled_as())
                clean = cleaned(answer) if answer else None
                if clean is None or not (clean.facts or clean.news):
                    return Outcome(None, Why.NOTHING_FOUND, min(source.allowed.keeps, _NOTHING_KEEPS))
                return Outcome(clean, None, source.allowed.keeps)
        return await self._failed(source, trouble)

    async def _failed(self, source: Source[Any], trouble: Trouble) -> Outcome:
        _log.warning("a source could not tell", source=source.name, trouble=trouble.kind.value)
        await gate.ill(self._database, source.settled_as(), trouble, shared=source.shared)
        why = {Kind.SLOW: Why.SLOW, Kind.LIMITED: Why.OVER_BUDGET}.get(trouble.kind, Why.FAILED)
        if trouble.kind not in PASSING:
            return Outcome(None, why, _REFUSED_FOR)
        return Outcome(None, why, timedelta(seconds=trouble.after) if trouble.after else None)

    async def _one(self, source: Source[Any], who: Company | Person, until: float) -> Answer | None:
        try:
            async with asyncio.timeout(min(source.allowed.seconds, max(until - time.monotonic(), 0.0))):
                found: Answer | None = await source.ask(who)
                return found
        except TimeoutError:
            raise Trouble(Kind.SLOW) from None
        except Trouble:
            raise
        except Exception as err:  # whatever somebody else's answer sets off, the lead goes on without it
            _log.error("a source's adapter failed", source=source.name, error=type(err).__name__)
            raise Trouble(Kind.CHANGED) from None

    async def _admitted(self, source: Source[Any], until: float) -> gate.Refused | None:
        last = min(time.monotonic() + _ADMITTANCE, until)
        while True:
            refused = await gate.admit(self._database, source.settled_as(), source.allowed)
            if refused is None or refused.why is not Why.OVER_BUDGET or time.monotonic() + refused.seconds > last:
                return refused
            await asyncio.sleep(max(refused.seconds, 0.01))
