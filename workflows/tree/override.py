"""A person's word against the tree's: owner or stage set by hand, with a reason."""

from models.lifecycle import OWNED, EntryKind, Notice, NoticeKind, Refusal, RefusalReason, Role, Stage
from models.messages import Override, Standing
from workflows.tree.draft import Draft, by_user
from workflows.tree.handover import hand_to
from workflows.tree.moves import move
from workflows.tree.promotion import remember_promotion
from workflows.tree.refusals import closed, in_words

BY_HAND = frozenset({Stage.REVIEW, Stage.CLAIMED, Stage.ASSIGNED, Stage.WORKING, Stage.NURTURE, Stage.LONG_TERM, Stage.DISQUALIFIED})
"""Stages an override may set. The others are reached by their own doors: hold, disposition, erase; and a lead is new only once."""


def override(d: Draft, e: Override) -> Refusal | None:
    """Owner, stage, or both set by hand. A rep may only take a lead; what a rep is working only a manager takes from them."""
    s, standing = d.state, e.standing or Standing()
    boss = standing.has(Role.MANAGER)
    owner, stage = e.owner, e.stage
    if not boss and not standing.has(Role.MARKETER):
        if not standing.has(Role.REP):
            return Refusal(RefusalReason.NOT_ALLOWED, "Only a rep, a marketer or a manager can override.")
        if owner not in (None, e.actor) or stage not in (None, Stage.CLAIMED):
            return Refusal(RefusalReason.NOT_ALLOWED, "A rep may override only to take a lead; ask a manager or a marketer for the rest.")
        owner = e.actor
    if s.closed:
        return closed(d)
    if e.note is None:
        return Refusal(RefusalReason.REASON_MISSING, "Say why you override.", missing=("reason",))
    if s.stage in (Stage.WORKING, Stage.QUALIFIED) and s.owner != e.actor and not boss:
        return Refusal(RefusalReason.OWNED, "A rep is working this lead; only a manager can take it from them.", owner=s.owner)
    if stage is not None and stage not in BY_HAND:
        return Refusal(
            RefusalReason.NOT_ALLOWED,
            f"{in_words(stage)} cannot be set by hand; it can be one of {', '.join(sorted(map(in_words, BY_HAND)))}.",
        )
    if owner is not None:
        return _override_owner(d, e, owner, stage)
    if stage is None:
        return Refusal(RefusalReason.MALFORMED, "Name an owner, a stage, or both.", missing=("owner", "stage"))
    if stage in OWNED and s.owner is None:
        return Refusal(RefusalReason.MALFORMED, f"A {in_words(stage)} lead needs an owner; name one.", missing=("owner",))
    if stage in OWNED:
        return _override_owner(d, e, s.owner or "", stage)
    if stage is s.stage:
        return Refusal(RefusalReason.WRONG_STAGE, f"The lead is in {in_words(stage)} already.")
    losers = [Notice(NoticeKind.TAKEN_OVER, user=s.owner)] if s.owner and s.owner != e.actor else []
    remember_promotion(d)
    move(d, stage, EntryKind.OVERRIDDEN, by_user(e.actor), note=e.note, notices=losers)
    return None


def _override_owner(d: Draft, e: Override, owner: str, stage: Stage | None) -> Refusal | None:
    """A new owner, who has to make contact like any other; an opportunity stays one."""
    s = d.state
    standing = e.standing if owner == e.actor else e.owner_standing
    if owner == s.owner:
        standing = Standing(roles=(Role.REP,), away=s.away)
    if standing is None or not standing.has(Role.REP):
        return Refusal(RefusalReason.UNKNOWN_REP, "The new owner must be a rep.")
    if stage is not None and stage not in OWNED:
        return Refusal(RefusalReason.MALFORMED, f"A {in_words(stage)} lead has no owner; name either an owner or that stage.")
    if owner == s.owner and stage in (None, s.stage):
        return Refusal(RefusalReason.WRONG_STAGE, "That rep has this lead already.", owner=s.owner)
    to = stage or (Stage.QUALIFIED if s.stage is Stage.QUALIFIED else Stage.CLAIMED if owner == e.actor else Stage.ASSIGNED)
    if to is Stage.WORKING:
        s.contacted_at = s.contacted_at or d.at
    hand_to(d, owner, standing, EntryKind.OVERRIDDEN, to, by=e.actor, note=e.note)
    return None
