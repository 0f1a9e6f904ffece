"""Takes beacons in and stores them many at a time. A beacon is answered once it is stored, so a 204 means that.

One transaction for all that came within a moment is what makes a thousand beacons a second cheap. The queue is bounded:
when it is full, more is refused at once, and nobody waits for nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.links import Links
from activities.policies import latest
from activities.signals.judging import LONGEST_AGENT, Judgement, judge_of
from api.errors import DatabaseAway
from api.services import engagements, identity, outbox, stirring, verdicts
from api.services.engagements import Seen
from api.services.engine import Engine
from api.services.identity import How
from api.services.stirring import Doings, Who
from api.services.tracking.beacons import Beacon
from api.services.tracking.limits import EVENTS, Buckets, TooMany, network_of
from models.policy import Policy
from models.settings import Settings
from models.signals import Sign, Verdict

_TOGETHER = 0.05
"""Seconds for which beacons gather before they are stored together."""
_A_TRANSACTION = 500
"""Beacons stored together at most."""
_QUEUE = 2_000
"""Beacons waiting at most: two seconds' worth of them, which are 130 MB were each as large as may be, and usually 2."""
_NAMING = 20
"""As how many events saying who one is counts, so that nobody tries many addresses."""
_ROBOTS = text("SELECT anonymous_id, why FROM robots WHERE anonymous_id = ANY(:visitors)")
_PRUNE = text("DELETE FROM robots WHERE at < now() - CAST(:kept AS interval)")
_LEAD = """
    SELECT id, closed, account_id IS NOT NULL AS named, coalesce(stirred_until >= now(), false) AS quiet FROM leads
    WHERE {which} AND stage <> 'erased' FOR KEY SHARE"""
_NAMED = {How.IDENTIFY: text(_LEAD.format(which="email_key = :key")), How.CLICK: text(_LEAD.format(which="id = :key"))}
_NOBODYS = text(
    """
    DELETE FROM engagements WHERE id IN (
        SELECT id FROM engagements WHERE lead_id IS NULL AND received_at < now() - make_interval(days => :days) LIMIT 5000)"""
)
_AWAY = (SQLAlchemyError, psycopg.Error, OSError, LookupError)
_log = structlog.get_logger()
Waiting = list[tuple[Beacon, "asyncio.Future[None]"]]


class Collector:
    """The queue between the public door and the database.

    Args:
        database: where to.
        engine: told when there is something to deliver.
        settings: how much anybody may send, and what links are signed with.
    """

    def __init__(self, database: Database, engine: Engine, settings: Settings) -> None:
        self._database, self._engine, self._links = database, engine, Links(settings)
        self._visitors, self._addresses = Buckets(settings.tracking_per_visitor), Buckets(settings.tracking_per_address)
        self._waiting: Waiting = []
        self._filled = asyncio.Event()

    async def add(self, beacon: Beacon) -> None:
        """Store a beacon, together with others; done when it is stored.

        Raises:
            TooMany: when its visitor or address sends more than people do, or too much is waiting already.
            DatabaseAway: when it could not be stored.
        """
        for outcome, count in beacon.refused.items():
            EVENTS.labels(outcome).inc(count)
        named = bool(beacon.email or beacon.link)
        self.admit(beacon.visitor, beacon.address, len(beacon.events) + beacon.refused.total() + _NAMING * named)
        if not beacon.events and not named:
            return
        if len(self._waiting) >= _QUEUE:
            EVENTS.labels("overflow").inc(len(beacon.events))
            raise TooMany(1)
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((beacon, stored))
        self._filled.set()
        await stored

    def admit(self, visitor: str, address: str | None, cost: int) -> None:
        """Let so much more pass.

        Raises:
            TooMany: when it is too much.
        """
        if not self._visitors.take(visitor, cost) or not self._addresses.take(network_of(address or ""), cost):
            EVENTS.labels("throttled").inc(cost)
            raise TooMany(60)

    async def run(self) -> None:
        """Store what comes, until cancelled; what is waiting then is stored first."""
        try:
            while True:
                await self._filled.wait()
                await asyncio.sleep(_TOGETHER)
                await self._empty()
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await self._empty()
            for _, stored in self._waiting:
                _answer(stored, DatabaseAway())

    async def hidden(self, visitor: str, address: str | None) -> None:
        """A visitor followed the link that nobody sees: it is a machine.

        Raises:
            TooMany: when it does so all the time.
        """
        self.admit(visitor, address, _NAMING)
        async with self._database.connection() as connection:
            told = await verdicts.robots(connection, [visitor], Sign.HIDDEN_LINK)
        if told:
            self._engine.outbox_filled.set()

    async def _empty(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:_A_TRANSACTION], self._waiting[_A_TRANSACTION:]
            await self._store(some)
        self._filled.clear()

    async def _store(self, some: Waiting) -> None:
        """Store these, all or one by one: what PostgreSQL does not take of one must not cost the others."""
        try:
            outcomes = await self._flush([beacon for beacon, _ in some])
        except _AWAY as err:
            if len(some) > 1 and isinstance(err, DataError | ProgrammingError | IntegrityError):
                for one in some:
                    await self._store([one])
                return
            _log.warning("visitors' events could not be stored", cause=type(err).__name__)
            for _, stored in some:
                _answer(stored, DatabaseAway())
            return
        for outcome, count in outcomes.items():
            EVENTS.labels(outcome).inc(count)
        for _, stored in some:
            _answer(stored)
        await asyncio.sleep(0)  # the answers leave before anybody is looked up: how long that takes says who is known
        for beacon, _ in some:
            if beacon.email or beacon.link:
                await self._name(beacon)

    async def _flush(self, beacons: Sequence[Beacon]) -> Counter[str]:
        """One transaction. What became of how many events."""
        outcomes: Counter[str] = Counter()
        async with self._database.connection() as connection:
            policy = await latest(connection)
            what = {"visitors": list({beacon.visitor for beacon in beacons})}
            robots = {row.anonymous_id: row.why for row in (await connection.execute(_ROBOTS, what)).all()}
            seen: dict[str, Seen] = {}
            for beacon in beacons:
                if _foreign(beacon, policy):
                    outcomes["foreign"] += len(beacon.events)
                    continue
                judgement = _judged(beacon, policy, robots)
                agent = (beacon.agent or "")[:LONGEST_AGENT].replace("\x00", "") or None
                for form in beacon.events:
                    if form.kind == "page_view" and isinstance(form.properties.get("path"), str):
                        form.kind = policy.tracking.kind_of(form.properties["path"])
                    seen.setdefault(form.id, Seen(form, judgement, agent))
            kept = await engagements.keep(connection, policy, list(seen.values()))
        if kept.told:
            self._engine.outbox_filled.set()
        outcomes["accepted"] = len(kept.new)
        outcomes["duplicate"] = sum(len(beacon.events) for beacon in beacons) - outcomes["foreign"] - len(kept.new)
        return outcomes

    async def _name(self, beacon: Beacon) -> None:
        """Join a visitor to who they say they are, if that is somebody we know. Nobody is told whether it is."""
        try:
            async with self._database.connection() as connection:
                policy = await latest(connection)
                if _foreign(beacon, policy) or _judged(beacon, policy, {}).verdict is not Verdict.HUMAN:
                    return
                told = await self._join(connection, policy, beacon)
        except _AWAY as err:
            _log.warning("a visitor could not be joined to a lead", cause=type(err).__name__)
            return
        if told:
            self._engine.outbox_filled.set()

    async def _join(self, connection: AsyncConnection, policy: Policy, beacon: Beacon) -> bool:
        """The click first: what somebody says of themselves counts more, and so comes last."""
        linked = self._links.visitor(beacon.link) if beacon.link else None
        ways: list[tuple[How, UUID | str]] = [(How.CLICK, linked[0])] if linked else []
        if beacon.email and policy.tracking.identify:
            ways.append((How.IDENTIFY, beacon.email))
        told = False
        for how, key in ways:
            row = (await connection.execute(_NAMED[how], {"key": key})).one_or_none()
            if row is None:
                continue
            adopted = await identity.join(connection, beacon.visitor, row.id, how)
            human = [one for one in adopted if one.verdict == Verdict.HUMAN]
            if human:
                doings = Doings(Who(*row), max(one.at for one in human), {one.kind for one in human})
                signals = await stirring.signals(connection, policy, [doings])
                await outbox.store(connection, signals)
                told |= bool(signals)
        return told


async def prune(database: Database, settings: Settings) -> None:
    """Forget visitors whom nobody knows, and machines that were not seen lately.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.autocommit() as connection:
        while (await connection.execute(_NOBODYS, {"days": settings.tracking_keep_days})).rowcount:
            continue
        await connection.execute(_PRUNE, {"kept": verdicts.AGENTS_KEPT})


def _answer(stored: "asyncio.Future[None]", failure: Exception | None = None) -> None:
    if stored.done():  # whoever sent it went away
        return
    if failure is None:
        stored.set_result(None)
    else:
        stored.set_exception(failure)


def _foreign(beacon: Beacon, policy: Policy) -> bool:
    sites = policy.tracking.sites
    return bool(sites) and beacon.site is not None and beacon.site not in sites


def _judged(beacon: Beacon, policy: Policy, robots: dict[str, Any]) -> Judgement:
    """Whether a person sits at this browser."""
    if beacon.visitor in robots:
        return Judgement(Verdict.BOT, Sign(robots[beacon.visitor]))
    if beacon.automated:
        return Judgement(Verdict.BOT, Sign.AUTOMATED)
    return judge_of(policy.signals.document).of(beacon.agent, beacon.address, machine=Verdict.BOT)
