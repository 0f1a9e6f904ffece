"""What was told to whom: nurture messages to leads, notices to users."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.database import Database
from api.auth import Principal
from api.errors import NotFound
from api.services.cursors import position
from models.schemas.common import Page, cursor_of
from models.schemas.records import MessageView, NoticeView

_MESSAGES = """
    SELECT m.id, m.campaign, m.step + 1 AS step, m.channel, m.template, m.state, m.why, m.recipient, m.subject, m.decided_at,
        m.sent_at, m.opened_at, m.clicked_at, m.delivered_at,
        m.language, m.variant, m.template_version, m.lead_id, l.first_name, l.last_name, l.company
    FROM messages m JOIN leads l ON l.id = m.lead_id
    WHERE {filters} ORDER BY m.decided_at DESC, m.id DESC LIMIT :limit"""
_SEEN = """CASE WHEN n.role IS NULL THEN n.read_at ELSE coalesce(r.at, CASE WHEN n.at < now() - interval '30 days' THEN n.at END) END"""
"""When this user read a notice. What a role is told counts as read after 30 days: nobody reads up on years before they came."""
_NOTICE = """
    SELECT n.id, n.kind, n.role, n.at, {seen} AS read_at, n.change, n.user_id, n.lead_id, l.first_name, l.last_name, l.company
    FROM notices n LEFT JOIN leads l ON l.id = n.lead_id"""
_READER = "LEFT JOIN notice_reads r ON r.notice_id = n.id AND r.user_id = :user"
_FOR_ME = f"{_NOTICE.format(seen=_SEEN)} {_READER}"
_MINE = "(n.user_id = :user OR n.role = ANY(:roles))"
_NOTICES = f"{_FOR_ME} WHERE {_MINE} {{filters}} ORDER BY ({_SEEN} IS NOT NULL), n.at DESC, n.id DESC LIMIT :limit"
_READS = f"""
    WITH found AS (SELECT n.id, n.role FROM notices n {_READER} WHERE {_MINE} AND {_SEEN} IS NULL AND {{which}}),
        own AS (UPDATE notices n SET read_at = now() FROM found WHERE n.id = found.id AND found.role IS NULL)
    INSERT INTO notice_reads (notice_id, user_id, at)
    SELECT id, :user, now() FROM found WHERE role IS NOT NULL ON CONFLICT DO NOTHING"""  # noqa: S608 - constants of ours
_READ = text(_READS.format(which="n.id = :id"))
_READ_UPTO = text(_READS.format(which="n.change <= :upto"))
_UNREAD = text(f"SELECT count(*) FROM (SELECT FROM notices n {_READER} WHERE {_MINE} AND {_SEEN} IS NULL LIMIT 100) found")  # noqa: S608
_ONE = text(f"{_FOR_ME} WHERE n.id = :id AND {_MINE}")
_CHANGED = text(f"{_NOTICE.format(seen='n.read_at')} WHERE n.change > :after AND n.change <= :upto ORDER BY n.change LIMIT :limit")


def _with_lead(row: Mapping[str, Any]) -> dict[str, Any]:
    lead = {name: row[name] for name in ("first_name", "last_name", "company")}
    return {**row, "lead": {"id": row["lead_id"], **lead} if row["lead_id"] else None}


async def messages(database: Database, *, lead: UUID | None, cursor: str | None, limit: int) -> Page[MessageView]:
    """What nurture sent or meant to send, latest first; with `lead`, only to this one.

    Raises:
        Invalid: when the cursor is none of this list.
    """
    filters, values = ["true"], dict[str, Any](limit=limit + 1)
    if lead is not None:
        filters.append("m.lead_id = :lead")
        values["lead"] = lead
    if after := position(cursor, datetime, UUID):
        filters.append("(m.decided_at, m.id) < (:at, :id)")
        values["at"], values["id"] = after
    async with database.autocommit() as connection:
        rows = (await connection.execute(text(_MESSAGES.format(filters=" AND ".join(filters))), values)).mappings().all()
    items = [MessageView.model_validate(_with_lead(dict(row))) for row in rows[:limit]]
    following = cursor_of(items[-1].decided_at, items[-1].id) if len(rows) > limit else None
    return Page(items=items, next_cursor=following)


async def notices(database: Database, me: Principal, *, unread: bool, cursor: str | None, limit: int) -> Page[NoticeView]:
    """What this user is told, unread first, latest first; with `unread`, without what was read.

    Raises:
        Invalid: when the cursor is none of this list.
    """
    filters = f"AND {_SEEN} IS NULL " if unread else ""
    values = {**_whose(me), "limit": limit + 1}
    if after := position(cursor, bool, datetime, UUID):
        filters += f"AND (({_SEEN} IS NOT NULL) > :read OR (({_SEEN} IS NOT NULL) = :read AND (n.at, n.id) < (:at, :id)))"
        values["read"], values["at"], values["id"] = after
    async with database.autocommit() as connection:
        rows = (await connection.execute(text(_NOTICES.format(filters=filters)), values)).mappings().all()
    items = [_notice(row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    return Page(items=items, next_cursor=cursor_of(last.read_at is not None, last.at, last.id) if last else None)


async def read(database: Database, me: Principal, notice: UUID) -> NoticeView:
    """Note that a notice was read; again changes nothing.

    Raises:
        NotFound: when there is none of that id for this user.
    """
    async with database.connection() as connection:
        which = {**_whose(me), "id": notice}
        await connection.execute(_READ, which)
        row = (await connection.execute(_ONE, which)).mappings().one_or_none()
    if row is None:
        raise NotFound("notice")
    return _notice(row)


async def unread(connection: AsyncConnection, me: Principal) -> int:
    """How many notices this user has not read."""
    found: int = (await connection.execute(_UNREAD, _whose(me))).scalar_one()
    return found


async def read_upto(database: Database, me: Principal, upto: int) -> int:
    """Note that this user read everything up to a change.

    Args:
        database: where notices are.
        me: who read.
        upto: the number of the latest notice they saw, so that one that came meanwhile stays unread.

    Returns:
        How many are still unread.
    """
    async with database.connection() as connection:
        await connection.execute(_READ_UPTO, {**_whose(me), "upto": upto})
        return await unread(connection, me)


def _whose(me: Principal) -> dict[str, Any]:
    return {"user": me.id, "roles": sorted(me.roles)}


async def notices_between(connection: AsyncConnection, after: int, upto: int, limit: int) -> list[tuple[UUID | None, NoticeView]]:
    """Everybody's notices numbered after one change and up to another, in order, each with the user it is for (None: a role)."""
    rows = (await connection.execute(_CHANGED, {"after": after, "upto": upto, "limit": limit})).mappings().all()
    return [(row["user_id"], _notice(row)) for row in rows]


def _notice(row: Any) -> NoticeView:
    return NoticeView.model_validate(_with_lead(dict(row)))
