"""The room in which the agreement is changed: proposing, discussing, signing, publishing. What was said or signed is kept for good."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import policies
from activities.database import Database
from activities.policies import Publication
from api.auth import Principal
from api.errors import Conflict, Forbidden, Invalid
from api.services import proposals
from api.services.engine import Engine
from api.services.policies import version as policy_version
from api.services.wording import in_force, understood
from models.ids import uuid7
from models.lifecycle import Role, TakesEffect
from models.policy import Policy, changes, stored_policy
from models.schemas.policy import ProposalView, Proposed, Signing, Team
from models.tables import PolicyComment, PolicyOutcome, PolicyProposal, PolicyRevision, PolicySignature

SIGNS = {Role.MANAGER: Team.SALES, Role.MARKETER: Team.MARKETING}
"""For which team a role signs."""
_SAME = text(
    f"""{proposals.SELECT} WHERE p.author_id = :me AND o.kind IS NULL AND r.digest = :digest AND r.takes_effect = :takes_effect
        AND r.based_on = :based_on ORDER BY p.id DESC LIMIT 1"""
)
_LOCK = text("SELECT id FROM policy_proposals WHERE id = :id FOR UPDATE")


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
        policy, source = await understood(wanted, await in_force(self.database))
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
        return await proposals.view(self.database, proposal)

    async def revise(self, proposal: UUID, wanted: Proposed) -> ProposalView:
        """Edit a proposal: what was signed before is no longer what it says, so all have to sign anew.

        Raises:
            NotFound: when there is no such proposal.
            NotAPolicy: when it does not validate; nothing is stored.
            Conflict: when it is over, is based on another version than the one in force, or says the same as that.
        """
        async with self.database.autocommit() as connection:
            base = (await proposals.row(connection, proposal)).source
        policy, source = await understood(wanted, base)
        async with self.database.connection() as connection:
            row = await _open(connection, proposal)
            current = await policies.in_force(connection)
            _check_base(policy, current, await _based_on(connection, wanted, current))
            unchanged = (row.digest, row.takes_effect, row.based_on, row.why, row.source)
            if unchanged != (policy.digest, wanted.takes_effect, current.version, wanted.why, source):
                await self._revise(connection, proposal, row.number + 1, policy, source, wanted, current)
        return await proposals.view(self.database, proposal)

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
            await proposals.row(connection, proposal)
            row = {"id": uuid7(), "proposal_id": proposal, "author_id": self.me.id, "body": body, "at": _now()}
            await connection.execute(insert(PolicyComment).values(row))
        return await proposals.view(self.database, proposal)

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
            valid = [one for one in await connection.execute(proposals.SIGNATURES, {"id": proposal}) if one.revision == row.number]
            by_me = next((one for one in valid if one.user_id == self.me.id), None)
            by_team = next((one for one in valid if one.team == team), None)
            if by_me is None and by_team is None:
                what = {"proposal_id": proposal, "revision": row.number, "digest": row.digest, "team": team}
                await connection.execute(insert(PolicySignature).values(id=uuid7(), user_id=self.me.id, at=_now(), **what))
            elif by_me is None and by_team is not None:
                raise Conflict(f"{by_team.name} has signed for {team} already.")
            elif by_me is not None and by_me.team != team:
                raise Conflict(f"You signed for {by_me.team}: the two signatures take two people.")
        return await proposals.view(self.database, proposal)

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
        return await proposals.view(self.database, proposal)

    async def publish(self, proposal: UUID) -> ProposalView:
        """Bring a proposal into force, and tell every lead in flight.

        Raises:
            NotFound: when there is no such proposal.
            Conflict: when it is over, a signature is missing, or the agreement it is based on changed.
        """
        async with self.database.connection() as connection:
            row = await _open(connection, proposal)
            current = await policies.alone(connection)
            problems = await proposals.problems(connection, row, current)
            if problems:
                raise Conflict(" ".join(problems))
            policy = stored_policy(0, row.document)
            how = Publication("room", self.me.id, proposal, row.why, TakesEffect(row.takes_effect))
            published, _ = await policies.bring(connection, policy, row.source, how)
            outcome = {"proposal_id": proposal, "kind": "published", "by_id": self.me.id, "version": published.version, "at": _now()}
            await connection.execute(insert(PolicyOutcome).values(outcome))
        self.engine.outbox_filled.set()
        return await proposals.view(self.database, proposal)


def _now() -> datetime:
    return datetime.now(UTC)


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


async def _open(connection: AsyncConnection, proposal: UUID) -> Row[Any]:
    """A proposal that is open and stays as it is until this transaction ends."""
    await connection.execute(_LOCK, {"id": proposal})
    row = await proposals.row(connection, proposal)
    if row.state != "open":
        raise Conflict(f"This proposal was {row.state} on {row.ended_at:%-d %b %Y}.")
    return row
