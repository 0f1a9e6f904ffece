"""What the prospect does: arrive, engage, allow and stop channels."""

from models.lifecycle import Channel, Enrich, EntryKind, FastLaneRule, Notice, NoticeKind, Refusal, RefusalReason, Send, Stage
from models.messages import Arrived, Consent, Engage
from models.worktime import known_zone
from workflows.tree.deadlines import set_deadline
from workflows.tree.draft import PROSPECT, Draft
from workflows.tree.nurture import enrol, hear
from workflows.tree.promotion import always_to_sales, fast_lane
from workflows.tree.refusals import closed


def arrived(d: Draft, e: Arrived) -> Refusal | None:
    """A lead came in: begin its campaign, ask what can be found out, and pass it to sales at once where a rule says so.

    A closed one that comes back begins a new round; an erased person is not taken up again.
    """
    s = d.state
    again = s.seq > 0
    if again and not s.closed:
        return Refusal(RefusalReason.WRONG_STAGE, "This lead has arrived already and is open.")
    if s.stage is Stage.ERASED:
        return Refusal(RefusalReason.CLOSED, "This person was erased.")
    was = s.stage
    if again:
        _begin_round(d)
    s.known, s.zone = e.known, e.zone if e.zone and known_zone(e.zone) else s.zone
    s.consent = tuple(c for c in Channel if c in e.consent or c in s.consent)
    enrol(d, d.policy.nurture.campaign_for(e.interest))
    d.ask(Enrich)
    set_deadline(d)
    d.write(EntryKind.REOPENED if again else EntryKind.ARRIVED, PROSPECT, was=was, points=e.known.points)
    if e.consultation and d.policy.fast_lane.consultation_requested:
        fast_lane(d, FastLaneRule.CONSULTATION)
    elif e.known.named_account and d.policy.fast_lane.named_accounts:
        fast_lane(d, FastLaneRule.NAMED_ACCOUNT)
    else:
        always_to_sales(d)
    return None


def _begin_round(d: Draft) -> None:
    """A closed lead came back: a new 48 hours, with everything that was learned and stamped before kept."""
    s = d.state
    s.round += 1
    s.stage, s.home, s.closed, s.held_from = Stage.NEW, Stage.NEW, False, None
    s.arrived_at = s.since = s.quiet_since = d.at
    s.kept = None
    s.tree_end = d.policy.clock.work.add(d.at, d.policy.deadlines.tree)
    s.tier, s.score, s.tenures, s.fast_lane, s.contacted_at = None, None, 0, None, None
    s.promoted_at, s.promoted_score, s.promoted_points = None, 0.0, 0.0


def engage(d: Draft, e: Engage) -> Refusal | None:
    """A sign of life: the stale clocks count anew, a new score follows if it stirred, and a fast-lane rule may pass the lead to sales."""
    s, lanes = d.state, d.policy.fast_lane
    if s.closed:
        return closed(d)
    s.engagements += 1
    s.quiet_since = max(s.quiet_since, min(e.occurred_at or d.at, d.at))
    s.known = e.known or s.known
    s.stale_asked_at = None
    if e.stirring and s.rescore_at is None:
        s.rescore_at = d.at + d.policy.rescore.debounce
    if e.kinds:
        hear(d, e.kinds)
    moved = set_deadline(d)
    allowed = {
        FastLaneRule.CONSULTATION: lanes.consultation_requested,
        FastLaneRule.NAMED_ACCOUNT: lanes.named_accounts,
        FastLaneRule.SQL_CRITERIA: lanes.sql_criteria,
        FastLaneRule.POINTS: lanes.points,
    }
    if e.rule is not None and allowed[e.rule] and not s.routing:
        fast_lane(d, e.rule)
    elif moved:
        d.write(EntryKind.ENGAGED, PROSPECT)
    return None


def consent(d: Draft, e: Consent) -> Refusal | None:
    """An unsubscribe is for good: a channel once stopped is not opened again by a later consent, nor when a closed lead comes back."""
    s = d.state
    if s.stage is Stage.ERASED:
        return closed(d)
    stopped = tuple(c for c in e.stopped if c not in s.unsubscribed)
    granted = tuple(c for c in e.granted if c not in s.consent and c not in s.unsubscribed)
    s.consent = (*s.consent, *granted)
    if stopped:
        s.unsubscribed = (*s.unsubscribed, *stopped)
        s.effects = tuple(effect for effect in s.effects if not (isinstance(effect, Send) and effect.channel in stopped))
        told = [Notice(NoticeKind.UNSUBSCRIBED, user=s.owner)] if s.owner else []
        d.write(EntryKind.UNSUBSCRIBED, PROSPECT, notices=told, channels=",".join(stopped))
    if granted:
        d.write(EntryKind.CONSENTED, PROSPECT, channels=",".join(granted))
    return None
