"""The agreement, for people to read."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import policies
from activities.database import Database
from api.errors import NotFound
from api.services.cursors import position
from models.policy import Change, Policy, changes
from models.schemas.common import Page, Person, cursor_of
from models.schemas.records import PolicyLine, PolicyView, Rollout, SignedBy

_COLUMNS = """
    SELECT p.*, u.name AS author_name FROM policies p LEFT JOIN users u ON u.id = p.author_id"""
_LATEST = text(f"{_COLUMNS} ORDER BY version DESC LIMIT 1")
_VERSION = text(f"{_COLUMNS} WHERE version = :version")
_LIST = text(f"{_COLUMNS} WHERE version < :before ORDER BY version DESC LIMIT :limit")
_SIGNED = text(
    """
    SELECT s.team, s.user_id, u.name, s.at FROM policy_signatures s JOIN users u ON u.id = s.user_id
    WHERE s.proposal_id = :proposal AND s.revision = (SELECT max(number) FROM policy_revisions WHERE proposal_id = :proposal)
    ORDER BY s.at"""
)
_WAITING = text(
    "SELECT count(*) FROM outbox WHERE signal = 'policy_changed' AND payload @> jsonb_build_object('version', CAST(:version AS int))"
)


async def policy(database: Database, version: int | None = None) -> PolicyView:
    """A version of the policy; the one in force when none is named.

    Raises:
        NotFound: when there is no such version, or none at all.
    """
    async with database.autocommit() as connection:
        query = _LATEST if version is None else _VERSION
        row: Row[Any] | None = (await connection.execute(query, {} if version is None else {"version": version})).one_or_none()
        if row is None:
            raise NotFound("version of the policy")
        signed = (await connection.execute(_SIGNED, {"proposal": row.proposal_id})).all() if row.proposal_id else []
        waiting = (await connection.execute(_WAITING, {"version": row.version})).scalar_one() if row.told else 0
        waiting += max(0, row.told - row.written) if row.told_upto else 0
    return PolicyView.model_validate(
        {
            **row._mapping,
            "document": json.loads(row.document),
            "published_at": row.created_at,
            "author": _person(row.author_id, row.author_name),
            "signatures": [SignedBy(team=one.team, by=Person(id=one.user_id, name=one.name), at=one.at) for one in signed],
            "rollout": Rollout(told=row.told, waiting=waiting),
        }
    )


async def versions(database: Database, *, cursor: str | None, limit: int) -> Page[PolicyLine]:
    """All versions, the latest first.

    Raises:
        Invalid: when the cursor is none of this list.
    """
    after = position(cursor, int)
    async with database.autocommit() as connection:
        rows = (await connection.execute(_LIST, {"before": after[0] if after else 2**31 - 1, "limit": limit + 1})).all()
    items = [
        PolicyLine.model_validate({**row._mapping, "published_at": row.created_at, "author": _person(row.author_id, row.author_name)})
        for row in rows[:limit]
    ]
    return Page(items=items, next_cursor=cursor_of(items[-1].version) if len(rows) > limit else None)


async def difference(database: Database, before: int, after: int) -> tuple[Change, ...]:
    """What a version changed in another.

    Raises:
        NotFound: when there is no such version.
    """
    async with database.autocommit() as connection:
        return changes(await version(connection, before), await version(connection, after))


async def version(connection: AsyncConnection, number: int) -> Policy:
    """A published version.

    Raises:
        NotFound: when there is none of that number.
    """
    try:
        return await policies.of_version(connection, number)
    except LookupError:
        raise NotFound("version of the policy") from None


def _person(user: UUID | None, name: str | None) -> Person | None:
    return Person(id=user, name=name or "a former user") if user else None
