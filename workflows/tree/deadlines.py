"""By when somebody must act: the one running deadline of each stage, worked out from the state."""

from datetime import timedelta

from models.lifecycle import Deadline, DeadlineKind, LeadState, Stage
from models.policy import Policy, Terms, stored_terms
from workflows.tree.draft import Draft


def terms_of(s: LeadState, policy: Policy) -> Policy | Terms:
    """What a lead's deadlines are given under: the agreement, or what of an older one it keeps until its next stage."""
    return policy if s.kept is None else stored_terms(s.kept.terms)


def set_deadline(d: Draft) -> bool:
    """Work the running deadline out anew from the state; True when it moved."""
    before = d.state.deadline
    d.state.deadline = _deadline(d)
    return d.state.deadline != before


def _deadline(d: Draft) -> Deadline | None:
    s, terms = d.state, terms_of(d.state, d.policy)
    rules, add = terms.deadlines, terms.clock.work.add
    match s.stage:
        case Stage.NEW:
            return _new_deadline(d)
        case Stage.REVIEW:
            due = add(s.since, rules.review)
            if s.routing:
                due = max(due, s.tree_end)
            elif s.contacted_at is None and s.since < s.tree_end:
                due = min(due, s.tree_end)
            return Deadline(DeadlineKind.REVIEW, due, s.since)
        case Stage.CLAIMED | Stage.ASSIGNED:
            return _contact_deadline(d)
        case Stage.WORKING:
            return _working_deadline(d)
        case Stage.HELD:
            return Deadline(DeadlineKind.HOLD, add(s.since, rules.hold), s.since)
        case Stage.NURTURE:
            return _stale_deadline(d, DeadlineKind.NURTURE_STALE, rules.nurture_stale)
        case Stage.LONG_TERM:
            return _stale_deadline(d, DeadlineKind.LONG_TERM_STALE, rules.long_term_stale)
        case Stage.QUALIFIED:
            return Deadline(DeadlineKind.OPPORTUNITY, s.since + rules.opportunity, s.since)
        case Stage.DISQUALIFIED if not s.closed:
            return Deadline(DeadlineKind.REOPENABLE, s.since + rules.reopenable, s.since)
        case _:
            return None


def _new_deadline(d: Draft) -> Deadline:
    """The claim window by tier, from arrival; while a rep is being looked for, the end of the 48 hours."""
    s, terms = d.state, terms_of(d.state, d.policy)
    rules = terms.deadlines
    if s.routing:
        return Deadline(DeadlineKind.CLAIM_WINDOW, s.tree_end, s.arrived_at)
    if s.tier is None:
        return Deadline(DeadlineKind.SCORE_BY, min(s.arrived_at + rules.score_by, s.tree_end), s.arrived_at)
    window: timedelta = getattr(rules.claim_window, s.tier)
    due = min(terms.clock.work.add(s.arrived_at, window), s.tree_end)
    return Deadline(DeadlineKind.CLAIM_WINDOW, due, s.arrived_at)


def _contact_deadline(d: Draft) -> Deadline:
    """24 hours from taking it on, by the owner's clock; for the tree's own assignments never past the 48th hour.

    Short absences stop the clock. A long one, or one nobody knows the end of, ends it when it begins:
    a lead that waits for somebody who is not there is in a black hole. Absences that follow each other add up.
    """
    s, policy = d.state, terms_of(d.state, d.policy)
    waited, counted = timedelta(), []
    due = policy.clock.work.add(s.since, policy.deadlines.contact)
    for away in sorted(s.away, key=lambda away: away.start):
        begins = max(away.start, s.since)
        if begins >= due or (away.until is not None and away.until <= begins):
            continue
        if away.until is None or waited + (away.until - begins) > policy.absence.wait:
            due = max(d.at, begins)
            break
        waited += away.until - begins
        counted.append(away)
        due = policy.clock.work.add(s.since, policy.deadlines.contact, counted)
    if s.stage is Stage.ASSIGNED and s.home is Stage.NEW and not s.by_hand and s.since < s.tree_end:
        due = min(due, s.tree_end)
    return Deadline(DeadlineKind.CONTACT, due, s.since)


def _working_deadline(d: Draft) -> Deadline:
    s, terms = d.state, terms_of(d.state, d.policy)
    rules, add = terms.deadlines, terms.clock.work.add
    touched = s.touched_at or s.since
    touch = Deadline(DeadlineKind.NEXT_TOUCH, add(touched, rules.next_touch, s.away), touched)
    if s.touches >= rules.meager.touches and len(s.touch_channels) >= rules.meager.channels:
        return touch
    begun = s.worked_since or s.since
    meager = Deadline(DeadlineKind.MEAGER, add(begun, rules.meager.after, s.away), begun)
    return min(touch, meager, key=lambda deadline: deadline.at)


def _stale_deadline(d: Draft, kind: DeadlineKind, after: timedelta) -> Deadline:
    """Counts from the last sign of life. Once it ran out a last score is asked for, which gets as long as any score.

    While a rep is being looked for it waits as long as a new lead would, and not for ever where nobody is free.
    """
    s, terms = d.state, terms_of(d.state, d.policy)
    rules = terms.deadlines
    due = s.quiet_since + after
    if s.stale_asked_at is not None:
        due = terms.clock.work.add(s.stale_asked_at, rules.tree) if s.routing else s.stale_asked_at + rules.score_by
    return Deadline(kind, due, s.quiet_since)
