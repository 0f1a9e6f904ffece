"""What a sync reads and writes of our own tables."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from models.crm import SAID, CrmDeal, CrmName, CrmPerson, Stream, Written

_CURSOR = text(
    """
    INSERT INTO crm_cursors (crm, stream, since, position, change, started_at, count)
    VALUES (:crm, :stream, coalesce(CAST(:since AS timestamptz), now()), '', 0, coalesce(CAST(:since AS timestamptz), now()), 0)
    ON CONFLICT (crm, stream) DO UPDATE SET crm = excluded.crm RETURNING *"""
)
_MOVED = text(
    """
    UPDATE crm_cursors SET since = coalesce(CAST(:since AS timestamptz), since), position = :position,
        change = coalesce(CAST(:change AS bigint), change), count = count + :count, synced_at = now(), problem = NULL, problem_at = NULL
    WHERE crm = :crm AND stream = :stream"""
)
_TROUBLED = text("UPDATE crm_cursors SET problem = :problem, problem_at = now() WHERE crm = :crm AND stream = :stream")
_LINKS = text("SELECT external_id, lead_id, seen_version, gone_at, deal FROM crm_links WHERE crm = :crm AND external_id = ANY(:ids)")
_KNOWN = text("SELECT email_key FROM leads WHERE email_key = ANY(:keys)")
_TAKE = text(
    """
    INSERT INTO crm_inbox (crm, stream, external_id, version, document, email_key, landed, taken_at)
    VALUES (:crm, :stream, :external, :version, :document, :key, false, now())
    ON CONFLICT (crm, stream, external_id) DO UPDATE SET version = excluded.version, document = excluded.document,
        email_key = excluded.email_key, landed = false, taken_at = excluded.taken_at
    WHERE crm_inbox.version <> excluded.version"""
).bindparams(bindparam("document", type_=JSONB))
_LEAD = f"""
    SELECT l.id, l.change, l.email, l.email_key, {", ".join(f"l.{name}" for name in SAID)}, l.stage, l.tier, l.score, l.contacted_at,
        l.mql_at, l.sal_at, l.sql_at, l.amount_usd, l.owner_id, lower(u.email) AS owner_email,
        k.external_id, k.owner, k.lead_owner, k.pushed_hash, k.gone_at,
        EXISTS (SELECT FROM crm_inbox i WHERE i.crm = :crm AND i.stream = 'people'
            AND (i.email_key = l.email_key OR i.external_id = k.external_id)) AS pending
    FROM leads l LEFT JOIN crm_links k ON k.crm = :crm AND k.lead_id = l.id LEFT JOIN users u ON u.id = l.owner_id"""  # noqa: S608
_CHANGED = text(f"{_LEAD} WHERE l.change > :change ORDER BY l.change LIMIT :limit")
_DUE = text(
    f"""SELECT * FROM ({_LEAD} WHERE k.due AND k.gone_at IS NULL AND l.id <> ALL(:seen)) AS found
    WHERE NOT pending ORDER BY id LIMIT :limit"""  # noqa: S608 - constants of ours
)
# A lead that was erased while it was being written leaves what erasure would have left.
_LINK = text(
    """
    INSERT INTO crm_links
        (crm, external_id, lead_id, owner, lead_owner, seen_version, pushed_hash, pushed_at, linked_at, due, forgotten, gone_at)
    SELECT :crm, :external, found.id, CASE WHEN found.id IS NOT NULL THEN CAST(:owner AS text) END,
        CASE WHEN found.id IS NOT NULL THEN CAST(:lead_owner AS uuid) END, :version,
        CASE WHEN found.id IS NOT NULL THEN CAST(:hash AS text) END, now(), now(), false, false, CASE WHEN found.id IS NULL THEN now() END
    FROM (SELECT 1) AS one LEFT JOIN
        (SELECT id FROM leads WHERE id = CAST(:lead AS uuid) AND stage <> 'erased' FOR KEY SHARE) AS found ON true
    ON CONFLICT (crm, external_id) DO UPDATE SET lead_id = excluded.lead_id,
        owner = CASE WHEN CAST(:owner_written AS boolean) THEN excluded.owner ELSE crm_links.owner END,
        lead_owner = excluded.lead_owner, seen_version = coalesce(excluded.seen_version, crm_links.seen_version),
        pushed_hash = excluded.pushed_hash, pushed_at = excluded.pushed_at, due = excluded.due, gone_at = excluded.gone_at
    WHERE crm_links.lead_id IS NOT DISTINCT FROM excluded.lead_id OR crm_links.lead_id IS NULL"""
)
_SETTLED = text("UPDATE crm_links SET due = false, lead_owner = CAST(:lead_owner AS uuid) WHERE crm = :crm AND lead_id = :lead")
_LATER = text("UPDATE crm_links SET due = true WHERE crm = :crm AND external_id = ANY(:ids)")
_FAILED = text(
    """
    UPDATE crm_links SET due = :again, pushed_hash = CASE WHEN :again THEN pushed_hash ELSE :hash END,
        gone_at = CASE WHEN :gone THEN now() END WHERE crm = :crm AND lead_id = :lead"""
)
_TAKEN = text("SELECT external_id, lead_id FROM crm_links WHERE crm = :crm AND external_id = ANY(:ids) AND lead_id IS NOT NULL")
_TO_FORGET = text(
    "SELECT external_id FROM crm_links WHERE crm = :crm AND lead_id IS NULL AND NOT forgotten AND gone_at IS NOT NULL LIMIT :limit"
)
_FORGOTTEN = text("UPDATE crm_links SET forgotten = true WHERE crm = :crm AND external_id = ANY(:ids) AND lead_id IS NULL")
_REFUSE = text(
    """
    INSERT INTO crm_refusals (crm, at, way, what, reason, external_id, lead_id, version)
    VALUES (:crm, now(), :way, :what, :reason, :external, :lead, :version)"""
)
_USELESS = text("SELECT external_id, version FROM crm_refusals WHERE crm = :crm AND external_id = ANY(:ids) AND version IS NOT NULL")
_PRUNE = text("DELETE FROM crm_refusals WHERE crm = :crm AND at < now() - interval '30 days'")


async def cursor(connection: AsyncConnection, crm: CrmName, stream: Stream, since: datetime | None) -> RowMapping:
    """How far a stream was synced; its first time begins at `since`, or now."""
    return (await connection.execute(_CURSOR, {"crm": crm, "stream": stream, "since": since})).mappings().one()


async def moved(
    connection: AsyncConnection,
    crm: CrmName,
    stream: Stream,
    count: int,
    *,
    since: datetime | None = None,
    position: str = "",
    change: int | None = None,
) -> None:
    """Note how far a stream is now; in the transaction of what was moved."""
    where = {"since": since, "position": position, "change": change}
    await connection.execute(_MOVED, {"crm": crm, "stream": stream, "count": count, **where})


async def troubled(connection: AsyncConnection, crm: CrmName, stream: Stream, problem: str) -> None:
    """Note what was the matter with a step."""
    await connection.execute(_TROUBLED, {"crm": crm, "stream": stream, "problem": problem})


async def take(connection: AsyncConnection, crm: CrmName, records: Sequence[CrmPerson] | Sequence[CrmDeal], started: datetime) -> list[str]:
    """Put into the inbox what is news of people who are leads, or become some now. Anybody else's data is not kept.

    Returns:
        The ids of these people's records.
    """
    people = [record for record in records if isinstance(record, CrmPerson)]
    deals = [record for record in records if isinstance(record, CrmDeal)]
    ids = [person.external_id for person in people] + [deal.person for deal in deals]
    links = {row["external_id"]: row for row in (await connection.execute(_LINKS, {"crm": crm, "ids": ids})).mappings()}
    keys = [person.email.lower() for person in people if person.email]
    known = set((await connection.execute(_KNOWN, {"keys": keys})).scalars())
    useless = {(row.external_id, row.version) for row in await connection.execute(_USELESS, {"crm": crm, "ids": ids})}
    news = [one for one in people if (one.external_id, one.version) not in useless and _news(one, links, known, started)]
    concluded = [deal for deal in deals if _concluded(deal, links)]
    rows = [_row(crm, Stream.PEOPLE, person, person.email.lower() or None) for person in news]
    rows += [_row(crm, Stream.DEALS, deal, None) for deal in concluded]
    for row in rows:
        await connection.execute(_TAKE, row)
    return [person.external_id for person in news] + [deal.person for deal in concluded]


def _news(person: CrmPerson, links: Mapping[str, RowMapping], known: set[str], started: datetime) -> bool:
    link = links.get(person.external_id)
    if link is not None and link["gone_at"] is not None:  # deleted there, or erased here: only they themselves bring themselves back
        return person.form_at is not None and person.form_at > link["gone_at"]
    if link is not None:
        return bool(link["seen_version"] != person.version)
    born = person.created_at >= started or (person.form_at is not None and person.form_at >= started)
    return born or person.email.lower() in known


def _concluded(deal: CrmDeal, links: Mapping[str, RowMapping]) -> bool:
    link = links.get(deal.person)
    return link is not None and link["lead_id"] is not None and link["deal"] != deal.conclusion


def _row(crm: CrmName, stream: Stream, record: CrmPerson | CrmDeal, key: str | None) -> dict[str, Any]:
    external = record.external_id if isinstance(record, CrmPerson) else f"{record.external_id}/{record.person}"
    document = record.model_dump(mode="json")
    return {"crm": crm, "stream": stream, "external": external, "version": record.version, "document": document, "key": key}


async def leads_to_write(connection: AsyncConnection, crm: CrmName, change: int, limit: int) -> tuple[list[RowMapping], int, bool]:
    """Leads that changed, in the order of their changes, each once however often it changed; then those that are due anyway.

    Returns:
        The leads, the number of the latest change among them, and whether there may be more.
    """
    what = {"crm": crm, "limit": limit}
    changed = list((await connection.execute(_CHANGED, {**what, "change": change})).mappings())
    last = changed[-1]["change"] if changed else change
    room = limit - len(changed)
    if not room:
        return changed, last, True
    due = list((await connection.execute(_DUE, {**what, "limit": room, "seen": [row["id"] for row in changed]})).mappings())
    return changed + due, last, len(due) == room


async def taken(connection: AsyncConnection, crm: CrmName, ids: Sequence[str]) -> dict[str, UUID]:
    """Whose these records are already."""
    return {row.external_id: row.lead_id for row in await connection.execute(_TAKEN, {"crm": crm, "ids": ids})}


async def written(connection: AsyncConnection, crm: CrmName, lead: RowMapping, outcome: Written, digest: str, owner: str | None) -> None:
    """Note what became of a lead that was written.

    Args:
        connection: in a transaction.
        crm: where.
        lead: its row, as it was written.
        outcome: what the CRM said.
        digest: of what was written.
        owner: the CRM's id of the owner that was written; None when none was.
    """
    if outcome.problem is None:
        what = {"crm": crm, "external": outcome.external_id, "lead": lead["id"], "owner": owner, "lead_owner": lead["owner_id"]}
        more = {"version": outcome.version, "hash": digest, "owner_written": owner is not None}
        if not (await connection.execute(_LINK, {**what, **more})).rowcount:
            await refuse(connection, crm, "out", "lead", "linked_elsewhere", outcome.external_id, lead["id"])
        return
    what = {"crm": crm, "lead": lead["id"], "again": outcome.again, "hash": digest, "gone": outcome.gone}
    await connection.execute(_FAILED, what)
    await refuse(connection, crm, "out", "lead", outcome.problem, outcome.external_id, lead["id"])


async def settled(connection: AsyncConnection, crm: CrmName, lead: RowMapping) -> None:
    """There was nothing to write of a lead."""
    await connection.execute(_SETTLED, {"crm": crm, "lead": lead["id"], "lead_owner": lead["owner_id"]})


async def later(connection: AsyncConnection, crm: CrmName, external_ids: Sequence[str]) -> None:
    """The leads of these records are to be looked at by the next sync, whether or not they change."""
    await connection.execute(_LATER, {"crm": crm, "ids": external_ids})


async def refuse(
    connection: AsyncConnection,
    crm: CrmName,
    way: str,
    what: str,
    reason: str,
    external_id: str | None,
    lead: UUID | None,
    version: str | None = None,
) -> None:
    """Record that something was not carried over.

    Args:
        connection: in a transaction.
        crm: with whom.
        way: `in` or `out`.
        what: `person`, `owner`, `deal` or `lead`.
        reason: a word.
        external_id: of the CRM's record.
        lead: ours.
        version: of the record, where it is of no use as long as it stays as it is.
    """
    row = {"crm": crm, "way": way, "what": what, "reason": reason, "external": external_id, "lead": lead, "version": version}
    await connection.execute(_REFUSE, row)


async def to_forget(connection: AsyncConnection, crm: CrmName, limit: int) -> list[str]:
    """Records of people who were erased, of which the CRM was not told yet."""
    return list((await connection.execute(_TO_FORGET, {"crm": crm, "limit": limit})).scalars())


async def forgotten(connection: AsyncConnection, crm: CrmName, ids: Sequence[str]) -> None:
    """The CRM was told, or is not to be told. Old refusals go as well."""
    await connection.execute(_FORGOTTEN, {"crm": crm, "ids": ids})
    await connection.execute(_PRUNE, {"crm": crm})
