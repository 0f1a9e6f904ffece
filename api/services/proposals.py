"""Changing the agreement: proposing, discussing, signing and publishing. Whatever was said or signed is kept for good."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import yaml
from sqlalchemy import Row, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import policies
from activities.database import Database
from activities.policies import Publication
from api.auth import Principal
from api.errors import Conflict, Forbidden, Invalid, NotFound
from api.services.cursors import position
from api.services.engine import Engine
from api.services.policies import version as policy_version
from models.ids import uuid7
from models.lifecycle import Role, TakesEffect
from models.policy import Policy, PolicyError, changes, parse_policy, stored_policy
from models.schemas.common import Page, Person, cursor_of
from models.schemas.policy import (
    Change,
    CommentView,
    ProposalSummary,
    ProposalView,
    Proposed,
    RevisionView,
    SignatureView,
    Signing,
    Team,
)
from models.tables import PolicyComment, PolicyOutcome, PolicyProposal, PolicyRevision, PolicySignature

SIGNS = {Role.MANAGER: Team.SALES, Role.MARKETER: Team.MARKETING}
"""For which team a role signs."""
_SELECT = """
    SELECT p.id, p.created_at, p.author_id, a.name AS author, r.number, r.based_on, r.name, r.digest, r.document, r.source, r.why,
        r.takes_effect, coalesce(o.kind, 'open') AS state, o.version, o.at AS ended_at, o.why AS ended_why, o.by_id, b.name AS ended_by,
        (SELECT coalesce(array_agg(s.team), '{}') FROM policy_signatures s WHERE s.proposal_id = p.id AND s.revision = r.number) AS teams
    FROM policy_proposals p
    JOIN users a ON a.id = p.author_id
    JOIN policy_revisions r ON r.proposal_id = p.id
        AND r.number = (SELECT max(number) FROM policy_revisions WHERE proposal_id = p.id)
    LEFT JOIN policy_outcomes o ON o.proposal_id = p.id
    LEFT JOIN users b ON b.id = o.by_id"""
_ONE = text(f"{_SELECT} WHERE p.id = :id")
_LIST = text(f"{_SELECT} WHERE (CAST(:before AS uuid) IS NULL OR p.id < :before) ORDER BY p.id DESC LIMIT :limit")
_SAME = text(
    f"""{_SELECT} WHERE p.author_id = :me AND o.kind IS NULL AND r.digest = :digest AND r.takes_effect = :takes_effect
        AND r.based_on = :based_on ORDER BY p.id DESC LIMIT 1"""
)
_LOCK = text("SELECT id FROM policy_proposals WHERE id = :id FOR UPDATE")
_SIGNATURES = text("SELECT s.*, u.name FROM policy_signatures s JOIN users u ON u.id = s.user_id WHERE s.proposal_id = :id ORDER BY s.at")
_COMMENTS = text(
    "SELECT c.*, u.name FROM policy_comments c JOIN users u ON u.id = c.author_id WHERE c.proposal_id = :id ORDER BY c.at, c.id"
)
_REVISIONS = text(
    "SELECT r.*, u.name AS author FROM policy_revisions r JOIN users u ON u.id = r.author_id WHERE r.proposal_id = :id ORDER BY r.number"
)
_AT_LINE = re.compile(r"(\w+)(?:, line (\d+))?: ([^:\s]+): (.*)", re.DOTALL)


class NotAPolicy(Invalid):
    """What was sent does not validate, so that nothing was stored.

    Args:
        where: the field it came in.
        err: what is wrong.
    """

    def __init__(self, where: str, err: PolicyError) -> None:
        fields: dict[str, str] = {}
        for problem in err.problems:
            found = _AT_LINE.fullmatch(problem)
            name = f"{where}.{found[3]}" if found else where
            said = (f"line {found[2]}: " if found[2] else "") + found[4] if found else problem
            fields[name] = f"{fields[name]}; {said}" if name in fields else said
        super().__init__(fields)
        self.fields["problems"] = err.problems


@dataclass(frozen=True, slots=True)
class Room:
    """Where the agreement is changed, and who is there.

    Args:
        database: where it all is kept.
        engine: is told that there is news for leads.
        me: who acts.
    """

    database: Database
    engine: Engine
    me: Principal

    async def propose(self, wanted: Proposed) -> ProposalView:
        """Propose a policy; the same again finds what was proposed. Where the agreement takes no signatures it is published at once.

        Raises:
            NotAPolicy: when it does not validate; nothing is stored.
            Conflict: when it is based on another version than the one in force, or says the same.
        """
        policy, source = _read(wanted)
        async with self.database.connection() as connection:
            current = await policies.in_force(connection)
            _check_base(policy, current, await _based_on(connection, wanted, current))
            same = {"me": self.me.id, "digest": policy.digest, "takes_effect": wanted.takes_effect, "based_on": current.version}
            found = (await connection.execute(_SAME, same)).one_or_none()
            proposal: UUID = found.id if found else uuid7()
            if found is None:
                await connection.execute(insert(PolicyProposal).values(id=proposal, author_id=self.me.id, created_at=_now()))
                await self._revise(connection, proposal, 1, policy, source, wanted, current)
        if current.agreement.signatures == "none":
            return await self.publish(proposal)
        return await self.view(proposal)

    async def revise(self, proposal: UUID, wanted: Proposed) -> ProposalView:
        """Edit a proposal: what was signed before is no longer what it says, so all have to sign anew.

        Raises:
            NotFound: when there is no such proposal.
            NotAPolicy: when it does not validate; nothing is stored.
            Conflict: when it is over, is based on another version than the one in force, or says the same as that.
        """
        policy, source = _read(wanted)
        async with self.database.connection() as connection:
            row = await _open(connection, proposal)
            current = await policies.in_force(connection)
            _check_base(policy, current, await _based_on(connection, wanted, current))
            unchanged = (row.digest, row.takes_effect, row.based_on, row.why, row.source)
            if unchanged != (policy.digest, wanted.takes_effect, current.version, wanted.why, source):
                await self._revise(connection, proposal, row.number + 1, policy, source, wanted, current)
        return await self.view(proposal)

    async def _revise(
        self, connection: AsyncConnection, proposal: UUID, number: int, policy: Policy, source: str, wanted: Proposed, current: Policy
    ) -> None:
        says = {"name": policy.name, "digest": policy.digest, "document": policy.model_dump_json(), "source": source}
        how = {"why": wanted.why, "takes_effect": wanted.takes_effect, "based_on": current.version}
        row = {"proposal_id": proposal, "number": number, "author_id": self.me.id, "created_at": _now(), **says, **how}
        await connection.execute(insert(PolicyRevision).values(row))

    async def comment(self, proposal: UUID, body: str) -> ProposalView:
        """Say something about a proposal; also about one that is over.

        Raises:
            NotFound: when there is no such proposal.
        """
        async with self.database.connection() as connection:
            await _row(connection, proposal)
            row = {"id": uuid7(), "proposal_id": proposal, "author_id": self.me.id, "body": body, "at": _now()}
            await connection.execute(insert(PolicyComment).values(row))
        return await self.view(proposal)

    async def sign(self, proposal: UUID, wanted: Signing) -> ProposalView:
        """Sign what a proposal says, for one's own team; again changes nothing.

        Raises:
            NotFound: when there is no such proposal.
            Forbidden: to whom neither team's signature belongs.
            Invalid: when somebody could sign for either team and does not say for which.
            Conflict: when it is over, says something else by now, somebody signed for this team, or its signer did for the other.
        """
        async with self.database.connection() as connection:
            row = await _open(connection, proposal)
            if wanted.digest is not None and wanted.digest != row.digest:
                raise Conflict(f"It was edited meanwhile: revision {row.number} says something else. Read it, then sign that.")
            team = self._team(wanted.team)
            valid = [one for one in await connection.execute(_SIGNATURES, {"id": proposal}) if one.revision == row.number]
            by_me = next((one for one in valid if one.user_id == self.me.id), None)
            by_team = next((one for one in valid if one.team == team), None)
            if by_me is None and by_team is None:
                what = {"proposal_id": proposal, "revision": row.number, "digest": row.digest, "team": team}
                await connection.execute(insert(PolicySignature).values(id=uuid7(), user_id=self.me.id, at=_now(), **what))
            elif by_me is None and by_team is not None:
                raise Conflict(f"{by_team.name} has signed for {team} already.")
            elif by_me is not None and by_me.team != team:
                raise Conflict(f"You signed for {by_me.team}: the two signatures take two people.")
        return await self.view(proposal)

    def _team(self, wanted: Team | None) -> Team:
        mine = [team for role, team in SIGNS.items() if role in self.me.roles]
        if not mine or (wanted is not None and wanted not in mine):
            raise Forbidden("A manager signs for sales, a marketer for marketing.")
        if wanted is None and len(mine) > 1:
            raise Invalid({"team": "say for which team you sign: sales or marketing"})
        return wanted or mine[0]

    async def withdraw(self, proposal: UUID, why: str | None) -> ProposalView:
        """Take a proposal back; what was said and signed stays.

        Raises:
            NotFound: when there is no such proposal.
            Conflict: when it is over.
        """
        async with self.database.connection() as connection:
            await _open(connection, proposal)
            row = {"proposal_id": proposal, "kind": "withdrawn", "by_id": self.me.id, "why": why, "at": _now()}
            await connection.execute(insert(PolicyOutcome).values(row))
        return await self.view(proposal)

    async def publish(self, proposal: UUID) -> ProposalView:
        """Bring a proposal into force, and tell every lead in flight.

        Raises:
            NotFound: when there is no such proposal.
            Conflict: when it is over, a signature is missing, or the agreement it is based on changed.
        """
        async with self.database.connection() as connection:
            row = await _open(connection, proposal)
            current = await policies.alone(connection)
            problems = await _problems(connection, row, current)
            if problems:
                raise Conflict(" ".join(problems))
            policy = stored_policy(0, row.document)
            how = Publication("room", self.me.id, proposal, row.why, TakesEffect(row.takes_effect))
            published, _ = await policies.bring(connection, policy, row.source, how)
            outcome = {"proposal_id": proposal, "kind": "published", "by_id": self.me.id, "version": published.version, "at": _now()}
            await connection.execute(insert(PolicyOutcome).values(outcome))
        self.engine.outbox_filled.set()
        return await self.view(proposal)

    async def view(self, proposal: UUID) -> ProposalView:
        """A proposal as it stands.

        Raises:
            NotFound: when there is none.
        """
        async with self.database.connection() as connection:
            row = await _row(connection, proposal)
            return await _view(connection, row)

    async def policy(self, proposal: UUID) -> Policy:
        """What a proposal says.

        Raises:
            NotFound: when there is none.
        """
        async with self.database.autocommit() as connection:
            return stored_policy(0, (await _row(connection, proposal)).document)


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


def _now() -> datetime:
    return datetime.now(UTC)


def _read(wanted: Proposed) -> tuple[Policy, str]:
    """The policy somebody proposes, and its text.

    Raises:
        NotAPolicy: when it does not validate.
    """
    source = wanted.source if wanted.source is not None else as_yaml(wanted.document or {})
    try:
        return parse_policy(source, today=_now().date()), source
    except PolicyError as err:
        raise NotAPolicy("source" if wanted.document is None else "document", err) from None


def as_yaml(document: dict[str, Any]) -> str:
    """A document as YAML that reads back the same."""
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return text


async def _based_on(connection: AsyncConnection, wanted: Proposed, current: Policy) -> Policy:
    return current if wanted.based_on in (None, current.version) else await policy_version(connection, wanted.based_on or 0)


def _check_base(policy: Policy, current: Policy, base: Policy) -> None:
    """Whether a policy may be proposed now.

    Raises:
        Conflict: when what it is based on changed, naming what, or it says what is in force.
    """
    moved = changes(base.agreed, current.agreed)
    if moved:
        said = "; ".join(change.text for change in moved[:10])
        raise Conflict(f"Version {current.version} is in force by now, not {base.version} any more. It changed: {said}.")
    if policy.digest == current.agreed.digest:
        raise Conflict(f"This says the same as version {current.version}, which is in force.")


async def _row(connection: AsyncConnection, proposal: UUID) -> Row[Any]:
    row = (await connection.execute(_ONE, {"id": proposal})).one_or_none()
    if row is None:
        raise NotFound("proposal")
    return row


async def _open(connection: AsyncConnection, proposal: UUID) -> Row[Any]:
    """A proposal that is open and stays as it is until this transaction ends."""
    await connection.execute(_LOCK, {"id": proposal})
    row = await _row(connection, proposal)
    if row.state != "open":
        raise Conflict(f"This proposal was {row.state} on {row.ended_at:%-d %b %Y}.")
    return row


async def _problems(connection: AsyncConnection, row: Row[Any], current: Policy) -> list[str]:
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
    signatures = (await connection.execute(_SIGNATURES, asked)).all()
    comments = (await connection.execute(_COMMENTS, asked)).all()
    revisions = (await connection.execute(_REVISIONS, asked)).all()
    still = row.state == "open"
    return ProposalView.model_validate(
        {
            **_summary(row, current.agreement.signatures),
            "document": json.loads(row.document),
            "diff": _said(base.agreed, policy),
            "moved": _said(base.agreed, current.agreed) if still else [],
            "problems": await _problems(connection, row, current) if still else [],
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
