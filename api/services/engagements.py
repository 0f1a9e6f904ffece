"""What leads and visitors do, in bulk: stored once, and only what is worth it stirs a lead's workflow.

A million page views cost the engine nothing. What a machine did is stored beside the rest and counts for nothing.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from activities.policies import latest
from activities.signals.judging import PERSON, Judgement, judge_of
from api.services import identity, outbox, stirring
from api.services.engine import Engine
from api.services.stirring import Doings, Who
from models.lifecycle import Channel
from models.policy import Policy
from models.schemas.engagements import Batch, EventForm, Receipt, RefusedEvent
from models.schemas.fields import address_key
from models.signals import Verdict

STOPS = frozenset({"unsubscribe", "email_bounced", "complaint"})
"""Kinds after which nothing more is sent on a channel: `properties.channel` for `unsubscribe`, e-mail for the others."""
_EARLY, _LATE = timedelta(minutes=5), timedelta(days=365)

_LEADS = text(
    """
    SELECT id, email_key, closed, account_id IS NOT NULL, coalesce(stirred_until >= now(), false) FROM leads
    WHERE stage <> 'erased' AND (id = ANY(CAST(:ids AS uuid[])) OR email_key = ANY(CAST(:emails AS text[])))
    ORDER BY arrived_at, id FOR KEY SHARE"""
)
_STORE = text(
    """
    INSERT INTO engagements (event_id, lead_id, anonymous_id, kind, at, received_at, properties, verdict, sign, agent)
    SELECT event_id, lead_id, anonymous_id, kind, at, now(), properties, coalesce(verdict, 'human'), sign, agent
    FROM json_to_recordset(CAST(:events AS json)) AS new (
        event_id text, lead_id uuid, anonymous_id text, kind text, at timestamptz, properties jsonb, verdict text, sign text, agent text)
    ORDER BY event_id
    ON CONFLICT (event_id) DO NOTHING RETURNING event_id"""
)


_WAYS = ("link", "complaint", "reply")
"""How a channel is stopped beside a program's saying so: by the link in a mail, by calling it spam, by answering STOP."""
_STOPPED = text(
    """
    INSERT INTO consents (lead_id, channel, granted, at, how) VALUES (:lead, :channel, false, :at, :how)
    ON CONFLICT DO NOTHING"""
)


@dataclass(frozen=True, slots=True)
class Seen:
    """An event, and what is thought of it.

    Args:
        form: what was done, and by whom.
        judgement: whether a person did it.
        agent: the user agent it came with, to be kept for a while.
    """

    form: EventForm
    judgement: Judgement = PERSON
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of events.

    Args:
        new: the ids of those that were not known.
        refused: those that name a lead nobody knows.
        told: whether there is something to deliver to workflows.
    """

    new: set[str]
    refused: list[RefusedEvent]
    told: bool


@dataclass(slots=True)
class _Leads:
    """The leads a batch touches, by every way to name one."""

    devices: identity.Devices
    by_id: dict[UUID, Who] = field(default_factory=dict)
    by_email: dict[str, Who] = field(default_factory=dict)


@dataclass(slots=True)
class _Sifted:
    """A batch once each event was looked at by itself."""

    events: dict[str, EventForm] = field(default_factory=dict)
    refused: list[RefusedEvent] = field(default_factory=list)
    duplicate: int = 0


Placed = list[tuple[Seen, Who | None]]
"""Events, each with the lead whose it is; none for a visitor nobody knows yet."""


async def take(database: Database, engine: Engine, batch: Batch) -> Receipt:
    """Keep a batch of events. A bad one is refused by itself; one that is known already is counted and left alone.

    Args:
        database: where to.
        engine: told when there is something to deliver.
        batch: what was sent.

    Raises:
        sqlalchemy.exc.DBAPIError: when the database is out of reach; nothing is kept then, and the batch can be sent again.
    """
    sifted = _sift(batch.events, datetime.now(UTC))
    kept = Kept(set(), [], False)
    if sifted.events:
        async with database.connection() as connection:
            policy = await latest(connection)
            kept = await keep(connection, policy, [_judged(form, policy) for form in sifted.events.values()])
    if kept.told:
        engine.outbox_filled.set()
    duplicate = sifted.duplicate + len(sifted.events) - len(kept.new) - len(kept.refused)
    return Receipt(accepted=len(kept.new), duplicate=duplicate, refused=[*sifted.refused, *kept.refused])


async def keep(connection: AsyncConnection, policy: Policy, events: Sequence[Seen]) -> Kept:
    """Store events with the leads whose they are, and what their workflows are to be told of them.

    Args:
        connection: in a transaction. Once it is committed, set `engine.outbox_filled` where something is told.
        policy: the one in force.
        events: well-formed, no id twice.
    """
    placed, refused = _place(events, await _leads(connection, events))
    new = await _store(connection, placed)
    stops = [_stop(seen.form, lead) for seen, lead in placed if seen.form.id in new and seen.form.kind in STOPS and lead]
    if stops:
        await connection.execute(_STOPPED, stops)
    doings = _doings((seen, lead) for seen, lead in placed if seen.form.id in new)
    told = await stirring.signals(connection, policy, doings)
    await outbox.store(connection, told)
    return Kept(new, refused, bool(told))


def _stop(form: EventForm, lead: Who) -> dict[str, Any]:
    """A stopped channel, for the record of consents: when, and by what way of ours or by which program."""
    how = form.properties.get("how")
    return {"lead": lead.id, "channel": _channel(form).value, "at": form.at, "how": how if how in _WAYS else "api"}


def _judged(form: EventForm, policy: Policy) -> Seen:
    """An event of a program that may say with which user agent it was done, as mail services do."""
    agent = form.properties.get("user_agent")
    return Seen(form, judge_of(policy.signals.document).of_agent(agent)) if agent and isinstance(agent, str) else Seen(form)


def _sift(events: list[Any], now: datetime) -> _Sifted:
    sifted = _Sifted()
    for event in events:
        try:
            form = EventForm.model_validate(event)
            _check(form, now)
        except ValidationError as err:
            sifted.refused.append(RefusedEvent(id=_id_of(event), reason=_reason(err)))
        except ValueError as err:
            sifted.refused.append(RefusedEvent(id=_id_of(event), reason=str(err)))
        else:
            sifted.duplicate += form.id in sifted.events
            sifted.events.setdefault(form.id, form)
    return sifted


def _check(form: EventForm, now: datetime) -> None:
    if form.at > now + _EARLY:
        raise ValueError("at: lies in the future")
    if form.at < now - _LATE:
        raise ValueError("at: is more than a year ago")
    if form.email is not None and form.lead_id is None:
        address_key(form.email)
    if form.kind in STOPS:
        _channel(form)


def _channel(form: EventForm) -> Channel:
    """The channel that is not to be used any more."""
    named = form.properties.get("channel", Channel.EMAIL) if form.kind == "unsubscribe" else Channel.EMAIL
    if named not in list(Channel):
        raise ValueError(f"properties.channel: must be one of {', '.join(Channel)}")
    return Channel(named)


def _id_of(event: object) -> str | None:
    found = event.get("id") if isinstance(event, dict) else None
    return found[:200] if isinstance(found, str) and found.isprintable() else None


def _reason(err: ValidationError) -> str:
    first = err.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    said = first["msg"].removeprefix("Value error, ")
    return f"{where}: {said}" if where else said


async def _leads(connection: AsyncConnection, events: Iterable[Seen]) -> _Leads:
    """The leads these events may belong to. None of them can be erased before this transaction ends."""
    forms = [seen.form for seen in events]
    emails = {address_key(form.email) for form in forms if form.email and not form.lead_id}
    visitors = {form.anonymous_id for form in forms if form.anonymous_id and not form.email and not form.lead_id}
    found = _Leads(await identity.devices(connection, visitors))
    ids = {form.lead_id for form in forms if form.lead_id} | found.devices.leads
    if ids or emails:
        rows = await connection.execute(_LEADS, {"ids": [str(lead) for lead in ids], "emails": list(emails)})
        for lead, email, closed, named, quiet in rows.all():
            found.by_id[lead] = found.by_email[email] = Who(lead, closed, named, quiet)
    return found


def _place(events: Iterable[Seen], leads: _Leads) -> tuple[Placed, list[RefusedEvent]]:
    """Each event with its lead. One that names a lead nobody knows is refused."""
    placed: Placed = []
    refused: list[RefusedEvent] = []
    for seen in events:
        form, lead, reason = seen.form, None, None
        if form.lead_id:
            lead, reason = leads.by_id.get(form.lead_id), "lead_id: there is no such lead"
        elif form.email:
            lead, reason = leads.by_email.get(address_key(form.email)), "email: no lead has this address"
        elif form.anonymous_id:
            holder = leads.devices.holder(form.anonymous_id, form.at)
            lead = leads.by_id.get(holder) if holder else None
        if lead is None and reason:
            refused.append(RefusedEvent(id=form.id, reason=reason))
        else:
            placed.append((seen, lead))
    return placed, refused


async def _store(connection: AsyncConnection, placed: Placed) -> set[str]:
    """Store what is not there yet, in one statement and as one document, which is the quickest way through the driver.

    Returns:
        The ids of the events that are new.
    """
    if not placed:
        return set()
    events = json.dumps([_row(seen, lead) for seen, lead in placed])
    return set((await connection.execute(_STORE, {"events": events})).scalars())


def _row(seen: Seen, lead: Who | None) -> dict[str, Any]:
    form = seen.form
    row: dict[str, Any] = {"event_id": form.id, "kind": form.kind, "at": form.at.isoformat(), "properties": form.properties}
    if lead:
        row["lead_id"] = str(lead.id)
    if form.anonymous_id:
        row["anonymous_id"] = form.anonymous_id
    if seen.judgement is not PERSON:
        row |= {"verdict": seen.judgement.verdict, "sign": seen.judgement.sign}
    if seen.agent:
        row["agent"] = seen.agent
    return row


def _doings(placed: Iterable[tuple[Seen, Who | None]]) -> Iterable[Doings]:
    """What each lead did, machines left aside. A stop is a stop, whoever's."""
    doings: dict[UUID, Doings] = {}
    for seen, lead in placed:
        form = seen.form
        stops = form.kind in STOPS
        if lead is None or (seen.judgement.verdict is not Verdict.HUMAN and not stops):
            continue
        done = doings.get(lead.id) or doings.setdefault(lead.id, Doings(lead, form.at))
        done.at = max(done.at, form.at)
        if stops:
            done.stopped.add(_channel(form))
        else:
            done.kinds.add(form.kind)
    return doings.values()
