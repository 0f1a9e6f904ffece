"""Lands what a CRM said of people: new ones arrive, known ones' blanks are filled, owners and deals go through the tree.

One process at a time lands, in the order of the inbox. Each step can be done again: a submission lands with a receipt,
an override or a disposition carries the record's version as its request, and the row leaves the inbox last.
"""

from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.crm import store
from activities.crm.fields import digest
from activities.database import Database
from api.services.arrival import TakenAlready, fill, take_in
from api.services.bulk.work import passes
from api.services.crm import rows
from api.services.crm.deciding import conclude, hand_over
from api.services.crm.rows import Waiting
from api.services.engine import BULK, Engine
from models.crm import CrmName, CrmPerson
from models.locks import LAND_LOCK
from models.schemas.fields import address_key
from models.schemas.leads import Submission

_ROUND = 50
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")
_LONGEST = 200
_log = structlog.get_logger()


async def land(database: Database, engine: Engine) -> bool:
    """One round: what waits in the inbox.

    Returns:
        True when there is more to do at once.

    Raises:
        sqlalchemy.exc.DBAPIError, EngineAway, OutcomeUnknown: to be tried again (`passes`); nothing is lost or done twice.
    """
    async with database.connection() as turn:
        if not (await turn.execute(_TRY_LOCK, {"key": LAND_LOCK})).scalar_one():
            return False
        items: list[Waiting] = []
        for crm in CrmName:
            async with database.connection() as connection:
                items += await rows.waiting(connection, crm, _ROUND)
        for item in items:
            await _landed(database, engine, item)
    return len(items) >= _ROUND


async def _landed(database: Database, engine: Engine, item: Waiting) -> None:
    """Land one, whatever it holds: what cannot be used is recorded and holds up no other."""
    try:
        if item.is_deal:
            await conclude(database, engine, item)
        else:
            await _person(database, engine, item)
    except Exception as err:
        if passes(err):
            raise
        _log.exception("what a CRM said cannot be used", crm=item.crm.value, record=item.row["external_id"])
        async with database.connection() as connection:
            await store.refuse(connection, item.crm, "in", "person", "unusable", item.row["external_id"], None, item.row["version"])
    async with database.connection() as connection:
        await rows.done(connection, item)


async def _person(database: Database, engine: Engine, item: Waiting) -> None:
    person = item.person
    async with database.connection() as connection:
        link = await rows.link_of(connection, item.crm, person.external_id)
        if link is not None and link["gone_at"] is not None:
            if person.form_at is None or person.form_at <= link["gone_at"]:
                return
            await rows.unlink(connection, item.crm, person.external_id)
            link = None
    newcomer = bool(item.row["landed"])  # and then the power went
    if link is None:
        lead, newcomer = await _arrive(database, engine, item, person)
        if lead is None or not await _linked(database, item.crm, person, lead):
            return
    else:
        lead = link["lead_id"]
        await _update(database, engine, item, person, lead, filled_in=_newer(person, link))
    await hand_over(database, engine, item.crm, person, newcomer=newcomer)
    async with database.connection() as connection:
        now = await rows.link_of(connection, item.crm, person.external_id)
        differs = now is not None and now["pushed_hash"] is not None and digest(person.own) != now["pushed_hash"]
        await rows.seen(connection, item.crm, person, restore=differs and person.own_by_person)


def _newer(person: CrmPerson, link: Any) -> bool:
    """Whether they filled a form in since we last looked."""
    return person.form_at is not None and person.form_at > (link["form_at"] or link["linked_at"])


async def _arrive(database: Database, engine: Engine, item: Waiting, person: CrmPerson) -> tuple[UUID | None, bool]:
    """The lead of a record that was not linked yet, taken in where there is none; and whether it was."""
    if not person.email:
        await _refuse(database, item, "no_address")
        return None, False
    try:
        form = _form(item.crm, person, person.email)
        key = address_key(form.email)
    except ValueError:
        await _refuse(database, item, "bad_address")
        return None, False
    async with database.connection() as connection:
        known = await rows.by_mail(connection, key)
    if known is not None:
        if not item.row["landed"]:
            await _fill(database, engine, known, form)
        return known, bool(item.row["landed"])
    try:
        return (await take_in(database, engine, form, BULK, _receipt(item))).lead, True
    except TakenAlready:  # news took its place meanwhile
        return None, False


async def _linked(database: Database, crm: CrmName, person: CrmPerson, lead: UUID) -> bool:
    """Link a record to its lead, unless the lead has one: two records with one address are for people to merge."""
    async with database.connection() as connection:
        if await rows.link(connection, crm, person.external_id, lead, person.form_at) is not None:
            return True
        await store.refuse(connection, crm, "in", "person", "duplicate_there", person.external_id, lead, person.version)
        await rows.make_due(connection, crm, lead)
        return False


async def _update(database: Database, engine: Engine, item: Waiting, person: CrmPerson, lead: UUID, *, filled_in: bool) -> None:
    """A known person's record changed. Their address is ours whatever the CRM's is: it says who they are."""
    async with database.connection() as connection:
        found = await rows.lead_of(connection, lead)
    if found is None or found["email"] is None:
        return
    form = _form(item.crm, person, found["email"])
    if not filled_in:
        await _fill(database, engine, lead, form)
    elif not item.row["landed"]:
        try:
            await take_in(database, engine, form, BULK, _receipt(item))
        except TakenAlready:
            return


async def _fill(database: Database, engine: Engine, lead: UUID, form: Submission) -> None:
    async with database.connection() as connection:
        filled = await fill(connection, lead, form.model_copy(update={"source": None}))
    if filled:
        engine.outbox_filled.set()


def _receipt(item: Waiting) -> Any:
    async def receipt(connection: AsyncConnection, merged: bool) -> None:
        if not await rows.mark_landed(connection, item):
            raise TakenAlready

    return receipt


def _form(crm: CrmName, person: CrmPerson, email: str) -> Submission:
    """What a CRM knows of a person, as a submission. It allows no channel: whom the CRM may write to is not whom we may.

    Raises:
        pydantic.ValidationError: when the address is none.
    """
    said = {name: value.replace("\0", "").strip()[:_LONGEST] for name, value in person.said.items()}
    return Submission.model_validate({**said, "email": email, "source": crm.value})


async def _refuse(database: Database, item: Waiting, reason: str) -> None:
    async with database.connection() as connection:
        await store.refuse(connection, item.crm, "in", "person", reason, item.row["external_id"], None, item.row["version"])
