"""Tells people outside the page: by e-mail, in Slack, in Teams.

Notices are numbered in the order of commit, so a position in that order is all it takes to find new ones: the ledger does
nothing for it and waits for nobody. For each notice and channel there is one row, by what it says to whom, so a notice that
is written again is not told again. Each is sent, and tried again for a day, by whichever API process takes its lease.
"""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import structlog
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import teams
from activities.database import Database
from activities.posting import Poster, Reply
from activities.providers import AwayError, Mail, Parcel, RefusedError
from activities.slack import Slack
from api.services import leads, notice_words
from api.services.notice_choice import USUAL
from api.services.notice_words import CLAIMABLE, Told
from models.lifecycle import CLAIMABLE as CLAIMABLE_STAGES
from models.lifecycle import Role, Stage, Tier
from models.settings import Settings

_BATCH = 500
_AT_ONCE = 20
_LEASE_SECONDS = 120
_CONNECTIONS = 4
_PAUSES = (10, 60, 300, 900, 3600)
_AWAY = (SQLAlchemyError, psycopg.Error, OSError)

_POSITION = text("SELECT change FROM notice_position FOR UPDATE SKIP LOCKED")
_HEAD = text("SELECT greatest((SELECT max(change) FROM leads), (SELECT max(change) FROM notices))")
_ADVANCE = text("UPDATE notice_position SET change = :upto")
# A window of changes with at most so many notices in it, so that no transaction grows without bound.
_UPTO = text(
    """
    SELECT max(change) FROM (
        SELECT change FROM notices WHERE change > :after AND change <= :head ORDER BY change LIMIT :limit) found
    HAVING count(*) = :limit"""
)
_NEW = "n.change > :after AND n.change <= :upto AND n.lead_id IS NOT NULL"
"""What is told of the scoring model stays in the page."""
_PUT = """
    INSERT INTO notice_sendings (id, lead_id, seq, kind, channel, user_id, role, at)
    SELECT gen_random_uuid(), n.lead_id, n.seq, n.kind, '{channel}', {user}, n.role, n.at
    FROM notices n {join} WHERE {new} AND n.kind = ANY({wanted}) ON CONFLICT DO NOTHING"""
_PREFERRING = "LEFT JOIN notice_preferences p ON p.user_id = u.id"
_BY_EMAIL = text(
    _PUT.format(
        channel="email",
        user="u.id",
        join=f"JOIN users u ON u.active AND (u.id = n.user_id OR n.role = ANY(u.roles)) {_PREFERRING}",
        new=_NEW,
        wanted="coalesce(p.email, CAST(:usual AS text[]))",
    )
)
_BY_SLACK = text(
    _PUT.format(
        channel="slack",
        user="u.id",
        join=f"LEFT JOIN users u ON u.id = n.user_id AND u.active {_PREFERRING}",
        new=_NEW + " AND (u.id IS NOT NULL OR (n.role IS NOT NULL AND :channel))",
        wanted="coalesce(p.slack, CAST(:usual AS text[]))",
    )
)
_BY_TEAMS = text(_PUT.format(channel="teams", user="n.user_id", join="", new=_NEW, wanted="CAST(:usual AS text[])"))
_UP_FOR_GRABS = text(
    """
    INSERT INTO notice_sendings (id, lead_id, seq, kind, channel, at)
    SELECT gen_random_uuid(), l.id, l.first_seq, :kind, c.channel, now()
    FROM leads l, unnest(CAST(:channels AS text[])) AS c (channel)
    WHERE l.change > :after AND l.change <= :upto AND l.stage = :new AND l.owner_id IS NULL AND NOT l.closed
        AND (l.tier = :high OR l.state ->> 'fast_lane' IS NOT NULL)
    ON CONFLICT DO NOTHING"""
)
_LEASE = text(
    """
    UPDATE notice_sendings SET lease = :lease, leased_until = now() + make_interval(secs => :seconds)
    WHERE id IN (
        SELECT id FROM notice_sendings
        WHERE state = 'waiting' AND next_at <= now() AND (leased_until IS NULL OR leased_until < now())
        ORDER BY next_at LIMIT :limit FOR UPDATE SKIP LOCKED)"""
)
# A notice whose entry gave way to another is not told any more; one that is a day old is no news.
_LEASED = text(
    """
    SELECT s.*, u.email, u.name, coalesce(u.timezone, 'UTC') AS timezone, k.slack_id,
        CASE WHEN s.at < now() - interval '1 day' THEN 'late'
            WHEN u.id IS NOT NULL AND NOT u.active THEN 'nobody'
            WHEN s.kind <> :claimable AND NOT EXISTS (
                SELECT FROM notices n WHERE n.lead_id = s.lead_id AND n.seq = s.seq AND n.kind = s.kind
                    AND n.role IS NOT DISTINCT FROM s.role AND (s.role IS NOT NULL OR n.user_id = s.user_id)) THEN 'taken_back'
        END AS needless
    FROM notice_sendings s LEFT JOIN users u ON u.id = s.user_id
        LEFT JOIN LATERAL (SELECT slack_id FROM slack_users WHERE user_id = u.id ORDER BY by_hand DESC LIMIT 1) k ON true
    WHERE s.lease = :lease AND s.state = 'waiting'"""
)
_DONE = text(
    """
    UPDATE notice_sendings SET state = :state, why = :why, tries = tries + 1, lease = NULL, leased_until = NULL,
        next_at = now() + make_interval(secs => :pause)
    WHERE id = :id AND lease = :lease"""
)
_LEARN = text("INSERT INTO slack_users (slack_id, user_id, by_hand) VALUES (:slack, :user, false) ON CONFLICT DO NOTHING")
_PRUNE = text("DELETE FROM notice_sendings WHERE state <> 'waiting' AND at < now() - interval '90 days'")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a try: `sent`, `dropped` for good, or `waiting` for another."""

    state: str
    why: str | None = None
    wait: float = 0.0


class NoticeQueue:
    """Finds notices and sends them on.

    Args:
        database: where they are.
        settings: the ways out.
        poster: what requests are sent with.
    """

    def __init__(self, database: Database, settings: Settings, poster: Poster) -> None:
        self._database = database
        self._settings = settings
        self._poster = poster
        self._mail = Mail(settings)
        self._slack = Slack(settings, poster)
        self._noting = asyncio.Semaphore(_CONNECTIONS)
        self._button = bool(settings.slack_signing_secret.get_secret_value())

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            try:
                while await self.find():
                    pass
                while await self.tell():
                    pass
            except _AWAY as err:
                _log.warning("notices wait for the database", cause=type(err).__name__)
            except Exception:  # one notice's trouble must not end the others
                _log.exception("notices could not be told")
            await asyncio.sleep(self._settings.sweep_every)

    async def find(self) -> bool:
        """Put new notices on their ways.

        Returns:
            Whether there may be more.

        Raises:
            sqlalchemy.exc.DBAPIError: when the database is out of reach.
        """
        async with self._database.connection() as connection:
            after = (await connection.execute(_POSITION)).scalar_one_or_none()
            head = (await connection.execute(_HEAD)).scalar_one_or_none() if after is not None else None
            if after is None or head is None or head <= after:
                return False
            what = {"after": after, "head": head, "limit": _BATCH}
            some = (await connection.execute(_UPTO, what)).scalar_one_or_none()
            await self._put(connection, {"after": after, "upto": some or head, "usual": list(USUAL)})
            await connection.execute(_ADVANCE, {"upto": some or head})
            return some is not None

    async def _put(self, connection: AsyncConnection, window: dict[str, Any]) -> None:
        if self._mail.configured:
            await connection.execute(_BY_EMAIL, window)
        channels = []
        if self._slack.has_channel or self._slack.knows_people:
            await connection.execute(_BY_SLACK, window | {"channel": self._slack.has_channel})
        if self._slack.has_channel:
            channels.append("slack")
        if self._settings.teams_webhook_url:
            await connection.execute(_BY_TEAMS, window)
            channels.append("teams")
        if channels:
            worth = {"kind": CLAIMABLE, "channels": channels, "new": Stage.NEW, "high": Tier.HIGH}
            await connection.execute(_UP_FOR_GRABS, window | worth)

    async def tell(self) -> bool:
        """Send what is due.

        Returns:
            Whether there may be more at once.

        Raises:
            sqlalchemy.exc.DBAPIError: when the database is out of reach; leases run out then, and it is sent again.
        """
        what = {"lease": uuid4(), "limit": _AT_ONCE, "seconds": _LEASE_SECONDS, "claimable": CLAIMABLE}
        async with self._database.connection() as connection:
            await connection.execute(_LEASE, what)
            rows = (await connection.execute(_LEASED, what)).mappings().all()
            cards = {card.id: card for card in await leads.cards(connection, [row["lead_id"] for row in rows])}

        async def one(row: RowMapping) -> None:
            outcome = await self._send(row, cards.get(row["lead_id"]))
            pause = max(_PAUSES[min(row["tries"], len(_PAUSES) - 1)], outcome.wait)
            note = {"id": row["id"], "lease": what["lease"], "state": outcome.state, "why": outcome.why, "pause": pause}
            async with self._noting, self._database.autocommit() as connection:
                await connection.execute(_DONE, note)

        try:
            await asyncio.gather(*map(one, rows))
        finally:
            await self._mail.close()
        return len(rows) == _AT_ONCE

    async def _send(self, row: RowMapping, lead: Any) -> _Outcome:
        if lead is None or row["needless"]:
            return _Outcome("dropped", row["needless"] or "erased")
        if row["kind"] == CLAIMABLE and (lead.owner or lead.closed or lead.stage not in CLAIMABLE_STAGES):
            return _Outcome("dropped", "taken")
        role = Role(row["role"]) if row["role"] else None
        public = row["channel"] == "teams" or (row["channel"] == "slack" and not self._slack.knows_people)
        board = self._settings.public_url
        words = notice_words.told(row["kind"], role, lead, row["timezone"], board, row["name"] if public else None)
        if row["channel"] == "email":
            return await self._by_email(row, words)
        if row["channel"] == "teams":
            return _of(await teams.tell(self._poster, self._settings.teams_webhook_url, notice_words.teams(words)))
        return await self._by_slack(row, words)

    async def _by_email(self, row: RowMapping, words: Told) -> _Outcome:
        try:
            letter = notice_words.letter(words, self._settings.public_url)
            await self._mail.deliver(Parcel.notice(f"notice-{row['id']}", row["email"], letter))
        except RefusedError as err:
            return _Outcome("dropped", err.why)
        except AwayError as err:
            return _Outcome("waiting", err.why)
        return _Outcome("sent")

    async def _by_slack(self, row: RowMapping, words: Told) -> _Outcome:
        """To the person where Slack knows them, else to the channel."""
        message = notice_words.slack(words, button=self._button)
        if row["user_id"] is not None and self._slack.knows_people:
            slack_id = row["slack_id"]
            if slack_id is None:
                slack_id, reply = await self._slack.id_of(row["email"])
                if slack_id is None and not (reply.why or "").startswith("refused"):
                    return _of(reply)
                await self._learn(slack_id, row["user_id"])
            if slack_id is not None:
                return _of(await self._slack.tell(slack_id, message))
        if not self._slack.has_channel:
            return _Outcome("dropped", "not_in_slack")
        return _of(await self._slack.tell_channel(message))

    async def _learn(self, slack_id: str | None, user: UUID) -> None:
        if slack_id is not None:
            async with self._database.autocommit() as connection:
                await connection.execute(_LEARN, {"slack": slack_id, "user": user})


def _of(reply: Reply) -> _Outcome:
    if reply.arrived:
        return _Outcome("sent")
    for_good = (reply.why or "").startswith("refused") or reply.why == "inward"
    return _Outcome("dropped" if for_good else "waiting", reply.why, reply.wait or 0.0)


async def prune(database: Database) -> None:
    """Forget what was told three months ago.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    async with database.connection() as connection:
        await connection.execute(_PRUNE)
