"""The rows that landing reads and writes: the inbox, links, and who is who."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import Principal
from models.crm import CrmDeal, CrmName, CrmPerson, Stream
from models.lifecycle import Role

_WAITING = text("SELECT * FROM crm_inbox WHERE crm = :crm ORDER BY id LIMIT :limit")
_LANDED = text("UPDATE crm_inbox SET landed = true WHERE id = :id AND version = :version AND NOT landed RETURNING id")
_DONE = text("DELETE FROM crm_inbox WHERE id = :id AND version = :version")
_LINK = text("SELECT * FROM crm_links WHERE crm = :crm AND external_id = :external")
_NEW_LINK = text(
    """
    INSERT INTO crm_links (crm, external_id, lead_id, linked_at, form_at, due, forgotten)
    SELECT :crm, :external, id, now(), :form_at, true, false FROM leads WHERE id = :lead AND stage <> 'erased' FOR KEY SHARE
    ON CONFLICT DO NOTHING RETURNING *"""
)
_UNLINK = text("DELETE FROM crm_links WHERE crm = :crm AND external_id = :external")
_SEEN = text(
    """
    UPDATE crm_links SET seen_version = :version, form_at = coalesce(CAST(:form_at AS timestamptz), form_at), due = true,
        owner = coalesce(owner, :owner), pushed_hash = CASE WHEN :restore THEN NULL ELSE pushed_hash END
    WHERE crm = :crm AND external_id = :external AND lead_id IS NOT NULL"""
)
_OWNED = text(
    """
    UPDATE crm_links SET owner = :owner, due = true,
        lead_owner = CASE WHEN :ours_stays THEN lead_owner ELSE (SELECT owner_id FROM leads WHERE id = crm_links.lead_id) END
    WHERE crm = :crm AND external_id = :external AND lead_id IS NOT NULL"""
)
_DEALT = text("UPDATE crm_links SET deal = :deal WHERE crm = :crm AND external_id = :external AND lead_id IS NOT NULL")
_DUE = text("UPDATE crm_links SET due = true WHERE crm = :crm AND lead_id = :lead")
_LEAD = text("SELECT id, email, owner_id, stage, closed FROM leads WHERE id = :lead AND stage <> 'erased'")
_BY_MAIL = text("SELECT id FROM leads WHERE email_key = :key")
_OWNER_SINCE = text(
    """
    SELECT max(at) FROM (SELECT at, owner_id, lag(owner_id) OVER (ORDER BY seq) AS before FROM ledger WHERE lead_id = :lead) AS entries
    WHERE owner_id IS DISTINCT FROM before"""
)
_USER = text("SELECT id, name, roles FROM users WHERE lower(email) = :email AND active")
_USER_BY_ID = text("SELECT id, name, roles FROM users WHERE id = :id AND active")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something in the inbox.

    Args:
        crm: who said it.
        row: as it stands there.
    """

    crm: CrmName
    row: RowMapping

    @property
    def person(self) -> CrmPerson:
        """A person."""
        return CrmPerson.model_validate(self.row["document"])

    @property
    def deal(self) -> CrmDeal:
        """A deal."""
        return CrmDeal.model_validate(self.row["document"])

    @property
    def is_deal(self) -> bool:
        """Which of the two it is."""
        return bool(self.row["stream"] == Stream.DEALS)


async def waiting(connection: AsyncConnection, crm: CrmName, limit: int) -> list[Waiting]:
    """What is in the inbox, the oldest first."""
    return [Waiting(crm, row) for row in (await connection.execute(_WAITING, {"crm": crm, "limit": limit})).mappings()]


async def mark_landed(connection: AsyncConnection, item: Waiting) -> bool:
    """Note that the submission in it lands with this transaction; False when it had landed, or was replaced by news."""
    what = {"id": item.row["id"], "version": item.row["version"]}
    return (await connection.execute(_LANDED, what)).one_or_none() is not None


async def done(connection: AsyncConnection, item: Waiting) -> None:
    """Take it out of the inbox, unless there is news in its place."""
    await connection.execute(_DONE, {"id": item.row["id"], "version": item.row["version"]})


async def link_of(connection: AsyncConnection, crm: CrmName, external: str) -> RowMapping | None:
    """Whose record it is."""
    return (await connection.execute(_LINK, {"crm": crm, "external": external})).mappings().one_or_none()


async def link(connection: AsyncConnection, crm: CrmName, external: str, lead: UUID, form_at: datetime | None) -> RowMapping | None:
    """Link a record to a lead; None when either has another already, or the lead is gone."""
    what = {"crm": crm, "external": external, "lead": lead, "form_at": form_at}
    return (await connection.execute(_NEW_LINK, what)).mappings().one_or_none()


async def unlink(connection: AsyncConnection, crm: CrmName, external: str) -> None:
    """Forget whose record it was."""
    await connection.execute(_UNLINK, {"crm": crm, "external": external})


async def seen(connection: AsyncConnection, crm: CrmName, person: CrmPerson, *, restore: bool) -> None:
    """A record was looked at in this version.

    Args:
        connection: in a transaction.
        crm: whose.
        person: as it is there.
        restore: our fields there are not what we wrote, and are to be written again.
    """
    what = {"crm": crm, "external": person.external_id, "version": person.version, "form_at": person.form_at}
    await connection.execute(_SEEN, {**what, "owner": person.owner_id, "restore": restore})


async def owned(connection: AsyncConnection, crm: CrmName, person: CrmPerson, *, ours_stays: bool) -> None:
    """The owner there was taken note of.

    Args:
        connection: in a transaction.
        crm: whose.
        person: as it is there.
        ours_stays: what we have is still to be written there; otherwise both sides' owners of now are agreed on.
    """
    what = {"crm": crm, "external": person.external_id, "owner": person.owner_id, "ours_stays": ours_stays}
    await connection.execute(_OWNED, what)


async def dealt(connection: AsyncConnection, crm: CrmName, deal: CrmDeal) -> None:
    """A deal was taken note of."""
    await connection.execute(_DEALT, {"crm": crm, "external": deal.person, "deal": deal.conclusion})


async def make_due(connection: AsyncConnection, crm: CrmName, lead: UUID) -> None:
    """Have a lead looked at by the next sync."""
    await connection.execute(_DUE, {"crm": crm, "lead": lead})


async def lead_of(connection: AsyncConnection, lead: UUID) -> RowMapping | None:
    """A lead that was not erased."""
    return (await connection.execute(_LEAD, {"lead": lead})).mappings().one_or_none()


async def by_mail(connection: AsyncConnection, key: str) -> UUID | None:
    """The lead with this address."""
    found: UUID | None = (await connection.execute(_BY_MAIL, {"key": key})).scalar_one_or_none()
    return found


async def owner_since(connection: AsyncConnection, lead: UUID) -> datetime | None:
    """When a lead last came into other hands, or out of them."""
    found: datetime | None = (await connection.execute(_OWNER_SINCE, {"lead": lead})).scalar_one()
    return found


async def user(connection: AsyncConnection, who: str | UUID | None) -> Principal | None:
    """An active user, by their address or id."""
    if not who:
        return None
    statement, what = (_USER, {"email": who.lower()}) if isinstance(who, str) else (_USER_BY_ID, {"id": who})
    row: Any = (await connection.execute(statement, what)).one_or_none()
    return Principal(row.id, row.name, frozenset(map(Role, row.roles))) if row else None
