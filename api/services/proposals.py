"""Proposals to change the agreement as they stand: what each says and changes, what was said about it, and who signed."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import policies
from activities.database import Database
from api.errors import NotFound
from api.services.cursors import position
from api.services.policies import version as policy_version
from models.policy import Policy, changes, stored_policy
from models.schemas.common import Page, Person, cursor_of
from models.schemas.policy import Change, CommentView, ProposalSummary, ProposalView, RevisionView, SignatureView, Team

SELECT = """
    SELECT p.id, p.created_at, p.author_id, a.name AS author, r.number, r.based_on, r.name, r.digest, r.document, r.source, r.why,
        r.takes_effect, coalesce(o.kind, 'open') AS state, o.version, o.at AS ended_at, o.why AS ended_why, o.by_id, b.name AS ended_by,
        (SELECT coalesce(array_agg(s.team), '{}') FROM policy_signatures s WHERE s.proposal_id = p.id AND s.revision = r.number) AS teams
    FROM policy_proposals p
    JOIN users a ON a.id = p.author_id
    JOIN policy_revisions r ON r.proposal_id = p.id
        AND r.number = (SELECT max(number) FROM policy_revisions WHERE proposal_id = p.id)
    LEFT JOIN policy_outcomes o ON o.proposal_id = p.id
    LEFT JOIN users b ON b.id = o.by_id"""
"""Proposals, each with its latest revision. To be completed with WHERE."""
_ONE = text(f"{SELECT} WHERE p.id = :id")
_LIST = text(f"{SELECT} WHERE (CAST(:before AS uuid) IS NULL OR p.id < :before) ORDER BY p.id DESC LIMIT :limit")
SIGNATURES = text("SELECT s.*, u.name FROM policy_signatures s JOIN users u ON u.id = s.user_id WHERE s.proposal_id = :id ORDER BY s.at")
_COMMENTS = text(
    "SELECT c.*, u.name FROM policy_comments c JOIN users u ON u.id = c.author_id WHERE c.proposal_id = :id ORDER BY c.at, c.id"
)
_REVISIONS = text(
    "SELECT r.*, u.name AS author FROM policy_revisions r JOIN users u ON u.id = r.author_id WHERE r.proposal_id = :id ORDER BY r.number"
)


async def proposals(database: Database, *, cursor: str | None, limit: int) -> Page[ProposalSummary]:
    """All proposals, the latest first.

    Raises:
        Invalid: when the cursor is none of this list.
    """
    after = position(cursor, UUID)
    async with database.autocommit() as connection:
        rows = (await connection.execute(_LIST, {"before": after[0] if after else None, "limit": limit + 1})).all()
        needed = (await policies.latest(connection)).agreement.signatures
    items = [ProposalSummary.model_validate(_summary(row, needed)) for row in rows[:limit]]
    return Page(items=items, next_cursor=cursor_of(items[-1].id) if len(rows) > limit else None)


async def row(connection: AsyncConnection, proposal: UUID) -> Row[Any]:
    """A proposal's own row.

    Raises:
        NotFound: when there is none.
    """
    found: Row[Any] | None = (await connection.execute(_ONE, {"id": proposal})).one_or_none()
    if found is None:
        raise NotFound("proposal")
    return found


async def policy_of(database: Database, proposal: UUID) -> Policy:
    """What a proposal says.

    Raises:
        NotFound: when there is none.
    """
    async with database.autocommit() as connection:
        return stored_policy(0, (await row(connection, proposal)).document)


async def view(database: Database, proposal: UUID) -> ProposalView:
    """A proposal as it stands.

    Raises:
        NotFound: when there is none.
    """
    async with database.connection() as connection:
        return await _view(connection, await row(connection, proposal))


async def problems(connection: AsyncConnection, row: Row[Any], current: Policy) -> list[str]:
    """Why a proposal cannot be published yet, in sentences."""
    found = []
    if current.agreement.signatures == "both":
        missing = [team for team in Team if team not in row.teams]
        found += [f"The signature of {' and of '.join(missing)} is missing."] if missing else []
    base = await policy_version(connection, row.based_on)
    moved = changes(base.agreed, current.agreed)
    if moved:
        said = "; ".join(change.text for change in moved[:10])
        found.append(f"It is based on version {row.based_on}, and version {current.version} changed: {said}. Revise it first.")
    elif row.digest == current.agreed.digest:
        found.append(f"It says the same as version {current.version}, which is in force.")
    return found


def _summary(row: Row[Any], needed: str) -> dict[str, Any]:
    missing = [team for team in Team if team not in row.teams] if row.state == "open" and needed == "both" else []
    by = Person(id=row.author_id, name=row.author)
    return {**row._mapping, "by": by, "revision": row.number, "missing": missing, "ended_by": None}


async def _view(connection: AsyncConnection, row: Row[Any]) -> ProposalView:
    current = await policies.latest(connection)
    base = await policy_version(connection, row.based_on)
    policy = stored_policy(0, row.document)
    asked = {"id": row.id}
    signatures = (await connection.execute(SIGNATURES, asked)).all()
    comments = (await connection.execute(_COMMENTS, asked)).all()
    revisions = (await connection.execute(_REVISIONS, asked)).all()
    still = row.state == "open"
    return ProposalView.model_validate(
        {
            **_summary(row, current.agreement.signatures),
            "document": json.loads(row.document),
            "diff": _said(base.agreed, policy),
            "moved": _said(base.agreed, current.agreed) if still else [],
            "problems": await problems(connection, row, current) if still else [],
            "signatures": [_signature(one, row.number) for one in signatures],
            "comments": [CommentView(id=one.id, by=Person(id=one.author_id, name=one.name), body=one.body, at=one.at) for one in comments],
            "revisions": _revisions(revisions),
            "ended_by": Person(id=row.by_id, name=row.ended_by) if row.by_id else None,
        }
    )


def _said(before: Policy, after: Policy) -> list[Change]:
    return [Change.model_validate(change) for change in changes(before, after)]


def _signature(one: Row[Any], revision: int) -> SignatureView:
    by = Person(id=one.user_id, name=one.name)
    return SignatureView(team=Team(one.team), by=by, at=one.at, revision=one.revision, digest=one.digest, valid=one.revision == revision)


def _revisions(rows: Sequence[Row[Any]]) -> list[RevisionView]:
    return [
        RevisionView.model_validate({**one._mapping, "by": Person(id=one.author_id, name=one.author), "at": one.created_at}) for one in rows
    ]
