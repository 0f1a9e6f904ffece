"""What the signed links in messages do: a message was opened, a link clicked, a channel stopped.

Each becomes an engagement like any other. Who opened or clicked may be a machine: by its user agent, its address, by coming
sooner than anybody reads, by following every link, or by following one that nobody sees. The last two also say what the hits
just before were.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.letters import targets
from activities.links import Link, Links, Purpose
from activities.policies import latest
from activities.signals.judging import LONGEST_AGENT, PERSON, Judgement, judge_of
from api.errors import NotFound
from api.services import engagements, verdicts
from api.services.engagements import Seen
from api.services.engine import Engine
from models.ids import uuid7
from models.policy import Policy, Signals
from models.schemas.engagements import Batch, EventForm
from models.settings import Settings
from models.signals import Sign, Verdict

VISIT = "tw"
"""The parameter that a click takes along to sites of ours."""
_SITTING = timedelta(minutes=1)
"""How long a scanner takes for a mail: a hidden link followed says what else was done within this long."""
_ENOUGH_LINKS = 3
_HIDDEN = "hidden_link"

_ALIVE = text("SELECT FROM leads WHERE id = :lead AND stage <> 'erased' FOR KEY SHARE")
_MAIL = text("SELECT sent_at, coalesce(body, '') AS body FROM messages WHERE id = :message AND lead_id = :lead FOR NO KEY UPDATE")
_HITS = text(
    """
    SELECT id, kind, properties ->> 'target' AS target, at, verdict, sign FROM engagements
    WHERE lead_id = :lead AND properties ->> 'message' = :message ORDER BY at"""
)
_OPENED = text("UPDATE messages SET opened_at = coalesce(opened_at, now()) WHERE id = :message")
_CLICKED = text("UPDATE messages SET clicked_at = coalesce(clicked_at, now()), opened_at = coalesce(opened_at, now()) WHERE id = :message")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who follows a link.

    Args:
        agent: their user agent.
        address: where they are; looked at, and kept nowhere.
    """

    agent: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class _Hit:
    """A link followed now.

    Args:
        kind: of engagement.
        target: where it leads.
        at: when.
    """

    kind: str
    target: str | None
    at: datetime


Hits = Sequence[Row[Any]]
"""What was followed in this message before."""


def read(settings: Settings, purpose: Purpose, token: str) -> Link:
    """What a token says.

    Raises:
        NotFound: when it is not one of ours, or not for this purpose.
    """
    found = Links(settings).read(purpose, token)
    if found is None:
        raise NotFound("link")
    return found


async def opened(database: Database, engine: Engine, link: Link, caller: Caller) -> None:
    """The message was opened, perhaps by a person."""
    await _followed(database, engine, link, caller, f"{link.channel}_opened")


async def clicked(database: Database, engine: Engine, link: Link, caller: Caller, settings: Settings) -> str:
    """A link in the message was clicked, perhaps by a person.

    Returns:
        Where it leads: what we signed, nowhere else. To a site that the snippet runs on a person takes along who they are.
    """
    target = link.target or "/"
    found = await _followed(database, engine, link, caller, f"{link.channel}_clicked", target)
    if found is None:
        return target
    judgement, policy = found
    parts = urlsplit(target)
    if judgement.verdict is not Verdict.HUMAN or parts.netloc.lower() not in policy.tracking.sites:
        return target
    query = [*parse_qsl(parts.query, keep_blank_values=True), (VISIT, Links(settings).visit(link))]
    return urlunsplit(parts._replace(query=urlencode(query)))


async def hidden(database: Database, engine: Engine, link: Link, caller: Caller) -> None:
    """The link that nobody sees was followed: a machine goes through the mail."""
    await _followed(database, engine, link, caller, f"{link.channel}_{_HIDDEN}")


async def stopped(database: Database, engine: Engine, link: Link, how: str = "link") -> None:
    """The person wants no more on this channel.

    Args:
        database: where to.
        engine: told of it.
        link: whose, and which channel.
        how: they said so, for the record of consents.
    """
    now = datetime.now(UTC).isoformat()
    done = {"id": f"stop-{link.message}", "kind": "unsubscribe", "at": now, "lead_id": str(link.lead)}
    await engagements.take(database, engine, Batch(events=[{**done, "properties": {"channel": link.channel.value, "how": how}}]))


async def _followed(
    database: Database, engine: Engine, link: Link, caller: Caller, kind: str, target: str | None = None
) -> tuple[Judgement, Policy] | None:
    """Judge a hit and store it, if it is not known. None when there is nobody left whose it could be."""
    told = False
    async with database.connection() as connection:
        policy = await latest(connection)
        what = {"lead": link.lead, "message": link.message}
        if (await connection.execute(_ALIVE, what)).one_or_none() is None:
            return None
        mail = (await connection.execute(_MAIL, what)).one_or_none()  # one hit of a message after the other
        hits = (await connection.execute(_HITS, {**what, "message": str(link.message)})).all()
        hit = _Hit(kind, target, datetime.now(UTC))
        judgement = _judged(hit, caller, mail, hits, policy)
        if judgement.sign in (Sign.EVERY_LINK, Sign.HIDDEN_LINK):
            span = _SITTING if judgement.sign is Sign.HIDDEN_LINK else policy.signals.every_link_within
            told = await verdicts.convict(connection, [one.id for one in hits if hit.at - one.at <= span], judgement)
        told |= await _store(connection, policy, link, hit, judgement, caller, hits)
    if told:
        engine.outbox_filled.set()
    return judgement, policy


def _judged(hit: _Hit, caller: Caller, mail: Row[Any] | None, hits: Hits, policy: Policy) -> Judgement:
    """What is thought of a hit, given those before it."""
    rules = policy.signals
    if hit.kind.endswith(_HIDDEN) or any(one.kind.endswith(_HIDDEN) and hit.at - one.at <= _SITTING for one in hits):
        return Judgement(Verdict.SCANNER, Sign.HIDDEN_LINK)
    found = judge_of(rules.document).of(caller.agent, caller.address, machine=Verdict.SCANNER)
    if found.verdict is not Verdict.HUMAN:
        return found
    if mail is not None and mail.sent_at and hit.at - mail.sent_at < rules.after_sending:
        return Judgement(Verdict.SCANNER, Sign.TOO_FAST)
    if mail is not None and _every_link(hit, mail.body, hits, rules):
        return Judgement(Verdict.SCANNER, Sign.EVERY_LINK)
    return PERSON


def _every_link(hit: _Hit, body: str, hits: Hits, rules: Signals) -> bool:
    """Whether with this click all links, or enough of them, were followed within seconds."""
    if hit.target is None:
        return False
    links, recent = targets(body), [one for one in hits if one.target and hit.at - one.at <= rules.every_link_within]
    lately = {one.target for one in recent if one.verdict == Verdict.HUMAN or one.sign == Sign.EVERY_LINK}
    return len(links) > 1 and len(lately | {hit.target}) >= min(len(links), _ENOUGH_LINKS)


async def _store(
    connection: AsyncConnection, policy: Policy, link: Link, hit: _Hit, judgement: Judgement, caller: Caller, hits: Hits
) -> bool:
    """Keep a hit once for each verdict. Whether there is something to deliver."""
    if any((one.kind, one.target, one.verdict) == (hit.kind, hit.target, judgement.verdict) for one in hits):
        return False
    properties = {"message": str(link.message)} | ({"target": hit.target} if hit.target else {})
    form = EventForm.model_construct(
        id=f"mail-{uuid7()}", kind=hit.kind, at=hit.at, lead_id=link.lead, email=None, anonymous_id=None, properties=properties
    )
    seen = Seen(form, judgement, (caller.agent or "")[:LONGEST_AGENT] or None)
    kept = await engagements.keep(connection, policy, [seen])
    if judgement.verdict is Verdict.HUMAN:
        await connection.execute(_CLICKED if hit.target else _OPENED, {"message": link.message})
    return kept.told
