"""The words of a lead's life: stages, tiers, roles, and the kinds of everything that has kinds."""

from enum import StrEnum


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


class TakesEffect(StrEnum):
    """What a new agreement does to leads in flight: it moves their running deadlines, or counts from their next stage on."""

    NOW = "now"
    NEXT_STAGE = "next_stage"
