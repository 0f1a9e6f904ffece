"""What a score is worth: its tier, promotion, and the fast lane of the four "always pass to sales" rules (Dean Moothart)."""

from models.lifecycle import OWNED, EntryKind, FastLaneRule, Notice, NoticeKind, Score, Stage, Tier
from workflows.tree.deadlines import set_deadline
from workflows.tree.draft import CLOCK, PROSPECT, SCORER, Draft
from workflows.tree.moves import look_for_rep, move


def set_score(d: Draft, score: float) -> None:
    """Take over a score, and the tier it makes; the first high one makes the lead an MQL, stamped once and kept."""
    s = d.state
    s.score, s.tier, s.scored_at = score, d.policy.tier(score), d.at
    if s.tier is Tier.HIGH and s.mql_at is None:
        s.mql_at = d.at


def judge_by_points(d: Draft) -> None:
    """No score in time: the points table alone decides."""
    s = d.state
    set_score(d, d.policy.points_as_score(s.known.points))
    set_deadline(d)
    d.write(EntryKind.SCORED, CLOCK, points=s.known.points, in_time=False)
    always_to_sales(d)


def always_to_sales(d: Draft, last_look: bool = False) -> None:
    """The fast-lane rules that follow from what is known: SQL criteria met, and points at the agreed threshold.

    Nothing happens where a rep has the lead or is being looked for. `last_look` says that it is about to be let go.
    """
    s, lanes = d.state, d.policy.fast_lane
    if s.stage in OWNED or s.routing or s.closed:
        return
    if not _may_promote(d, s.known.points, s.promoted_points, last_look):
        return
    if lanes.sql_criteria and s.known.sql:
        fast_lane(d, FastLaneRule.SQL_CRITERIA)
    elif lanes.points and s.known.points >= d.policy.score.points_to_sales:
        fast_lane(d, FastLaneRule.POINTS)


def fast_lane(d: Draft, rule: FastLaneRule) -> None:
    """Always pass to sales: skip the window, or tell the owner when a rep has it already."""
    s = d.state
    if s.mql_at is None:
        s.mql_at = d.at
    if s.stage in OWNED:
        kind = NoticeKind.NAMED_ACCOUNT if rule is FastLaneRule.NAMED_ACCOUNT else NoticeKind.FAST_LANE
        d.write(EntryKind.FAST_LANE, PROSPECT, notices=[Notice(kind, user=s.owner)], rule=rule)
        return
    s.fast_lane = rule
    home = s.held_from or Stage.NURTURE if s.stage is Stage.HELD else s.stage
    look_for_rep(d, EntryKind.FAST_LANE, home, rule)
    d.write(EntryKind.FAST_LANE, PROSPECT, rule=rule)


def promote(d: Draft, was: Tier | None, asked: Score, last_look: bool) -> None:
    """A new score changes the stage only where nobody owns the lead, and only upwards.

    To nurture it takes a reason: a tier that rose, engagement since the lead got where it is, or a person asking.
    """
    s = d.state
    reason = asked.asked_by_person or s.quiet_since > s.since or (was is Tier.LOW and s.tier is not Tier.LOW)
    if s.routing or s.tier is Tier.LOW:
        return
    high = s.stage in (Stage.NURTURE, Stage.LONG_TERM) and s.tier is Tier.HIGH
    if high and _may_promote(d, s.score or 0.0, s.promoted_score, last_look):
        look_for_rep(d, EntryKind.PROMOTED, s.stage)
        return
    if reason and (s.stage is Stage.LONG_TERM or (s.stage is Stage.DISQUALIFIED and not s.known.disqualified)):
        move(d, Stage.NURTURE, EntryKind.PROMOTED, SCORER)


def _may_promote(d: Draft, now: float, then: float, last_look: bool = False) -> bool:
    """A lead promoted and handed back is not promoted again until it rises above what it was, or some days passed.

    Days alone do not promote a lead that is about to be let go (`last_look`) or was let go already, or it would
    come back for ever with nobody having done anything.
    """
    s = d.state
    if s.promoted_at is None or now > then:
        return True
    return not last_look and s.stage is not Stage.DISQUALIFIED and d.at >= s.promoted_at + d.policy.rescore.repromote_after


def remember_promotion(d: Draft) -> None:
    """Keep what the lead is worth now that sales gets it or a person concludes: only above that, or days later, is it promoted again."""
    s = d.state
    s.promoted_at, s.promoted_score, s.promoted_points = d.at, s.score or 0.0, s.known.points
