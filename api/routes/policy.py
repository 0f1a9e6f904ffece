"""The agreement between sales and marketing: read by all, proposed, signed and published by managers and marketers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from api.deps import PEOPLE, Db, Engined, Me, require, signed_in
from api.services import policies, proposals, votes
from api.services.dry_run import dry_run
from api.services.room import Room
from models.lifecycle import Role
from models.schemas.common import Limit, Page
from models.schemas.policy import (
    Change,
    Comment,
    DryRun,
    PointsView,
    ProposalSummary,
    ProposalView,
    Proposed,
    Signing,
    Votes,
    VotesProposed,
    Withdrawal,
)
from models.schemas.records import PolicyLine, PolicyView

router = APIRouter(prefix="/api/policy", tags=["policy"], dependencies=[Depends(signed_in)])
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Cursor = Annotated[str | None, Query(max_length=500)]
PARTIES = [Depends(require(Role.MANAGER, Role.MARKETER))]
"""Who changes the agreement."""
SALES = [Depends(require(Role.REP, Role.MANAGER))]
"""Who votes on the data points."""


async def room(database: Db, engine: Engined, me: Me) -> Room:
    """The policy room, with whoever asks in it."""
    return Room(database, engine, me)


InRoom = Annotated[Room, Depends(room)]


@router.get("")
async def policy_in_force(database: Db) -> PolicyView:
    """The version in force."""
    return await policies.policy(database)


@router.put("", dependencies=PARTIES, status_code=202, responses={200: {"description": "Published at once.", "model": ProposalView}})
async def propose(inside: InRoom, wanted: Proposed, response: Response) -> ProposalView:
    """Propose a policy. It is in force once both teams have signed and somebody published it.

    Where the agreement says `agreement: {signatures: none}`, it is published at once, and the answer is 200. A policy that does not
    validate is refused with its keys and lines; what is in force stays.
    """
    found = await inside.propose(wanted)
    response.status_code = 200 if found.state == "published" else 202
    return found


@router.get("/versions")
async def all_versions(database: Db, cursor: Cursor = None, limit: Limit = 50) -> Page[PolicyLine]:
    """Every version, the latest first."""
    return await policies.versions(database, cursor=cursor, limit=limit)


@router.get("/versions/{n}")
async def policy_version(database: Db, n: Number) -> PolicyView:
    """A version by its number."""
    return await policies.policy(database, n)


@router.get("/versions/{n}/diff")
async def version_diff(database: Db, n: Number, to: Annotated[int, Query(ge=1, le=2**31 - 1)]) -> list[Change]:
    """What differs from this version to another, key by key, in words."""
    return [Change.model_validate(change) for change in await policies.difference(database, n, to)]


@router.get("/proposals")
async def all_proposals(database: Db, cursor: Cursor = None, limit: Limit = 50) -> Page[ProposalSummary]:
    """Every proposal, the latest first."""
    return await proposals.proposals(database, cursor=cursor, limit=limit)


@router.get("/proposals/{proposal}")
async def one_proposal(inside: InRoom, proposal: UUID) -> ProposalView:
    """A proposal with what it changes, what was said about it, and who signed."""
    return await proposals.view(inside.database, proposal)


@router.put("/proposals/{proposal}", dependencies=PARTIES)
async def revise(inside: InRoom, proposal: UUID, wanted: Proposed) -> ProposalView:
    """Edit a proposal. Signatures are void afterwards: they are for what was signed."""
    return await inside.revise(proposal, wanted)


@router.post("/proposals/{proposal}/comments", dependencies=[Depends(require(*PEOPLE))], status_code=201)
async def comment(inside: InRoom, proposal: UUID, said: Comment) -> ProposalView:
    """Say something about a proposal."""
    return await inside.comment(proposal, said.body)


@router.post("/proposals/{proposal}/sign", dependencies=PARTIES)
async def sign(inside: InRoom, proposal: UUID, wanted: Signing) -> ProposalView:
    """Sign what a proposal says: a manager for sales, a marketer for marketing."""
    return await inside.sign(proposal, wanted)


@router.post("/proposals/{proposal}/withdraw", dependencies=PARTIES)
async def withdraw(inside: InRoom, proposal: UUID, wanted: Withdrawal) -> ProposalView:
    """Take a proposal back."""
    return await inside.withdraw(proposal, wanted.why)


@router.post("/proposals/{proposal}/publish", dependencies=PARTIES)
async def publish(inside: InRoom, proposal: UUID) -> ProposalView:
    """Bring a proposal into force that both teams have signed. Leads in flight hear of it in the background."""
    return await inside.publish(proposal)


@router.post("/proposals/{proposal}/dry-run", dependencies=PARTIES)
async def try_out(inside: InRoom, proposal: UUID) -> DryRun:
    """What publishing it now would do to leads in flight, by name. Nothing is written."""
    found = await proposals.view(inside.database, proposal)
    return await dry_run(inside.database, await proposals.policy_of(inside.database, proposal), found.takes_effect)


@router.get("/votes", dependencies=[Depends(require(*PEOPLE))])
async def data_points(database: Db, me: Me) -> PointsView:
    """The data points, what they are worth, and what sales thinks of that."""
    return await votes.votes(database, me)


@router.put("/votes", dependencies=SALES)
async def vote(database: Db, me: Me, wanted: Votes) -> PointsView:
    """Vote on data points."""
    return await votes.vote(database, me, wanted)


@router.post("/votes/proposal", dependencies=PARTIES, status_code=202)
async def propose_votes(inside: InRoom, wanted: VotesProposed) -> ProposalView:
    """Propose the medians of sales' votes."""
    return await inside.propose(await votes.as_proposal(inside.database, inside.me, wanted))
