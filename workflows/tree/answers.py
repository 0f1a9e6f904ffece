"""The world's answers to what the lead asked of it: enriched, scored, routed, sent."""

from dataclasses import replace
from datetime import timedelta

from models.lifecycle import Enrich, EntryKind, Notice, NoticeKind, Refusal, RefusalReason, Role, Route, Score, Send, Stage
from models.messages import Enriched, PlaceFreed, Routed, Scored, Sent
from workflows.tree.clock import let_go
from workflows.tree.deadlines import set_deadline
from workflows.tree.draft import ROUTER, SCORER, Draft, by_user
from workflows.tree.moves import move
from workflows.tree.nurture import CONDITION_UNMET, unmet
from workflows.tree.promotion import always_to_sales, promote, remember_promotion, set_score

_BREATH = timedelta(seconds=1)
"""However soon somebody is back, a lead is not asked about without a pause."""


def enriched(d: Draft, e: Enriched) -> Refusal | None:
    """All that can be found out is known, so score it."""
    if d.take(Enrich, e.number) is None:
        return _late(d)
    d.ask(Score)
    return None


def scored(d: Draft, e: Scored) -> Refusal | None:
    """A score came, or none and the points stand in: pass to sales, promote, or let a quiet lead go after its last look."""
    s = d.state
    asked = d.take(Score, e.number)
    if asked is None:
        return _late(d)
    before, points = (s.score, s.tier, s.known), s.known.points
    s.known = e.known or s.known
    if s.known.engaged_at:
        s.quiet_since = max(s.quiet_since, min(s.known.engaged_at, d.at))
    set_score(d, d.policy.points_as_score(s.known.points) if e.score is None else e.score)
    asked_last, last_look = s.stale_asked_at, s.stale_asked_at is not None
    s.stale_asked_at = asked_last if s.routing else None
    moved = set_deadline(d)
    if moved or (s.score, s.tier, s.known) != before:
        crossed = points < d.policy.score.points_to_sales <= s.known.points
        told = [Notice(NoticeKind.FAST_LANE, user=s.owner)] if s.owner and crossed and d.policy.fast_lane.points else []
        d.write(EntryKind.SCORED, SCORER, notices=told, points=s.known.points)
    stage = s.stage
    always_to_sales(d, last_look)
    promote(d, before[1], asked, last_look)
    if last_look and s.stage is stage and s.deadline and s.deadline.at < d.at:
        if s.routing:
            s.stale_asked_at = asked_last
            set_deadline(d)
        else:
            let_go(d)
    return None


def routed(d: Draft, e: Routed) -> Refusal | None:
    """A rep was found and gets the lead; or nobody is free, and after a while it is asked again."""
    s = d.state
    asked: Route | None = d.take(Route, e.number)
    if asked is None:
        return _late(d)
    if e.rep is None:
        told = [Notice(NoticeKind.NOBODY_FREE, role=Role.MANAGER)] if asked.not_before is None else []
        again = d.at + d.policy.routing.retry
        s.effect_number += 1
        s.effects = (*s.effects, replace(asked, number=s.effect_number, not_before=min(again, max(e.again_at or again, d.at + _BREATH))))
        if told:
            d.write(EntryKind.UNROUTED, ROUTER, notices=told)
        return None
    s.home = asked.home
    s.fast_lane = asked.rule or s.fast_lane
    remember_promotion(d)
    kind = NoticeKind.NAMED_ACCOUNT if e.account_owner else NoticeKind.ASSIGNED
    by = by_user(asked.actor) if asked.actor else ROUTER
    told = [Notice(kind, user=e.rep)]
    move(d, Stage.ASSIGNED, asked.why, by, owner=e.rep, away=e.away, notices=told, rule=asked.rule, order=e.number)
    return None


def place_freed(d: Draft, _: PlaceFreed) -> Refusal | None:
    """Somebody may have room: a lead that waits for a rep no longer waits for its time to be asked again."""
    s = d.state
    asked = s.routing
    if asked is None or asked.not_before is None or asked.not_before <= d.at:
        return _late(d)
    s.effects = tuple(replace(asked, not_before=d.at) if effect is asked else effect for effect in s.effects)
    return None


def sent(d: Draft, e: Sent) -> Refusal | None:
    """The message went out, or could not; nobody waits for it any more."""
    asked: Send | None = d.take(Send, e.number)
    if asked is None:
        return _late(d)
    if e.why == CONDITION_UNMET:
        unmet(d, asked)
    return None


def _late(d: Draft) -> Refusal:
    return Refusal(RefusalReason.STALE_ANSWER, "The lead has moved on since this was asked.", owner=d.state.owner)
