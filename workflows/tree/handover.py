"""From hand to hand: a rep takes a lead on or gives it back, marketing returns one it held."""

from models.lifecycle import AWAITING_CONTACT, OWNED, EntryKind, LeadState, Notice, NoticeKind, Role, Stage, Tier
from models.messages import Standing
from workflows.tree.draft import CLOCK, Actor, Draft, by_user
from workflows.tree.moves import look_for_rep, move
from workflows.tree.promotion import judge_by_points


def hand_to(d: Draft, rep: str, standing: Standing, kind: EntryKind, stage: Stage, by: str | None = None, note: str | None = None) -> None:
    """A rep gets the lead by a person's hand; it remembers where it came from.

    Args:
        d: the working copy.
        rep: the new owner.
        standing: what is known of them.
        kind: what the ledger calls it.
        stage: one that has an owner.
        by: who gave it to them, None when they took it themselves.
        note: the id of what that person wrote about it.
    """
    s = d.state
    losers = [Notice(NoticeKind.TAKEN_OVER, user=s.owner)] if s.owner and s.owner != rep else []
    told = [Notice(NoticeKind.ASSIGNED, user=rep)] if by and by != rep else []
    if s.stage is Stage.HELD:
        s.home = s.held_from or Stage.NURTURE
    elif s.stage not in OWNED:
        s.home = s.stage
    elif s.contacted_at is not None:
        s.home = Stage.NURTURE
    move(d, stage, kind, by_user(by or rep), owner=rep, away=standing.away, by_hand=True, note=note, notices=[*losers, *told])
    if stage is Stage.CLAIMED:
        accept(d)


def accept(d: Draft) -> None:
    """SAL: a rep took it, and what the two teams agreed must be known is known."""
    if d.state.sal_at is None and d.state.known.sal:
        d.state.sal_at = d.at


def hand_back(d: Draft, kind: EntryKind, by: Actor, *, lapsed: bool, note: str | None = None) -> None:
    """Whatever a rep does not work goes back, with the record of what was tried.

    Args:
        d: the working copy.
        kind: what the ledger calls it.
        by: who gave it back.
        lapsed: the owner let a deadline pass; they and the managers are told.
        note: the id of what the owner wrote about it.
    """
    s = d.state
    if s.tier is None and s.stage in AWAITING_CONTACT:
        judge_by_points(d)
    notices = [Notice(NoticeKind.LAPSED, user=s.owner), Notice(NoticeKind.LAPSED, role=Role.MANAGER)] if lapsed else []
    again = for_sales(s)
    if s.stage not in AWAITING_CONTACT:
        to = Stage.NURTURE
    elif s.home in (Stage.NURTURE, Stage.LONG_TERM, Stage.DISQUALIFIED):
        to = s.home
    elif d.at >= s.tree_end:
        to = Stage.NURTURE
    elif s.home is Stage.REVIEW:
        to = Stage.REVIEW
    elif again and s.tenures < d.policy.max_assignments:
        to = Stage.NEW
    else:
        to = Stage.NURTURE if again or s.tier is Tier.MEDIUM else Stage.LONG_TERM
    if to in (Stage.NURTURE, Stage.LONG_TERM):
        notices.append(Notice(NoticeKind.HANDED_BACK, role=Role.MARKETER))
    holder, tried = s.owner, s.touches
    returns = s.stage in AWAITING_CONTACT and to is s.home
    move(d, to, kind, by, lapsed=lapsed, returns=returns, note=note, notices=notices, holder=holder, attempts=tried)
    if to is Stage.NEW:
        look_for_rep(d, EntryKind.ASSIGNED, Stage.NEW)
        d.restamp()


def for_sales(s: LeadState) -> bool:
    """Whether the tree offers it to a rep by itself: a high lead, or one that a fast-lane rule passes to sales whatever its score."""
    return s.tier is Tier.HIGH or s.fast_lane is not None


def return_from_hold(d: Draft, by: Actor, note: str | None = None) -> None:
    """Back to where it was held from, or to nurture when its 48 hours ended meanwhile with nobody having reached it."""
    s = d.state
    to = s.held_from or Stage.NURTURE
    if to in (Stage.NEW, Stage.REVIEW) and d.at >= s.tree_end and s.contacted_at is None:
        to = Stage.NURTURE
    move(d, to, EntryKind.RESUMED, by, returns=by is CLOCK, note=note)
