"""What people did in a CRM with a lead, put to the lead's tree: a new owner is an override, a deal won or lost a disposition.

Who did it there acts here, where their address is a user's; otherwise the new owner, or the owner, does. What the tree refuses
is recorded, and not asked again.
"""

from hashlib import sha256
from uuid import UUID

from sqlalchemy import RowMapping

from activities.crm import store
from activities.database import Database
from api.auth import Principal
from api.errors import EngineAway, NotFound, OutcomeUnknown, Problem
from api.services.actions import Actions
from api.services.crm import rows
from api.services.crm.rows import Waiting
from api.services.engine import Engine
from models.crm import CrmDeal, CrmName, CrmPerson
from models.lifecycle import DispositionOutcome, Role
from models.schemas.actions import DispositionForm, OverrideForm

_CALLED = {CrmName.HUBSPOT: "HubSpot", CrmName.SALESFORCE: "Salesforce"}


async def hand_over(database: Database, engine: Engine, crm: CrmName, person: CrmPerson, *, newcomer: bool) -> None:
    """Follow a change of owner in the CRM, if it is the later one and a person's; docs/decisions/0026-crm.md has the rule.

    Args:
        database: where leads are.
        engine: the way to their trees.
        crm: where it changed.
        person: the record there, which is linked.
        newcomer: the lead is new, so that its owner there is news too.

    Raises:
        EngineAway, OutcomeUnknown: to be tried again.
    """
    async with database.connection() as connection:
        link = await rows.link_of(connection, crm, person.external_id)
        lead = await rows.lead_of(connection, link["lead_id"]) if link and link["lead_id"] else None
        if link is None or lead is None:
            return
        before = "" if newcomer and link["owner"] is None else link["owner"]
        if before is None or person.owner_id == before:
            return
        user = await rows.user(connection, person.owner_email)
        theirs = user is not None and user.id == lead["owner_id"]
        reason = None if theirs else _why_not(person, user)
        ours_is_later = lead["owner_id"] != link["lead_owner"] and not theirs
        if ours_is_later:
            since = await rows.owner_since(connection, lead["id"])
            ours_is_later = since is not None and since >= person.owner_at
        actor = await rows.user(connection, person.owner_by) or user
    if ours_is_later:
        reason = "overtaken"
    elif reason is None and not theirs and user is not None and actor is not None:
        reason = await _override(Actions(database, engine, actor, _request(crm, person)), lead["id"], user.id, crm)
    async with database.connection() as connection:
        await rows.owned(connection, crm, person, ours_stays=ours_is_later)
        if reason is not None:
            await store.refuse(connection, crm, "in", "owner", reason, person.external_id, lead["id"])


def _why_not(person: CrmPerson, user: Principal | None) -> str | None:
    """Why a change of owner is not followed, whatever the tree would say; None when it may be."""
    if not person.by_person:
        return "by_program"
    if not person.owner_id:
        return "nobody"
    return None if user is not None and Role.REP in user.roles else "no_rep"


async def _override(actions: Actions, lead: UUID, owner: UUID, crm: CrmName) -> str | None:
    try:
        await actions.override(lead, OverrideForm(owner=owner, reason=f"The owner was changed in {_CALLED[crm]}."))
    except Problem as err:
        return _reason(err)
    return None


def _request(crm: CrmName, person: CrmPerson) -> str:
    """The same for the same change, so that it is done once."""
    return sha256(f"{crm} owner {person.external_id} {person.owner_id} {person.owner_at}".encode()).hexdigest()[:32]


async def conclude(database: Database, engine: Engine, item: Waiting) -> None:
    """Conclude a lead whose deal was won or lost in the CRM.

    Raises:
        EngineAway, OutcomeUnknown: to be tried again.
    """
    deal = item.deal
    async with database.connection() as connection:
        link = await rows.link_of(connection, item.crm, deal.person)
        lead = await rows.lead_of(connection, link["lead_id"]) if link and link["lead_id"] else None
        if link is None or lead is None or link["deal"] == deal.conclusion:
            return
        actor = await _concluder(await rows.user(connection, deal.by), await rows.user(connection, lead["owner_id"]), lead)
    outcome = DispositionOutcome.WON if deal.won else DispositionOutcome.LOST
    reason = None
    if lead["stage"] != outcome:
        reason = "no_owner" if actor is None else await _dispose(database, engine, item, actor, lead, deal)
    async with database.connection() as connection:
        await rows.dealt(connection, item.crm, deal)
        if reason is not None:
            await store.refuse(connection, item.crm, "in", "deal", reason, deal.external_id, lead["id"])


async def _concluder(who: Principal | None, owner: Principal | None, lead: RowMapping) -> Principal | None:
    """Who concludes: who did it in the CRM, if they may here; otherwise the owner."""
    return who if who is not None and (who.id == lead["owner_id"] or who.has(Role.MANAGER)) else owner


async def _dispose(database: Database, engine: Engine, item: Waiting, actor: Principal, lead: RowMapping, deal: CrmDeal) -> str | None:
    outcome = DispositionOutcome.WON if deal.won else DispositionOutcome.LOST
    request = sha256(f"{item.crm} deal {deal.conclusion} {lead['id']}".encode()).hexdigest()[:32]
    amount = deal.amount if deal.amount is not None and 0 <= deal.amount <= 1e15 else None
    try:
        form = DispositionForm(outcome=outcome, amount_usd=amount, note=f"Concluded in {_CALLED[item.crm]}.")
        await Actions(database, engine, actor, request).dispose(lead["id"], form)
    except Problem as err:
        return _reason(err)
    return None


def _reason(problem: Problem) -> str:
    """Why not, as a word.

    Raises:
        Problem: when it is no answer but an outage.
    """
    if isinstance(problem, EngineAway | OutcomeUnknown):
        raise problem
    if isinstance(problem, NotFound):
        return "erased"
    return str(problem.fields.get("reason") or problem.type)
