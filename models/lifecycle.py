"""The vocabulary of a lead's life: stages, tiers, the state, and what a decision consists of.

Nothing here holds personal data. A lead, a rep and a note are ids; everything else is an enum, a number or a time.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple, TypeVar

from models.worktime import Away

V = TypeVar("V", bound="LeadState | Nurture")
E = TypeVar("E", bound="Effect")


def changed(value: V, **changes: object) -> V:
    """A copy of a state with some fields changed; what it holds is immutable and shared.

    `dataclasses.replace` does the same in ten times the time, and this happens with every decision.
    """
    found: V = object.__new__(type(value))
    found.__dict__.update(value.__dict__)
    if changes:
        found.__dict__.update(changes)
    return found


class Stage(StrEnum):
    """Where a lead stands. `docs/tree.md` says whose move each one is."""

    NEW = "new"
    REVIEW = "review"
    CLAIMED = "claimed"
    ASSIGNED = "assigned"
    WORKING = "working"
    HELD = "held"
    NURTURE = "nurture"
    LONG_TERM = "long_term"
    QUALIFIED = "qualified"
    DISQUALIFIED = "disqualified"
    WON = "won"
    LOST = "lost"
    ERASED = "erased"


OWNED = frozenset({Stage.CLAIMED, Stage.ASSIGNED, Stage.WORKING, Stage.QUALIFIED})
"""Stages in which exactly one rep owns the lead."""
AWAITING_CONTACT = frozenset({Stage.CLAIMED, Stage.ASSIGNED})
"""Owned stages in which the first contact is still due."""
HUMAN = OWNED | {Stage.REVIEW, Stage.HELD}
"""Stages in which a person has the lead, so nurture pauses."""
CLAIMABLE = frozenset({Stage.NEW, Stage.REVIEW, Stage.HELD, Stage.NURTURE, Stage.LONG_TERM, Stage.DISQUALIFIED})
"""Stages in which any rep may claim."""
CLOSED = frozenset({Stage.WON, Stage.LOST, Stage.ERASED})
"""Stages in which nothing more happens. A disqualified lead closes too, once it can no longer be reopened."""


class Tier(StrEnum):
    """What a score is worth."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Channel(StrEnum):
    """How nurture reaches a lead; each needs the lead's consent."""

    EMAIL = "email"
    SMS = "sms"
    POST = "post"


class ContactChannel(StrEnum):
    """How a rep reaches a lead."""

    CALL = "call"
    EMAIL = "email"
    MEETING = "meeting"
    SOCIAL = "social"
    SMS = "sms"


class ContactOutcome(StrEnum):
    """What came of a rep's attempt."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    LEFT_MESSAGE = "left_message"
    BOUNCED = "bounced"


class DispositionOutcome(StrEnum):
    """What a rep or a manager concludes about a lead."""

    QUALIFIED = "qualified"
    NOT_READY = "not_ready"
    DISQUALIFIED = "disqualified"
    WON = "won"
    LOST = "lost"


class ReviewOutcome(StrEnum):
    """What a lead-development reviewer concludes."""

    PASS = "pass"
    NURTURE = "nurture"
    DISQUALIFY = "disqualify"


class Role(StrEnum):
    """What a user may do. A user may have several."""

    REP = "rep"
    REVIEWER = "reviewer"
    MARKETER = "marketer"
    MANAGER = "manager"
    ADMIN = "admin"
    SERVICE = "service"


class FastLaneRule(StrEnum):
    """The four rules by which a lead always passes to sales (Moothart)."""

    CONSULTATION = "consultation_requested"
    NAMED_ACCOUNT = "named_account"
    SQL_CRITERIA = "sql_criteria"
    POINTS = "points"


class DeadlineKind(StrEnum):
    """What is due, each a row of the tree's table of clocks."""

    SCORE_BY = "score_by"
    CLAIM_WINDOW = "claim_window"
    REVIEW = "review"
    CONTACT = "contact"
    NEXT_TOUCH = "next_touch"
    MEAGER = "meager"
    HOLD = "hold"
    NURTURE_STALE = "nurture_stale"
    LONG_TERM_STALE = "long_term_stale"
    OPPORTUNITY = "opportunity"
    REOPENABLE = "reopenable"


class EntryKind(StrEnum):
    """What a ledger entry records."""

    ARRIVED = "arrived"
    REOPENED = "reopened"
    SCORED = "scored"
    CLAIMED = "claimed"
    ASSIGNED = "assigned"
    UNROUTED = "unrouted"
    CONTACTED = "contacted"
    WORKED = "worked"
    QUALIFIED = "qualified"
    NOT_READY = "not_ready"
    DISQUALIFIED = "disqualified"
    WON = "won"
    LOST = "lost"
    RELEASED = "released"
    LAPSED = "lapsed"
    MEAGER = "meager"
    OVERRIDDEN = "overridden"
    REVIEWED = "reviewed"
    TO_REVIEW = "to_review"
    HELD = "held"
    RESUMED = "resumed"
    NURTURED = "nurtured"
    PROMOTED = "promoted"
    FAST_LANE = "fast_lane"
    STALE = "stale"
    TREE_ENDED = "tree_ended"
    ENGAGED = "engaged"
    NURTURE_STEP = "nurture_step"
    STEP_SKIPPED = "step_skipped"
    UNSUBSCRIBED = "unsubscribed"
    CONSENTED = "consented"
    REMINDED = "reminded"
    RETIMED = "retimed"
    POLICY_CHANGED = "policy_changed"
    CLOSED = "closed"
    ERASED = "erased"


class NoticeKind(StrEnum):
    """What a person is told."""

    ASSIGNED = "assigned"
    DEADLINE_NEAR = "deadline_near"
    LAPSED = "lapsed"
    HANDED_BACK = "handed_back"
    TAKEN_OVER = "taken_over"
    FAST_LANE = "fast_lane"
    NAMED_ACCOUNT = "named_account"
    REVIEW_WAITING = "review_waiting"
    NOBODY_FREE = "nobody_free"
    OUTCOME_DUE = "outcome_due"
    UNSUBSCRIBED = "unsubscribed"
    MODEL_TRAINED = "model_trained"
    MODEL_DRIFTS = "model_drifts"
    MODEL_PROMOTED = "model_promoted"
    WEBHOOK_OFF = "webhook_off"


class ActorKind(StrEnum):
    """Who caused a change when it was no user."""

    USER = "user"
    PROSPECT = "prospect"
    CLOCK = "clock"
    SCORER = "scorer"
    ROUTER = "router"
    POLICY = "policy"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Deadline:
    """What is due.

    Args:
        kind: which clock.
        at: when it runs out; exactly then still counts as in time.
        start: when it began to run, so that a changed policy can move it.
    """

    kind: DeadlineKind
    at: datetime
    start: datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """A rep who held the lead and gave it up or lost it.

    Args:
        rep: who.
        since, until: for how long.
        attempts: how many contact attempts they logged.
        lapsed: True when time ran out on them, False when they handed back or it was taken by hand.
    """

    rep: str
    since: datetime
    until: datetime
    attempts: int
    lapsed: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """Something the world must do and answer with an event. It stays in the state until that event arrives.

    Args:
        number: unique within the lead, so that an answer that comes too late is recognised.
    """

    number: int


@dataclass(frozen=True, slots=True)
class Enrich(Effect):
    """Find out who the lead and its company are; answered by `Enriched`."""

    do: Literal["enrich"] = "enrich"


@dataclass(frozen=True, slots=True)
class Score(Effect):
    """Judge the lead anew; answered by `Scored`.

    Args:
        asked_by_person: a marketer asked for it.
    """

    asked_by_person: bool = False
    do: Literal["score"] = "score"


@dataclass(frozen=True, slots=True)
class Route(Effect):
    """Find a rep for the lead; answered by `Routed`.

    Args:
        why: the entry this assignment will be recorded as.
        home: where the lead goes back to if the rep does not make contact.
        rule: the fast-lane rule, where one applies.
        excluded: reps who may not get it.
        not_before: set when nobody was free and it is to be tried again.
        actor: the reviewer who passed it, if one did.
    """

    why: EntryKind = EntryKind.ASSIGNED
    home: Stage = Stage.NEW
    rule: FastLaneRule | None = None
    excluded: tuple[str, ...] = ()
    not_before: datetime | None = None
    actor: str | None = None
    do: Literal["route"] = "route"


@dataclass(frozen=True, slots=True)
class Send(Effect):
    """Send one touch of a campaign; answered by `Sent`.

    Args:
        key: the touch's identity, `campaign:step:occurrence`; with the lead's id the provider's idempotency key.
    """

    campaign: str = ""
    step: int = 0
    occurrence: int = 0
    channel: Channel = Channel.EMAIL
    template: str = ""
    do: Literal["send"] = "send"

    @property
    def key(self) -> str:
        """Campaign, step and occurrence: what makes this touch the same touch when it is tried again."""
        return f"{self.campaign}:{self.step}:{self.occurrence}"


AnyEffect = Enrich | Score | Route | Send


@dataclass(frozen=True, slots=True)
class Kept:
    """The terms a stage began under and ends under, although another agreement is in force by now.

    Args:
        version: of the agreement they are from.
        terms: as `Policy.terms` writes them.
    """

    version: int
    terms: str


@dataclass(frozen=True)
class Nurture:
    """Where a lead is in its campaign.

    Args:
        campaign: its name, None when enrolled nowhere.
        step: index of the next step.
        occurrence: how often a repeating step was decided on.
        next_at: when the next step is due; None while paused or when the campaign is over.
        remaining: what was left of the delay when a person took the lead.
        paused: a person has the lead.
        sent: when touches were decided on in the last week, over all campaigns.
    """

    campaign: str | None = None
    step: int = 0
    occurrence: int = 0
    next_at: datetime | None = None
    remaining: timedelta | None = None
    paused: bool = False
    sent: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What decisions need to know about a lead beyond its life so far: findings as numbers and yes or no.

    Args:
        points: the points table's sum, engagement decayed.
        company: a company is known.
        disqualified: a `disqualify` rule of the policy matches.
        sql: the agreed SQL criteria are met by what is known.
        sal: what `sal.requires` names is known.
        named_account: the lead belongs to a named account.
        engaged_at: its latest engagement.
    """

    points: float = 0.0
    company: bool = False
    disqualified: bool = False
    sql: bool = False
    sal: bool = True
    named_account: bool = False
    engaged_at: datetime | None = None


@dataclass
class LeadState:
    """Everything that must survive a restart. A value: `decide` answers with a new one and leaves the old as it was.

    Attributes that need a word more than their name:
        seq, written_at: number and time of the latest ledger entry; a clock that goes back does not take the ledger with it.
        since: when the current stage began.
        home: the stage a hand-back returns to; NEW means rule 2 of the tree decides.
        tree_end: when sales' first chance is over: 48 hours after arrival by default.
        life: how many times a workflow was begun for it, so that what an earlier one still wants to write is recognised.
        round: how many times it arrived; a closed lead that comes back begins a new round.
        quiet_since: last sign of life (engagement, contact, a person's decision); the stale clocks run from here.
        holders: who held it before, latest last, bounded.
        tenures: how many reps held it since it was last offered as new (rule 2 counts them).
        touches, touch_channels: attempts in the current tenure, for the meager rule.
        worked_since: when the current tenure's contact was made.
        promoted_at, promoted_score, promoted_points: the last promotion, which the next one must exceed.
        criteria: SQL criteria stated so far.
        away: the owner's absences.
        by_hand: the owner has it by a person's hand, not by the tree's own assignment.
        rescore_at: when a debounced re-score is due.
        stale_asked_at: the stale clock ran out, and a last score was asked for then.
        effects: what the world still owes an answer for.
        effect_number: number of the latest effect.
        kept: the terms its deadlines are given under until its next stage; None for those of `policy_version`.
        closed: the life is over; only an arrival, what the prospect says about consent, and `erase` are heard.
    """

    lead_id: str
    stage: Stage
    arrived_at: datetime
    since: datetime
    tree_end: datetime
    quiet_since: datetime
    policy_version: int = 0
    seq: int = 0
    written_at: datetime | None = None
    life: int = 0
    round: int = 1
    tier: Tier | None = None
    score: float | None = None
    scored_at: datetime | None = None
    known: Known = Known()
    owner: str | None = None
    owned_since: datetime | None = None
    home: Stage = Stage.NEW
    held_from: Stage | None = None
    holders: tuple[Holder, ...] = ()
    tenures: int = 0
    fast_lane: FastLaneRule | None = None
    contacted_at: datetime | None = None
    worked_since: datetime | None = None
    touched_at: datetime | None = None
    touches: int = 0
    touch_channels: tuple[ContactChannel, ...] = ()
    deadline: Deadline | None = None
    reminded: bool = False
    away: tuple[Away, ...] = ()
    by_hand: bool = False
    mql_at: datetime | None = None
    sal_at: datetime | None = None
    sql_at: datetime | None = None
    promoted_at: datetime | None = None
    promoted_score: float = 0.0
    promoted_points: float = 0.0
    criteria: tuple[tuple[str, float | bool], ...] = ()
    amount_usd: float | None = None
    nurture: Nurture = Nurture()
    consent: tuple[Channel, ...] = ()
    unsubscribed: tuple[Channel, ...] = ()
    zone: str | None = None
    rescore_at: datetime | None = None
    stale_asked_at: datetime | None = None
    engagements: int = 0
    effects: tuple[AnyEffect, ...] = ()
    effect_number: int = 0
    closed: bool = False
    kept: Kept | None = None

    @property
    def deadline_version(self) -> int:
        """The version of the agreement that the running deadline was given under."""
        return self.kept.version if self.kept else self.policy_version

    @property
    def claimable(self) -> bool:
        """Whether any rep may claim it now."""
        return not self.closed and self.stage in CLAIMABLE

    @property
    def handed_back_at(self) -> datetime | None:
        """When a rep handed it back or lost it, while it is where it went then and nobody has taken it since.

        A rep's "not a fit" is a conclusion and no hand-back.
        """
        last = self.holders[-1].until if self.holders else None
        waits = self.owner is None and not self.closed and self.stage is not Stage.DISQUALIFIED
        return last if waits and last == self.since else None

    @property
    def routing(self) -> Route | None:
        """The assignment that is being worked out, if any."""
        return self.owed(Route)

    def owed(self, kind: type[E]) -> E | None:
        """The effect of this kind that the world still owes an answer for, if any."""
        for effect in self.effects:
            if isinstance(effect, kind):
                return effect
        return None


@dataclass(frozen=True, slots=True)
class Notice:
    """A person, or everybody in a role, is to be told.

    Args:
        kind: what.
        user: to whom; None for a role.
        role: to everybody in this role; None for a user.
    """

    kind: NoticeKind
    user: str | None = None
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger: a change, who made it and why, and what held then.

    Args:
        seq: its number in the lead's ledger, from 1 without a gap.
        actor: a user's id where a person acted; `actor_kind` says what acted otherwise.
        note: id of the note that holds the free text, which never leaves PostgreSQL.
        detail: further facts, numbers and enums only.
    """

    seq: int
    at: datetime
    kind: EntryKind
    from_stage: Stage
    to_stage: Stage
    actor_kind: ActorKind
    actor: str | None
    owner: str | None
    score: float | None
    tier: Tier | None
    policy_version: int
    deadline: Deadline | None
    note: str | None = None
    detail: tuple[tuple[str, str | float | bool | None], ...] = ()
    notices: tuple[Notice, ...] = ()


class TakesEffect(StrEnum):
    """What a new agreement does to leads in flight: it moves their running deadlines, or counts from their next stage on."""

    NOW = "now"
    NEXT_STAGE = "next_stage"


class RefusalReason(StrEnum):
    """Why an event is not allowed: a stable code for programs; the sentence for people goes with it."""

    OWNED = "owned"
    NOT_OWNER = "not_owner"
    NOT_OWNED = "not_owned"
    WRONG_STAGE = "wrong_stage"
    CLOSED = "closed"
    CRITERIA_MISSING = "criteria_missing"
    REASON_MISSING = "reason_missing"
    TOO_MANY_OPEN = "too_many_open"
    TOO_MANY_TODAY = "too_many_today"
    COOLING_OFF = "cooling_off"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN_REP = "unknown_rep"
    STALE_ANSWER = "stale_answer"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of no, which changes nothing.

    Args:
        reason: code.
        message: what a person reads.
        owner: who has the lead, where that is the reason.
        missing: what is missing, where that is the reason.
    """

    reason: RefusalReason
    message: str
    owner: str | None = None
    missing: tuple[str, ...] = ()


class Decision(NamedTuple):
    """What follows from an event.

    Args:
        state: the lead afterwards; the very same object when the event was refused or changed nothing.
        entries: what the ledger gains, in order.
        refusal: set when the event was not allowed. Entries may still be there: time that had run out
            before the event is acted on first.
    """

    state: LeadState
    entries: tuple[Entry, ...] = ()
    refusal: Refusal | None = None
