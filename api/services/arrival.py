"""A lead comes in: stored first, so that it is visible at once and never lost; then its workflow is started.

Whoever is known by their e-mail address already is not a second lead. What they sent is kept as an engagement, fills
blanks, and stirs the lead; one whose life was over begins a new round.
"""

import dataclasses
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.common import Priority

from activities.births import Birth, begin
from activities.database import Database
from activities.ledger import send_lock, stored_state, write
from activities.policies import in_force
from activities.scoring.facts import facts_of, known_of
from activities.scoring.points import score_points
from api.errors import EngineAway, OutcomeUnknown
from api.services import identity, leads, outbox, persons
from api.services.engine import BULK, LIVE, SOON, Beginning, Engine
from models.ids import uuid7
from models.lifecycle import FastLaneRule, LeadState
from models.locks import CHANGE_LOCK
from models.messages import Arrived, Consent, Engage, Event, Rescore
from models.policy import Policy
from models.schemas.fields import address_key
from models.schemas.leads import ArrivedLead, LeadView, Submission
from models.tables import CHANGES, CHANNEL
from workflows.decision import decide, newborn, told

SUBMITTED = "form_submitted"
"""The kind of engagement that a further submission of a known person is kept as."""
_TRIES = 5

_KNOWN = text("SELECT id FROM leads WHERE email_key = :key")
_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_READ = text("SELECT * FROM leads WHERE id = :lead FOR NO KEY UPDATE")
_FILL = text(
    f"UPDATE leads SET {', '.join(f'{name} = :{name}' for name in persons.COLUMNS if name != 'email_key')} WHERE id = :id"  # noqa: S608
).bindparams(*(bindparam(name, type_=JSONB) for name in ("consent", "attributes")))
_ANNOUNCE = text(f"WITH told AS (SELECT pg_notify('{CHANNEL}', '')) UPDATE leads SET change = nextval('{CHANGES}') WHERE id = :id")  # noqa: S608
_REOPEN = text(
    "UPDATE leads SET first_seq = :seq, swept_at = NULL, stirred_until = NULL, reasons = :reasons, judgement = '{}' WHERE id = :id"
).bindparams(bindparam("reasons", type_=JSONB))
_KEEP = text(
    """
    INSERT INTO engagements (event_id, lead_id, anonymous_id, kind, at, received_at, properties)
    VALUES (:event, :lead, :visitor, :kind, :at, clock_timestamp(), :properties)"""
).bindparams(bindparam("properties", type_=JSONB))


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of a submission.

    Args:
        lead: which lead it is now, or was merged into.
        merged: the person was known already.
        beginning: what to start the lead's workflow with, where it needs starting.
        page: what there is to see of it, where all of that was written just now.
    """

    lead: UUID
    merged: bool
    beginning: Beginning | None = None
    page: LeadView | None = None


class Known(Exception):  # noqa: N818 - nothing is wrong
    """The person has a lead already."""


class TakenAlready(Exception):  # noqa: N818 - nothing is wrong
    """This very submission landed before."""


Receipt = Callable[[AsyncConnection, bool], Awaitable[None]]
"""Notes in the transaction in which a submission lands that it did, and whether it was merged; raises `TakenAlready` when it had before."""


async def accept(database: Database, engine: Engine, form: Submission) -> ArrivedLead:
    """Take a lead in and show it. Temporal may be away meanwhile: a sweep starts the workflow when it is back.

    Args:
        database: where to.
        engine: what carries on from there.
        form: what was sent.

    Raises:
        LookupError: when no policy was ever published.
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    landed = await take_in(database, engine, form)
    found = landed.page
    if found is None:
        async with database.autocommit() as connection:
            found = await leads.view(connection, landed.lead)
    return ArrivedLead.model_construct(**dict(found), merged=landed.merged)


async def take_in(
    database: Database, engine: Engine, form: Submission, priority: Priority = LIVE, receipt: Receipt | None = None
) -> Landed:
    """Take a lead in without looking at it, as `accept` does.

    Args:
        database: where to.
        engine: what carries on from there.
        form: what was sent.
        priority: `BULK` for one of many, so that leads that come in one by one go before it.
        receipt: makes sure that what is sent again after a power cut lands once.

    Raises:
        TakenAlready: when the receipt says so; nothing was changed.
        LookupError: when no policy was ever published.
        sqlalchemy.exc.DBAPIError: when the database is out of reach.
    """
    for _ in range(_TRIES):
        landed: Landed | None = None
        with suppress(Known):
            async with database.connection() as connection:
                landed = await _begin(connection, engine, form, priority, receipt)
        if landed is None:
            async with database.connection() as connection:
                landed = await _merge(connection, engine, form, priority, receipt)
        if landed is not None:
            await set_off(engine, landed)
            return landed
    raise RuntimeError("a lead was erased again and again while it arrived")


async def set_off(engine: Engine, landed: Landed) -> None:
    """Start what a submission calls for, once it is committed. What does not work now the sweep makes up for."""
    if landed.beginning is None:
        engine.outbox_filled.set()
    elif not engine.believed_away:
        try:
            await engine.start(landed.beginning, replace=landed.merged)
        except (EngineAway, OutcomeUnknown):
            return


async def _begin(connection: AsyncConnection, engine: Engine, form: Submission, priority: Priority, receipt: Receipt | None) -> Landed:
    """Store a submission of somebody new.

    Raises:
        Known: when they are not; the transaction must not be committed.
    """
    policy, at = await in_force(connection), datetime.now(UTC)
    person = await persons.of_form(connection, form)
    birth = born(form, person, policy, at, priority)
    lead = UUID(birth.state.lead_id)
    if receipt is not None:
        await receipt(connection, False)
    alone = receipt is None and not form.anonymous_id
    changes = await begin(connection, [birth], last=alone)
    if not changes:
        raise Known
    await _stitch(connection, lead, form)
    page = leads.newborn(birth.person, birth.state, changes[lead]) if alone and person["account_id"] is None else None
    beginning = engine.beginning(birth.state, policy, form.source, first_come(birth.state, priority))
    return Landed(lead, merged=False, beginning=beginning, page=page)


def born(form: Submission, person: dict[str, Any], policy: Policy, at: datetime, priority: Priority) -> Birth:
    """The lead that a submission of somebody new becomes.

    Args:
        form: what was sent.
        person: the columns it makes (`persons.of_form`).
        policy: the agreement in force.
        at: the moment of its arrival.
        priority: of those it comes in with.
    """
    arrival, reasons = _arrived(form, person, {}, policy, at)
    before = newborn(str(uuid7()), at, policy)
    decision = decide(before, arrival, policy)
    kept = told(before, arrival, decision, policy)
    key = first_come(decision.state, priority).priority_key
    row = {**person, "created_at": at, "first_seq": decision.state.seq, "reasons": reasons, "enrichment": {}, "priority": key}
    return Birth(row, decision.state, decision.entries, (kept,) if kept else ())


def first_come(state: LeadState, priority: Priority) -> Priority:
    """The priority of a lead that comes in with others of one: of many, those that go straight to a rep are first."""
    return SOON if priority == BULK and state.fast_lane else priority


async def _merge(
    connection: AsyncConnection, engine: Engine, form: Submission, priority: Priority, receipt: Receipt | None
) -> Landed | None:
    """The person is known. Locks come in everybody's order: the lead's own, which keeps it from being erased, the changes', its row.

    Returns:
        None when they were erased in this very moment: to be tried again from the start.
    """
    policy, at = await in_force(connection), datetime.now(UTC)
    key = {"key": address_key(form.email)}
    lead = (await connection.execute(_KNOWN, key)).scalar_one_or_none()
    if lead is None:
        return None
    await connection.execute(_LOCK, {"key": send_lock(lead)})
    if (await connection.execute(_KNOWN, key)).scalar_one_or_none() != lead:
        return None
    kept = {"event": f"form-{uuid7()}", "lead": lead, "visitor": form.anonymous_id, "kind": SUBMITTED, "at": at}
    await connection.execute(_KEEP, {**kept, "properties": form.model_dump(mode="json", exclude_unset=True)})
    await _stitch(connection, lead, form)
    if receipt is not None:
        await receipt(connection, True)
    await connection.execute(_LOCK, {"key": CHANGE_LOCK})
    row = (await connection.execute(_READ, {"lead": lead})).mappings().one()
    person = await persons.filled(connection, dict(row), form)
    await connection.execute(_FILL, {**person, "id": lead})
    if row["closed"]:
        state = await _reopen(connection, row, form, person, policy, at)
        return Landed(lead, merged=True, beginning=engine.beginning(state, policy, person["source"], priority))
    await connection.execute(_ANNOUNCE, {"id": lead})
    await outbox.store(connection, [(lead, message) for message in _news(form, person, at)])
    return Landed(lead, merged=True)


async def fill(connection: AsyncConnection, lead: UUID, form: Submission) -> bool:
    """Fill a person's blanks, and have an open lead scored again where that filled any. It is no submission: the lead did nothing.

    Args:
        connection: in a transaction. Once it is committed, set `engine.outbox_filled`.
        lead: whose.
        form: what is known of them.

    Returns:
        Whether anything was filled.
    """
    await connection.execute(_LOCK, {"key": send_lock(lead)})
    await connection.execute(_LOCK, {"key": CHANGE_LOCK})
    row = (await connection.execute(_READ, {"lead": lead})).mappings().one_or_none()
    if row is None or row["email"] is None:
        return False
    person = await persons.filled(connection, dict(row), form)
    if all(person[name] == row[name] for name in persons.COLUMNS):
        return False
    await connection.execute(_FILL, {**person, "id": lead})
    await connection.execute(_ANNOUNCE, {"id": lead})
    if not row["closed"]:
        await outbox.store(connection, [(lead, Rescore())])
    return True


async def _reopen(
    connection: AsyncConnection, row: RowMapping, form: Submission, person: dict[str, Any], policy: Policy, at: datetime
) -> LeadState:
    """A closed lead came back: a new round of its life, under the policy of today."""
    former = stored_state(row["state"])
    before = dataclasses.replace(former, policy_version=policy.version, life=former.life + 1)
    arrival, reasons = _arrived(form, person, row["enrichment"], policy, at)
    decision = decide(before, arrival, policy)
    kept = told(before, arrival, decision, policy)
    await write(connection, decision.state, decision.entries, (kept,) if kept else ())
    await connection.execute(_REOPEN, {"id": row["id"], "seq": decision.state.seq, "reasons": reasons})
    return decision.state


def _arrived(
    form: Submission, person: dict[str, Any], enrichment: dict[str, Any], policy: Policy, at: datetime
) -> tuple[Arrived, list[dict[str, Any]]]:
    """The event that the tree is given, judged by what the form says, and the reasons for that judgement."""
    facts = facts_of(person, enrichment)
    points = score_points(facts, (), policy, at)
    known = known_of(facts, points.total, policy, named_account=person["account_id"] is not None, engaged_at=None)
    arrival = Arrived(
        at=at,
        interest=form.interest or person["interest"],
        consent=form.consent.granted,
        zone=person["zone"],
        consultation=form.consultation_requested,
        known=known,
    )
    return arrival, [reason.document() for reason in points.reasons]


def _news(form: Submission, person: dict[str, Any], at: datetime) -> list[Event]:
    """What an open lead's workflow is told of a further submission."""
    rule = None
    if form.consultation_requested:
        rule = FastLaneRule.CONSULTATION
    elif person["account_id"] is not None:
        rule = FastLaneRule.NAMED_ACCOUNT
    granted = form.consent.granted
    consent: list[Event] = [Consent(granted=granted)] if granted else []
    return [*consent, Engage(stirring=True, rule=rule, occurred_at=at)]


async def _stitch(connection: AsyncConnection, lead: UUID, form: Submission) -> None:
    """What this visitor did before they named themselves was the lead's doing."""
    if form.anonymous_id:
        await identity.join(connection, form.anonymous_id, lead, identity.How.FORM)
