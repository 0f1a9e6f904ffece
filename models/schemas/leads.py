"""Leads as HTTP takes them in and gives them out."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, StrictBool

from models.lifecycle import ActorKind, Channel, ContactChannel, ContactOutcome, DeadlineKind, EntryKind, FastLaneRule, Stage, Tier
from models.schemas.common import Instant, Limit, Person, Schema, View
from models.schemas.fields import Address, Attributes, OptionalLine, OptionalProse
from models.schemas.routing import RoutingView


class Permissions(Schema):
    """The channels a prospect allowed on the form. False or nothing allows nothing, and takes nothing back."""

    email: StrictBool = False
    sms: StrictBool = False
    post: StrictBool = False

    @property
    def granted(self) -> tuple[Channel, ...]:
        """The channels allowed."""
        return tuple(channel for channel in Channel if getattr(self, channel))


class Submission(Schema):
    """A form somebody filled in, or what another system says about a person. Only `email` is required."""

    email: Address
    first_name: OptionalLine = None
    last_name: OptionalLine = None
    company: OptionalLine = None
    title: OptionalLine = None
    phone: OptionalLine = None
    country: OptionalLine = None
    source: OptionalLine = None
    campaign: OptionalLine = None
    interest: OptionalLine = None
    message: OptionalProse = None
    consultation_requested: StrictBool = False
    consent: Permissions = Permissions()
    anonymous_id: OptionalLine = None
    attributes: Attributes = Field(default_factory=dict)


class DeadlineView(View):
    """What is due, and when; exactly then still counts as in time.

    Attributes:
        start: when the clock began to run, where that is known.
    """

    kind: DeadlineKind
    at: datetime
    start: datetime | None = None


class Lifecycle(View):
    """When the lead first became marketing-qualified, sales-accepted and sales-qualified. Stamped once and kept."""

    mql_at: datetime | None = None
    sal_at: datetime | None = None
    sql_at: datetime | None = None


class NurtureView(View):
    """Where the lead is in its campaign.

    Attributes:
        step: the next one, counted from 1.
        paused: a person has the lead.
        next_at: when the next touch is due; null while paused or when the campaign is over.
    """

    campaign: str | None = None
    step: int | None = None
    paused: bool = False
    next_at: datetime | None = None


class AccountRef(View):
    """A named account."""

    id: UUID
    name: str


class AccountView(AccountRef):
    """A named account and whose it is."""

    domain: str
    owner: Person


class Signal(View):
    """What the lead did lately, by kind of engagement (`behaviour`); or a buying signal of its company (`company`).

    Attributes:
        kind: of engagement, or `funding`, `hiring`, `expansion`, `leadership`.
        title, url, source, confidence, seen_at: of a buying signal what it is, where to read on (http or https), who told it, how
            sure that is (0-1), and when we learned of it.
    """

    type: Literal["behaviour", "company"] = "behaviour"
    kind: str
    count: int
    last_at: datetime
    title: str | None = None
    url: str | None = None
    source: str | None = None
    confidence: float | None = None
    seen_at: datetime | None = None


class ConsentView(View):
    """A channel was allowed or stopped.

    Attributes:
        how: `form`, or what stopped it: `link`, `complaint`, `reply` or `api`.
        source: of the form.
    """

    channel: Channel
    granted: bool
    at: datetime
    how: str
    source: str | None


class Sure(View):
    """How sure a score is.

    Attributes:
        text: a sentence for people.
        seen: how many leads like this one were seen before; null where nobody counted.
        low, high: the scores between which the truth lies, most likely.
    """

    text: str
    seen: int | None = None
    low: float | None = None
    high: float | None = None


class Changing(View):
    """What would change a score most, and by how many points of it."""

    text: str
    points: float


class JudgementView(View):
    """Who judged a lead, and what its reasons do not say.

    Attributes:
        by: `points` for the points table, else the version of the model.
        probability: the calibrated chance of success; null for the points table.
        usual: the score of a lead of which nothing is known; null for the points table.
        points, full: the points it has, and how many make a score of 100; null for a model.
        sure: how sure the score is.
        change: what would change it most; null where nothing would.
    """

    by: str
    probability: float | None = None
    usual: float | None = None
    points: float | None = None
    full: float | None = None
    sure: Sure | None = None
    change: Changing | None = None


class Attempt(View):
    """One try of a rep to reach the lead.

    Attributes:
        tenure: in whose hands it was, as the number of an entry of `holders`, from 1; null for one long ago.
    """

    at: datetime
    by: Person | None
    channel: ContactChannel
    outcome: ContactOutcome
    note: str | None = None
    tenure: int | None = None


class HolderView(View):
    """A rep who had the lead, or has it now.

    Attributes:
        until: null for who has it now.
        seconds: how long.
        attempts: how often they tried to reach it.
        lapsed: they let time run out.
    """

    rep: Person | None
    since: datetime
    until: datetime | None
    seconds: float
    attempts: int
    lapsed: bool


class HandBack(View):
    """A rep lost the lead or gave it up, and why.

    Attributes:
        by: the person who did it; null when it was the clock.
        rep: who had it before.
    """

    at: datetime
    kind: EntryKind
    by: Person | None
    from_stage: Stage
    to_stage: Stage
    rep: Person | None
    reason: str | None = None
    note: str | None = None


class HandBackRef(View):
    """How a lead came back from a rep, while it is where it came back to.

    Attributes:
        rep: who had it.
        attempt: the last time they tried to reach it; null when they did not.
    """

    at: datetime
    kind: EntryKind
    from_stage: Stage
    rep: Person | None
    reason: str | None = None
    note: str | None = None
    attempt: Attempt | None = None


class LeadCard(View):
    """A lead as it stands in a list and on the board.

    Attributes:
        handback: set while it is where a rep's hand-back took it, and nobody has taken it since.
        fast_lane: the rule by which it always passes to sales.
        seq: number of its latest ledger entry.
        score: 0-100; null while it has none.
        reason: what speaks most for or against it.
        change: number of its latest change, growing over all leads.
    """

    id: UUID
    email: str | None
    first_name: str | None
    last_name: str | None
    company: str | None
    title: str | None
    country: str | None
    source: str | None
    campaign: str | None
    interest: str | None
    stage: Stage
    tier: Tier | None
    score: float | None
    owner: Person | None
    claimable: bool
    closed: bool
    deadline: DeadlineView | None
    account: AccountRef | None
    arrived_at: datetime
    since: datetime
    contacted_at: datetime | None
    reason: dict[str, Any] | None
    handback: HandBackRef | None
    fast_lane: FastLaneRule | None
    seq: int
    change: int


class LeadView(LeadCard):
    """Everything a rep needs to know about a lead.

    Attributes:
        consent: the channels nurture may use now.
        unsubscribed: the channels the prospect stopped, for good.
        consents: when and how channels were allowed and stopped.
        came_back_from: the stage it was handed back from, while it is where it was handed back to.
        reasons: `{text, points, at}`: why it has its score. A model's add up to it, a points table's to its points.
        round: how many times it arrived: 2 once a closed lead has come back.
        policy_version: of the agreement it runs under.
        deadline_version: of the one that the running deadline was given under, an older one where the newer counts from the next stage on;
            null without a deadline.
        routing: how the latest choice of a rep for it went, or that nobody is free; null when none was looked for.
    """

    account: AccountView | None
    phone: str | None
    message: str | None
    consent: dict[Channel, bool]
    unsubscribed: list[Channel]
    consents: list[ConsentView]
    attributes: dict[str, Any]
    anonymous_id: str | None
    domain: str | None
    timezone: str | None
    lifecycle: Lifecycle
    nurture: NurtureView
    reasons: list[dict[str, Any]]
    judgement: JudgementView | None
    enrichment: dict[str, Any]
    signals: list[Signal]
    attempts: list[Attempt]
    holders: list[HolderView]
    handbacks: list[HandBack]
    came_back_from: Stage | None
    criteria: dict[str, float | bool]
    amount_usd: float | None
    owned_since: datetime | None
    scored_at: datetime | None
    round: int
    policy_version: int
    deadline_version: int | None
    routing: RoutingView | None = None


class ArrivedLead(LeadView):
    """The lead a submission became, or was merged into.

    Attributes:
        merged: the person was known already.
    """

    merged: bool


def _listed(value: object) -> object:
    """Comma-separated words, as they stand in a query string, as a list."""
    items = value if isinstance(value, list) else [value]
    return [word.strip() for item in items for word in str(item).split(",") if word.strip()]


Words = Annotated[list[Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]], BeforeValidator(_listed), Field(max_length=50)]


class LeadSet(Schema):
    """Which leads. Several values of one filter are separated by commas, or stand in a list; all filters must hold.

    Attributes:
        owner: users' ids, `me` or `none`.
        q: words that all must occur in the name, e-mail, company, title or domain.
        claimable: true for leads any rep may claim now, false for all others.
        handed_back: true for leads a rep handed back or lost that nobody has taken since, false for all others.
    """

    stage: Annotated[list[Stage], BeforeValidator(_listed)] = Field(default_factory=list)
    tier: Annotated[list[Tier], BeforeValidator(_listed)] = Field(default_factory=list)
    owner: Annotated[list[UUID | Literal["me", "none"]], BeforeValidator(_listed), Field(max_length=50)] = Field(default_factory=list)
    source: Words = Field(default_factory=list)
    campaign: Words = Field(default_factory=list)
    account: Annotated[list[UUID], BeforeValidator(_listed), Field(max_length=50)] = Field(default_factory=list)
    q: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    claimable: bool | None = None
    handed_back: bool | None = None
    arrived_after: Instant | None = None


class LeadFilter(LeadSet):
    """Which leads, and which part of them in which order."""

    sort: Literal["newest", "score", "deadline", "handed_back"] = "newest"
    limit: Limit = 50
    cursor: Annotated[str, Field(max_length=500)] | None = None


class TimelineItem(View):
    """Something that happened to a lead.

    Attributes:
        type: `ledger` is a change the decision tree made; the others say themselves what they are.
        kind: what exactly.
        by: the user who did it, if one did; `actor` says what did otherwise.
        data: the particulars, by type.
    """

    type: Literal["ledger", "engagement", "message", "score", "enrichment"]
    at: datetime
    kind: str
    actor: ActorKind
    by: Person | None = None
    from_stage: Stage | None = None
    to_stage: Stage | None = None
    owner: Person | None = None
    score: float | None = None
    tier: Tier | None = None
    reason: str | None = None
    note: str | None = None
    deadline: DeadlineView | None = None
    data: dict[str, Any] = Field(default_factory=dict)
