"""What time alone brings about: deadlines that passed, reminders, scores and nurture steps that are due."""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from models.lifecycle import DeadlineKind, EntryKind, LeadState, Notice, NoticeKind, Nurture, Refusal, Role, Score, Send, Stage, Tier
from models.messages import Tick
from models.policy import Policy
from workflows.tree.deadlines import set_deadline, terms_of
from workflows.tree.draft import CLOCK, Draft
from workflows.tree.handover import for_sales, hand_back, return_from_hold
from workflows.tree.moves import look_for_rep, move, to_marketing
from workflows.tree.nurture import nurture_step
from workflows.tree.promotion import judge_by_points

INSTANT = timedelta(milliseconds=1)
"""The least time after a deadline at which it has passed: exactly at it still counts as in time."""
_MOST_STEPS = 50
"""Far more than any lead has due at once, so that even a rule which made itself due for ever would end."""

Due = Callable[[Draft], None]
"""What is done about something when its moment comes."""


def catch_up(d: Draft) -> None:
    """Act on everything that is due, the earliest first, as of now."""
    for _ in range(_MOST_STEPS):
        due = first_due(d.state, d.policy)
        if due is None or due[0] > d.at:
            return
        due[1](d)


def first_due(s: LeadState, policy: Policy) -> tuple[datetime, Due] | None:
    """What time alone will bring about first: when, and what is done then."""
    if s.closed:
        return None
    first, deadline = None, s.deadline
    if deadline is not None:
        first = deadline.at + INSTANT, _deadline_passed
        if s.owner and not s.reminded:
            before = terms_of(s, policy).deadlines.remind_before
            if before and (remind := deadline.at - before) > deadline.start:
                first = remind, _remind
    if s.rescore_at is not None and (first is None or s.rescore_at < first[0]):
        first = s.rescore_at, _rescore_due
    step = s.nurture.next_at
    if step is not None and (first is None or step < first[0]) and s.owed(Send) is None:
        first = step, nurture_step
    return first


def tick(d: Draft, e: Tick) -> Refusal | None:
    """Time passed. What was due has been done already, as before every event."""
    return None


def _remind(d: Draft) -> None:
    s = d.state
    s.reminded = True
    d.write(EntryKind.REMINDED, CLOCK, notices=[Notice(NoticeKind.DEADLINE_NEAR, user=s.owner)])


def _rescore_due(d: Draft) -> None:
    d.state.rescore_at = None
    d.ask(Score)


def _deadline_passed(d: Draft) -> None:
    s = d.state
    match s.stage:
        case Stage.NEW | Stage.REVIEW if s.tier is None:
            judge_by_points(d)
        case Stage.NEW | Stage.REVIEW:
            _window_closed(d)
        case Stage.CLAIMED | Stage.ASSIGNED:
            hand_back(d, EntryKind.LAPSED, CLOCK, lapsed=True)
        case Stage.WORKING:
            kind = EntryKind.MEAGER if s.deadline and s.deadline.kind is DeadlineKind.MEAGER else EntryKind.LAPSED
            hand_back(d, kind, CLOCK, lapsed=True)
        case Stage.HELD:
            return_from_hold(d, CLOCK)
        case Stage.NURTURE | Stage.LONG_TERM:
            _quiet_too_long(d)
        case Stage.QUALIFIED:
            s.worked_since = s.touched_at = d.at
            s.touches, s.touch_channels = 0, ()
            notices = [Notice(NoticeKind.OUTCOME_DUE, user=s.owner)]
            move(d, Stage.WORKING, EntryKind.LAPSED, CLOCK, owner=s.owner, notices=notices)
        case Stage.DISQUALIFIED:
            s.closed, s.deadline, s.effects, s.nurture = True, None, (), Nurture()
            d.write(EntryKind.CLOSED, CLOCK)


def _window_closed(d: Draft) -> None:
    """Nobody claimed it, or nobody reviewed it: the tier decides."""
    s = d.state
    if s.routing or (d.at >= s.tree_end and s.contacted_at is None):
        to_marketing(d, Stage.NURTURE, EntryKind.TREE_ENDED, CLOCK)
    elif s.stage is Stage.NEW and s.fast_lane is None and _wants_review(d):
        move(d, Stage.REVIEW, EntryKind.TO_REVIEW, CLOCK, notices=[Notice(NoticeKind.REVIEW_WAITING, role=Role.REVIEWER)])
    elif for_sales(s):
        look_for_rep(d, EntryKind.ASSIGNED, Stage.NEW)
    elif s.tier is Tier.MEDIUM:
        to_marketing(d, Stage.NURTURE, EntryKind.NURTURED, CLOCK)
    elif s.known.disqualified:
        move(d, Stage.DISQUALIFIED, EntryKind.DISQUALIFIED, CLOCK, by_rule=True)
    elif s.stage is Stage.NEW and _is_explored(d):
        told = [Notice(NoticeKind.REVIEW_WAITING, role=Role.REVIEWER)]
        move(d, Stage.REVIEW, EntryKind.TO_REVIEW, CLOCK, notices=told, explored=True)
    else:
        to_marketing(d, Stage.LONG_TERM, EntryKind.NURTURED, CLOCK)


def _wants_review(d: Draft) -> bool:
    """Technology and touch (Hinge): a person vets what the machine cannot tell."""
    s, review, tiers = d.state, d.policy.review, d.policy.score.tiers
    score = s.score or 0.0
    near = min(abs(score - tiers.high), abs(score - tiers.medium)) <= review.band * 100
    return ("no_company" in review.when and not s.known.company) or ("near_threshold" in review.when and near)


def _is_explored(d: Draft) -> bool:
    """Whether a low lead is one of the few that somebody looks at all the same: by chance, but the same chance every time it is asked."""
    s = d.state
    drawn = int.from_bytes(sha256(f"{s.lead_id} {s.round}".encode()).digest()[:4])
    return drawn < d.policy.score.explore * 2**32


def _quiet_too_long(d: Draft) -> None:
    """Ask for a last score first, which also reports engagement too small to have stirred; then let go."""
    s = d.state
    if s.stale_asked_at is None:
        s.stale_asked_at = d.at
        set_deadline(d)
        d.ask(Score)
    else:
        let_go(d)


def let_go(d: Draft) -> None:
    """Quiet to the end: a nurture lead goes to long-term, a long-term one out."""
    if d.state.stage is Stage.NURTURE:
        move(d, Stage.LONG_TERM, EntryKind.STALE, CLOCK)
    else:
        move(d, Stage.DISQUALIFIED, EntryKind.STALE, CLOCK, unresponsive=True)
