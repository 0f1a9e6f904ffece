"""Leads on their way out: what of them has to be written, and to which record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.crm import fields, store
from activities.crm.protocol import Crm
from models.crm import ToWrite


@dataclass(frozen=True, slots=True)
class _Lead:
    """A lead of which something may have to be written.

    Args:
        row: as it is in our tables.
        digest: of our fields as they are now.
    """

    row: RowMapping
    own: Mapping[str, str]
    digest: str

    @property
    def changed(self) -> bool:
        """Our fields are others than those that were written, or it is somebody else's now."""
        return self.digest != self.row["pushed_hash"] or self.handed_over

    @property
    def handed_over(self) -> bool:
        return bool(self.row["owner_id"] != self.row["lead_owner"])


async def write_out(crm: Crm, connection: AsyncConnection, rows: Sequence[RowMapping]) -> int:
    """Write those of these leads of which there is something to write.

    Args:
        crm: where to.
        connection: to note what became of them; not within a transaction.
        rows: leads, with their links, as `store.leads_to_write` finds them.

    Returns:
        How many were written.

    Raises:
        CrmError: when the CRM does not take them; whatever it took already is taken again in vain.
    """
    alive = [row for row in rows if row["email"] and row["gone_at"] is None and not row["pending"]]
    leads = [_Lead(row, own := fields.own(dict(row)), fields.digest(own)) for row in alive]
    changed = [lead for lead in leads if lead.changed]
    news = await _news(crm, connection, [lead.row["external_id"] for lead in changed if lead.row["external_id"]])
    leads = [lead for lead in leads if lead.row["external_id"] not in news]
    changed = [lead for lead in changed if lead.row["external_id"] not in news]
    ids = await _identified(crm, [lead.row["email"] for lead in changed if not lead.row["external_id"]])
    owners = await crm.owners() if any(lead.handed_over and lead.row["owner_email"] for lead in changed) else {}
    orders: dict[str, tuple[_Lead, ToWrite]] = {}
    async with connection.begin():
        taken = await store.taken(connection, crm.name, list(ids.values()))
        for lead in leads:
            order = await _order(connection, crm, lead, ids, owners) if lead.changed else None
            if order is not None and not lead.row["external_id"] and order.external_id in taken:
                await store.refuse(connection, crm.name, "out", "lead", "linked_elsewhere", order.external_id, lead.row["id"])
            elif order is not None:
                orders[order.lead] = (lead, order)
            elif lead.row["external_id"]:
                await store.settled(connection, crm.name, lead.row)
    written = await crm.write([order for _, order in orders.values()]) if orders else []
    async with connection.begin():
        for outcome in written:
            lead, order = orders[outcome.lead]
            owner = None if order.owner is None else "" if not lead.row["owner_id"] else order.owner
            await store.written(connection, crm.name, lead.row, outcome, lead.digest, owner)
    return sum(outcome.problem is None for outcome in written)


async def _news(crm: Crm, connection: AsyncConnection, external_ids: Sequence[str]) -> frozenset[str]:
    """Records that somebody changed since we last read them: they go through the inbox first, and are written by a later sync.

    A sync's reading may be seconds old, and a CRM's search a minute behind. Without a second look our owner could overwrite a
    later one there, and our writing would become the record's latest version, behind which their change is never seen.
    """
    if not external_ids:
        return frozenset()
    there = await crm.look(external_ids)
    async with connection.begin():
        found = await store.take(connection, crm.name, there, datetime.now(UTC))
        await store.later(connection, crm.name, found)
    return frozenset(found)


async def _identified(crm: Crm, emails: list[str]) -> dict[str, str]:
    """Records that are there already, by address: what somebody made by hand is not made a second time."""
    return dict(await crm.find(emails)) if emails else {}


async def _order(connection: AsyncConnection, crm: Crm, lead: _Lead, ids: Mapping[str, str], owners: Mapping[str, str]) -> ToWrite | None:
    """What to write of a lead; None when nothing is left of it once an owner the CRM does not know is left out."""
    row = lead.row
    external = row["external_id"] or ids.get(row["email"].lower())
    owner = None
    if lead.handed_over and row["owner_id"] is None:
        owner = crm.unowned
    elif lead.handed_over:
        owner = owners.get(row["owner_email"])
        if owner is None:
            await store.refuse(connection, crm.name, "out", "owner", "unknown_there", external, row["id"])
    if owner is None and lead.digest == row["pushed_hash"]:
        return None
    return ToWrite(
        lead=str(row["id"]),
        external_id=external,
        email=row["email"],
        own=dict(lead.own),
        said=fields.said(dict(row)) if external is None else {},
        owner=owner,
    )
