"""Everything that stands on a lead's page, read in a handful of short queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from activities import policies
from activities.enrichment.basics import email_kind
from activities.people import standing_of
from activities.scoring import assessments
from activities.scoring.assessments import Told
from api.auth import Principal
from api.services import leads, timeline
from api.services.allowed import STEERS, Allowed, allowed
from models.lifecycle import LeadState, Role
from models.policy import Policy
from models.schemas.common import Page, Person
from models.schemas.leads import LeadCard, LeadView, TimelineItem

MOST_OTHERS = 10
"""How many other leads of the same company are shown."""

_OTHERS = text(
    f"""{leads.CARD}
    WHERE (l.account_id = CAST(:account AS uuid) OR l.domain = CAST(:domain AS text)) AND l.id <> :lead AND l.stage <> 'erased'
    ORDER BY l.arrived_at DESC, l.id DESC LIMIT {MOST_OTHERS}"""
)
_REPS = text("SELECT id, name FROM users WHERE active AND CAST(:role AS text) = ANY(roles) ORDER BY lower(name), id")


@dataclass(frozen=True, slots=True)
class LeadPage:
    """A lead as one user sees it.

    Args:
        lead: everything about it.
        state: what its tree decides from.
        policy: the version of the agreement it lives under.
        allowed: what this user may do with it.
        others: leads of the same account or company, the latest first.
        reps: who the lead could be given to; only for who may give it.
        happened: a part of its story, the newest first.
        told: what it told in interactive tools.
        at: as of when.
    """

    lead: LeadView
    state: LeadState
    policy: Policy
    allowed: Allowed
    others: Sequence[LeadCard]
    reps: Sequence[Person]
    happened: Page[TimelineItem]
    told: Sequence[Told]
    at: datetime


async def load(connection: AsyncConnection, lead: UUID, me: Principal, *, events: int, before: str | None = None) -> LeadPage:
    """A lead's page for a user.

    Args:
        connection: to the database.
        lead: which.
        me: for whom.
        events: how many events of its story at most.
        before: where the part of the story that was seen already ended.

    Raises:
        NotFound: when there is no such lead, or it was erased.
        Invalid: when `before` is no cursor of this story.
    """
    found, state = await leads.view_and_state(connection, lead)
    happened = await timeline.latest(connection, lead, limit=events, cursor=before)
    policy = await policies.of_version(connection, state.policy_version)
    standing = await standing_of(connection, str(me.id))
    at = datetime.now(UTC)
    owner = found.owner.name if found.owner else None
    return LeadPage(
        lead=found,
        state=state,
        policy=policy,
        allowed=allowed(state, policy, me, standing, owner=owner, at=at),
        others=await _others(connection, found),
        reps=await _reps(connection) if me.has(*STEERS) else [],
        happened=happened,
        told=(await assessments.told_by(connection, [lead], policy, at)).get(lead, []),
        at=at,
    )


async def _others(connection: AsyncConnection, lead: LeadView) -> list[LeadCard]:
    """A free mailbox's domain says nothing about who works together."""
    domain = lead.domain if lead.domain and email_kind(lead.domain) == "company" else None
    if lead.account is None and domain is None:
        return []
    what = {"lead": lead.id, "account": lead.account.id if lead.account else None, "domain": domain}
    return [leads.card(row) for row in (await connection.execute(_OTHERS, what)).mappings()]


async def _reps(connection: AsyncConnection) -> list[Person]:
    rows = await connection.execute(_REPS, {"role": Role.REP.value})
    return [Person(id=row.id, name=row.name) for row in rows]
