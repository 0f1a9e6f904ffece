"""The weekly digest: what happened last week, by mail to both teams, once to each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import policies
from activities.database import Database, engine_errors
from activities.insights.asked import Asked, moment
from activities.insights.figures import Insight
from activities.insights.holes import holes
from activities.insights.journeys import catch_up
from activities.insights.queries import Row, calmly, rows
from activities.insights.review import review
from activities.insights.sla import sla
from activities.insights.sources import sources
from activities.letters import Letter
from activities.providers import AwayError, Mail, Parcel, RefusedError
from models.messages import DigestOrder, DigestPlan
from models.settings import Settings

WEEK = timedelta(days=7)
_SQLS = 5
_PATIENCE = 60.0
_TEAMS = ["rep", "reviewer", "marketer", "manager"]
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parents[1] / "templates"), undefined=StrictUndefined, autoescape=select_autoescape(["html"])
)
_EVENTS = {
    "Leads": "j.arrived_at",
    "MQL": "j.arrived_at + j.to_mql * interval '1 s'",
    "SAL": "j.arrived_at + j.to_sal * interval '1 s'",
    "SQL": "j.arrived_at + j.to_sql * interval '1 s'",
    "Refused": "j.arrived_at + j.to_refused * interval '1 s'",
    "Won": "j.arrived_at + j.to_won * interval '1 s'",
}
_COUNTS = f"""
    SELECT {", ".join(f"count(*) FILTER (WHERE {at} >= :since AND {at} < :until) AS n{n}" for n, at in enumerate(_EVENTS.values()))},
        {", ".join(f"count(*) FILTER (WHERE {at} >= :before AND {at} < :since) AS b{n}" for n, at in enumerate(_EVENTS.values()))}
    FROM journeys j"""  # noqa: S608 - constants of ours
_READERS = text("SELECT id FROM users WHERE active AND digest AND roles && CAST(:teams AS text[]) ORDER BY id")
_DECIDE = text(
    "INSERT INTO digests (week, user_id, decided_at) SELECT :week, id, now() FROM users WHERE id = :user ON "
    "CONFLICT (week, user_id) DO NOTHING"
)
_OWED = text(
    """
    SELECT u.email FROM digests d JOIN users u ON u.id = d.user_id
    WHERE d.week = :week AND d.user_id = :user AND d.sent_at IS NULL AND d.why IS NULL AND u.active AND u.digest FOR UPDATE OF d"""
)
_SENT = text("UPDATE digests SET sent_at = now() WHERE week = :week AND user_id = :user")
_NOT_SENT = text("UPDATE digests SET why = :why WHERE week = :week AND user_id = :user")


@dataclass(frozen=True, slots=True)
class Digest:
    """What there is to say about a week.

    Args:
        week: its Monday.
        counts: each of what was counted, in that week and in the one before.
        said: sentences, the most important first.
        sqls: the latest leads that were qualified in it: name, profile, and where they are.
    """

    week: date
    counts: Sequence[tuple[str, int, int]]
    said: Sequence[str]
    sqls: Sequence[tuple[str, str, str]]


async def digest(connection: AsyncConnection, week: date, zone: str, public_url: str) -> Digest:
    """The digest of the week that begins on a Monday, as of now.

    Args:
        connection: within a transaction of its own.
        week: the Monday.
        zone: whose weeks: the policy's.
        public_url: where the board is.
    """
    await calmly(connection)
    since = moment(week, zone)
    asked = Asked(since, moment(week + WEEK, zone), "source", zone, datetime.now(UTC))
    counted = (await rows(connection, _COUNTS, asked, before=moment(week - WEEK, zone)))[0]
    counts = [(name, counted[f"n{n}"], counted[f"b{n}"]) for n, name in enumerate(_EVENTS)]
    found = [await insight(connection, asked) for insight in (holes, sla, sources)]
    latest = await review(connection, asked)
    return Digest(week, counts, [sentence for each in found for sentence in each.said], _sqls(latest, public_url))


def _sqls(latest: Insight, public_url: str) -> list[tuple[str, str, str]]:
    shown: Sequence[Any] = latest.tables[0].rows[:_SQLS]
    return [(row["lead"]["name"], row["profile"], f"{public_url.rstrip('/')}/leads/{row['lead']['id']}") for row in shown]


def letter(found: Digest, public_url: str) -> Letter:
    """The digest as a mail, in plain text and in HTML."""
    board = public_url.rstrip("/")
    subject = f"Leads in the week of {found.week.day} {found.week:%b %Y}"
    what = {"subject": subject, "found": found, "board": board, "account": f"{board}/account"}
    plain, html = (_TEMPLATES.get_template(f"digest.{kind}").render(**what) for kind in ("txt", "html"))
    return Letter(subject, subject, plain, html)


class DigestActivities:
    """Finds out who gets the digest, and sends it.

    Args:
        database: where leads and users are.
        settings: the mail server and where the board is.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._mail = Mail(settings)

    @activity.defn(name="plan_digest")
    async def plan(self, at: datetime) -> DigestPlan:
        """Which week was the last to end before `at`, and who is to hear of it.

        Raises:
            LookupError: when no policy was ever published: there are no weeks yet.
            ApplicationError: retryable, when the database is out of reach.
        """
        with engine_errors("the digest could not be planned"):
            async with self._database.autocommit() as connection:
                zone = (await policies.latest(connection)).clock.timezone
                readers = (await connection.execute(_READERS, {"teams": _TEAMS})).scalars().all()
        today = at.astimezone(ZoneInfo(zone)).date()
        monday = today - timedelta(days=today.weekday())
        return DigestPlan(week=monday - WEEK, users=tuple(map(str, readers)))

    @activity.defn(name="send_digest")
    async def send(self, order: DigestOrder) -> bool:
        """Send one user the digest of a week, unless that was done.

        Only a worker that dies between the mail server's yes and its own note of it sends it again, under the same Message-ID.

        Returns:
            Whether it left now. It never does without a mail server, nor to who wants none.

        Raises:
            ApplicationError: retryable, when the database or the mail server is out of reach.
        """
        key: Row = {"week": order.week, "user": UUID(order.user)}
        with engine_errors("the digest could not be sent"):
            await catch_up(self._database, seconds=_PATIENCE)
            async with self._database.connection() as connection:
                await connection.execute(_DECIDE, key)
            async with self._database.connection() as connection:
                address = (await connection.execute(_OWED, key)).scalar_one_or_none()
                if address is None:
                    return False
                why = await self._sent(connection, address, order)
                await connection.execute(_NOT_SENT if why else _SENT, {**key, **({"why": why} if why else {})})
        return why is None

    async def _sent(self, connection: AsyncConnection, address: str, order: DigestOrder) -> str | None:
        """Write and send it; why it never will be, as a code, where it will not."""
        if not self._mail.configured:
            return "no_server"
        zone = (await policies.latest(connection)).clock.timezone
        found = await digest(connection, order.week, zone, self._settings.public_url)
        try:
            name = f"digest-{order.week}-{UUID(order.user).hex}"
            await self._mail.deliver(Parcel.notice(name, address, letter(found, self._settings.public_url)))
        except RefusedError as err:
            return err.why
        except AwayError as err:
            raise ApplicationError(f"the mail server could not take the digest ({err.why})", type="ProviderAway") from None
        finally:
            await self._mail.close()
        return None
