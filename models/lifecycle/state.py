"""A lead as it stands: everything that must survive a restart, as one value."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from models.lifecycle.effects import AnyEffect, Effect, Route
from models.lifecycle.vocabulary import CLAIMABLE, Channel, ContactChannel, DeadlineKind, FastLaneRule, Stage, Tier
from models.worktime import Away

V = TypeVar("V", bound="LeadState | Nurture")
E = TypeVar("E", bound=Effect)


def changed(value: V, **changes: object) -> V:
    """A copy of a state with some fields changed; what it holds is immutable and shared.

    `dataclasses.replace` does the same in ten times the time, and this happens with every decision.
    """
    found: V = object.__new__(type(value))
    found.__dict__.update(value.__dict__)
    if changes:
        found.__dict__.update(changes)
    return found


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
