"""What the program keeps and only reads out: nurture messages, notices, versions of the policy."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from models.lifecycle import Channel, NoticeKind, Role, TakesEffect
from models.schemas.common import Person, Schema, View


class LeadRef(View):
    """A lead, as far as a sentence about it needs; erased leads have no names."""

    id: UUID
    first_name: str | None = None
    last_name: str | None = None
    company: str | None = None


class MessageView(View):
    """A nurture message: decided on, and what became of it.

    Attributes:
        step: which step of its campaign, counted from 1.
        state: `sent` once it left; otherwise what came in between, with `why`.
        recipient: to whom; null once the lead is erased.
        delivered_at: when its provider said so; not all do.
        language, variant, template_version: of the template; null for messages of before templates had any.
    """

    id: UUID
    lead: LeadRef
    campaign: str
    step: int
    channel: Channel
    template: str
    state: str
    why: str | None
    recipient: str | None
    subject: str | None
    decided_at: datetime
    sent_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    delivered_at: datetime | None
    language: str | None
    variant: str | None
    template_version: int | None


class NoticeView(View):
    """Something a user is told.

    Attributes:
        lead: whom it is about; null for what is told of the scoring model.
        role: set when everybody in this role is told; then whoever reads it first reads it for all.
        change: its number in the live feed.
    """

    id: UUID
    kind: NoticeKind
    lead: LeadRef | None
    role: Role | None
    at: datetime
    read_at: datetime | None
    change: int


class ReadUpto(Schema):
    """Notices that were read.

    Attributes:
        upto: the number of the latest one that was seen: one that came meanwhile stays unread.
    """

    upto: Annotated[int, Field(ge=0, le=2**63 - 1)]


class Unread(View):
    """How many notices are left to read; at most 100 are counted."""

    unread: int


class SignedBy(View):
    """A signature under a version: for which team, by whom, when."""

    team: str
    by: Person
    at: datetime


class Rollout(View):
    """How far a version has reached leads in flight: of `told`, so many still wait for the news."""

    told: int
    waiting: int


class PolicyView(View):
    """A version of the policy.

    Attributes:
        digest: the same for two versions that say the same.
        document: the rules with every default written out.
        source: the YAML as people wrote it.
        created_at, published_at: when it came into force.
        author: who published it; null for the program itself.
        origin: `room` (proposed and signed), `file` (at a start), or `solver` (only thresholds moved).
        why: in its author's words.
        takes_effect: what happened to leads in flight.
        signatures: under the proposal it was.
        solved: where thresholds come from that were solved from the reps' capacity.
    """

    version: int
    name: str
    digest: str
    document: dict[str, Any]
    source: str
    created_at: datetime
    published_at: datetime
    author: Person | None
    origin: str
    why: str | None
    takes_effect: TakesEffect
    proposal_id: UUID | None
    signatures: list[SignedBy]
    solved: dict[str, Any] | None
    rollout: Rollout


class PolicyLine(View):
    """A version in a list."""

    version: int
    name: str
    published_at: datetime
    author: Person | None
    origin: str
    why: str | None
    takes_effect: TakesEffect
    proposal_id: UUID | None
