"""What a rep does: claim, contact, conclude, hand back."""

from typing import Any

from models.lifecycle import AWAITING_CONTACT, CLAIMABLE, OWNED, DispositionOutcome, EntryKind, Refusal, RefusalReason, Role, Stage
from models.messages import Claim, Contact, Disposition, Release, Standing
from models.policy.reps import Claims
from workflows.tree.deadlines import set_deadline
from workflows.tree.draft import Draft, by_user
from workflows.tree.handover import accept, hand_back, hand_to
from workflows.tree.moves import move, to_marketing
from workflows.tree.promotion import remember_promotion
from workflows.tree.refusals import closed, in_words, not_owner


def claim(d: Draft, e: Claim) -> Refusal | None:
    """A rep wants the lead: granted to the first who asks, within the limits of the agreement. The owner's asking again changes nothing."""
    s, limits = d.state, d.policy.claims
    if s.owner == e.rep:
        return None
    if s.owner is not None:
        return Refusal(RefusalReason.OWNED, "Somebody else has this lead already.", owner=s.owner)
    if s.stage not in CLAIMABLE or s.closed:
        return closed(d) or Refusal(RefusalReason.WRONG_STAGE, f"A {in_words(s.stage)} lead cannot be claimed.")
    standing = e.standing or Standing()
    if not standing.has(Role.REP):
        return Refusal(RefusalReason.UNKNOWN_REP, "Only a rep can claim a lead.")
    refusal = too_many(standing, limits)
    if refusal:
        return refusal
    cooled = max((h.until + limits.cooldown_after_lapse for h in s.holders if h.rep == e.rep and h.lapsed), default=d.at)
    if d.at < cooled:
        return Refusal(RefusalReason.COOLING_OFF, f"You let this lead lapse; you may claim it again from {cooled:%Y-%m-%d %H:%M} UTC.")
    hand_to(d, e.rep, standing, EntryKind.CLAIMED, Stage.CLAIMED)
    return None


def too_many(standing: Standing, limits: Claims) -> Refusal | None:
    """Why a rep may claim no further lead, with as many as they have."""
    if standing.open >= limits.per_rep_open:
        return Refusal(
            RefusalReason.TOO_MANY_OPEN,
            f"You already have {standing.open} open leads; the agreement allows {limits.per_rep_open}. Hand one back first.",
        )
    if standing.today >= limits.per_rep_daily:
        return Refusal(
            RefusalReason.TOO_MANY_TODAY, f"You claimed {standing.today} leads today; the agreement allows {limits.per_rep_daily} a day."
        )
    return None


def contact(d: Draft, e: Contact) -> Refusal | None:
    """The owner tried to reach the lead. Every attempt is a touch; the first that counts as contact begins the work."""
    s = d.state
    refusal = not_owner(d, e.rep)
    if refusal:
        return refusal
    s.touches += 1
    s.touched_at = d.at
    if e.channel not in s.touch_channels:
        s.touch_channels = (*s.touch_channels, e.channel)
    detail: dict[str, Any] = {"channel": e.channel, "outcome": e.outcome}
    counts = d.policy.contact_counts
    if (e.outcome in counts or "attempted" in counts) and s.stage in AWAITING_CONTACT:
        s.contacted_at = s.contacted_at or d.at
        s.worked_since = d.at
        accept(d)
        move(d, Stage.WORKING, EntryKind.CONTACTED, by_user(e.rep), owner=e.rep, note=e.note, **detail)
        return None
    if set_deadline(d):
        s.reminded = False
    d.write(EntryKind.WORKED, by_user(e.rep), note=e.note, **detail)
    return None


def disposition(d: Draft, e: Disposition) -> Refusal | None:
    """The owner concludes, or a manager does: qualified, not ready, disqualified, and after that won or lost."""
    s = d.state
    if s.closed or s.stage not in OWNED:
        return not_owner(d, e.actor)
    if s.owner != e.actor and not e.by_manager:
        return not_owner(d, e.actor)
    by = by_user(e.actor)
    match e.outcome:
        case DispositionOutcome.QUALIFIED:
            return _qualify(d, e)
        case DispositionOutcome.NOT_READY:
            remember_promotion(d)
            to_marketing(d, Stage.NURTURE, EntryKind.NOT_READY, by, e.note)
        case DispositionOutcome.DISQUALIFIED:
            if not e.has_reason:
                return Refusal(
                    RefusalReason.REASON_MISSING, "Say why the lead is disqualified; marketing learns from it.", missing=("reason",)
                )
            remember_promotion(d)
            move(d, Stage.DISQUALIFIED, EntryKind.DISQUALIFIED, by, note=e.note)
        case DispositionOutcome.WON | DispositionOutcome.LOST:
            if s.stage is not Stage.QUALIFIED:
                return Refusal(RefusalReason.WRONG_STAGE, f"Only a qualified lead can be {e.outcome}; this one is {in_words(s.stage)}.")
            s.amount_usd = e.amount_usd if e.amount_usd is not None else s.amount_usd
            won = e.outcome is DispositionOutcome.WON
            s.effects = ()
            move(d, Stage(e.outcome), EntryKind.WON if won else EntryKind.LOST, by, note=e.note, amount_usd=e.amount_usd)
    return None


def _qualify(d: Draft, e: Disposition) -> Refusal | None:
    """Only with the agreed criteria met, else refused naming what is missing."""
    s = d.state
    if s.stage is Stage.QUALIFIED:
        return Refusal(RefusalReason.WRONG_STAGE, "This lead is qualified already.")
    stated = {**dict(s.criteria), **e.criteria}
    missing = tuple(c.fact for c in d.policy.sql.conditions if not c.met_by(stated))
    if missing:
        wanted = "; ".join(
            f"{c.fact} must be {c.value if c.op == '=' else c.op + c.value}" for c in d.policy.sql.conditions if c.fact in missing
        )
        return Refusal(RefusalReason.CRITERIA_MISSING, f"Not yet sales-qualified: {wanted}.", missing=missing)
    s.criteria = tuple(sorted(stated.items()))
    s.contacted_at = s.contacted_at or d.at
    s.sql_at = s.sql_at or d.at
    accept(d)
    move(d, Stage.QUALIFIED, EntryKind.QUALIFIED, by_user(e.actor), owner=s.owner, note=e.note)
    return None


def release(d: Draft, e: Release) -> Refusal | None:
    """The owner gives the lead back and says why."""
    refusal = not_owner(d, e.rep)
    if refusal:
        return refusal
    if e.note is None:
        return Refusal(RefusalReason.REASON_MISSING, "Say why you hand the lead back.", missing=("reason",))
    hand_back(d, EntryKind.RELEASED, by_user(e.rep), lapsed=False, note=e.note)
    return None
