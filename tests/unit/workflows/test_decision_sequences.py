"""Every sequence of up to six events, from three kinds of lead: no promise is ever broken, and time alone closes every lead."""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import pytest

from models.lifecycle import (
    Channel,
    ContactChannel,
    ContactOutcome,
    DispositionOutcome,
    FastLaneRule,
    LeadState,
    Route,
    Score,
    Send,
    Stage,
)
from models.messages import Claim, Consent, Contact, Disposition, Engage, Event, Hold, Override, Release, Rescore, Tick
from tests.unit.invariants import time_alone, violations
from tests.unit.leads import DAY, MANAGER, MS, REP, START, World, answered, arrive, policy
from workflows.decision import decide, next_wake

LENGTHS = {"in one instant": (timedelta(), 6), "a minute apart": (timedelta(minutes=1), 4)}
MOST_STEPS, LONGEST = 100, 800 * DAY
"""Of time alone: 90 days an opportunity, a month of nurture, half a year long-term, 90 days reopenable, two days of looking for a rep."""
RULES = policy("""
    nurture: {quiet_hours: null}
    routing: {retry: 5d}
""")
WORLD = World(80.0, rep="tom")
MOVES: dict[str, Event] = {
    "A claims": Claim(rep="A", standing=REP),
    "A reaches it": Contact(rep="A", channel=ContactChannel.CALL, outcome=ContactOutcome.REACHED),
    "A hands it back": Release(rep="A", note="n1"),
    "a manager gives it to B": Override(actor="mona", standing=MANAGER, owner="B", owner_standing=REP, note="n1"),
    "a manager disqualifies it": Disposition(actor="mona", by_manager=True, outcome=DispositionOutcome.DISQUALIFIED, has_reason=True),
    "marketing holds it": Hold(actor="mark"),
    "it asks for a consultation": Engage(stirring=True, rule=FastLaneRule.CONSULTATION),
    "it unsubscribes": Consent(stopped=(Channel.EMAIL,)),
}
RISES, TIME = "it is scored high", "time passes"
TIERS = {"low": 10.0, "medium": 40.0, "high": 80.0}
Node = tuple[LeadState, datetime]

_PATH_ONLY = {"lead_id", "seq", "effect_number", "engagements", "effects", "written_at", "life"}
_FIELDS = [field.name for field in fields(LeadState) if field.name not in _PATH_ONLY]


def _key(node: Node) -> tuple[Any, ...]:
    """What of a lead can matter to its future; how many ledger entries led here cannot."""
    state, at = node
    effects = tuple(replace(effect, number=0) for effect in state.effects)
    return (at, effects, *(getattr(state, name) for name in _FIELDS))


def _told(node: Node, event: Event) -> LeadState:
    state, _ = node
    decision = decide(state, event, RULES)
    broken = violations(state, decision, event, RULES)
    assert broken == [], f"{broken} by {event!r} on {state}"
    return decision.state


def _next(node: Node, move: str, pause: timedelta) -> Node:
    state, at = node
    if move == TIME:
        wake = max(at, (next_wake(state, RULES) or at) + MS)
        return answered(_told(node, Tick(at=wake)), wake, WORLD, RULES), wake
    at += pause
    if move == RISES:
        asked = _told(node, Rescore(at=at))
        score = next((effect for effect in asked.effects if isinstance(effect, Score)), None)
        return (_told((asked, at), WORLD.answer(score, at)) if score else asked), at
    return _told(node, MOVES[move].model_copy(update={"at": at})), at


@lru_cache
def _met(tier: str, spacing: str) -> list[Node]:
    """Every lead that some sequence of moves leads to."""
    pause, length = LENGTHS[spacing]
    first = answered(arrive(rules=RULES), START, World(TIERS[tier]), RULES), START
    level = {_key(first): first}
    met = dict(level)
    for _ in range(length):
        reached = [_next(node, move, pause) for node in level.values() for move in (*MOVES, RISES, TIME)]
        level = {key: node for node in reached if (key := _key(node)) not in met}
        met |= level
    return list(met.values())


@pytest.mark.parametrize("spacing", LENGTHS)
@pytest.mark.parametrize("tier", TIERS)
def test_every_sequence_of_events_keeps_every_promise(tier: str, spacing: str) -> None:
    met = _met(tier, spacing)
    assert {state.stage for state, _ in met} >= set(Stage) - {
        Stage.REVIEW,
        Stage.QUALIFIED,
        Stage.WON,
        Stage.LOST,
        Stage.ERASED,
        Stage.LONG_TERM,
    }


def _future(node: Node) -> tuple[Any, ...]:
    """What decides where a lead goes when nobody does anything, counted from now. What was sent to it never does."""
    s, at = node

    def since(moment: datetime | None, most: timedelta) -> timedelta | None:
        return None if moment is None else min(at - moment, most)

    n, week = s.nurture, timedelta(days=7)
    return (
        (s.stage, s.closed, s.owner, s.home, s.held_from, s.tier, s.score, s.known, s.fast_lane, s.contacted_at is None, s.by_hand),
        (s.deadline and (s.deadline.kind, s.deadline.at - at, s.deadline.start - at), s.reminded, s.tenures, s.round, s.away),
        (since(s.tree_end, timedelta()), s.quiet_since > s.since, since(s.quiet_since, LONGEST), since(s.stale_asked_at, LONGEST)),
        (since(s.promoted_at, week), s.promoted_score, s.promoted_points, s.rescore_at and s.rescore_at - at),
        tuple((h.rep, h.lapsed, h.since >= s.arrived_at, since(h.until, DAY)) for h in s.holders),
        (n.campaign, n.step, n.paused, n.remaining, n.next_at and n.next_at - at),
        tuple(
            replace(e, number=0, not_before=None) if isinstance(e, Route) else replace(e, number=0)
            for e in s.effects
            if not isinstance(e, Send)
        ),
    )


def _closes(node: Node, world: World, known: dict[tuple[Any, ...], int]) -> int:
    """In how many steps time alone closes this lead."""
    path: list[tuple[Any, ...]] = []
    for number, (state, at) in enumerate(time_alone(*node, world, RULES)):
        key = _future((state, at))
        assert number <= MOST_STEPS, f"8: after {number} steps still {state}, from {node}"
        assert at - node[1] <= LONGEST, f"8: at {at} still {state}, from {node}"
        if state.closed or key in known:
            left = known.get(key, 0)
            break
        path.append(key)
    for distance, key in enumerate(reversed(path), start=1):
        known[key] = left + distance
    return left + len(path)


WORLDS = {
    "high scores and a rep": World(80.0, rep="tom"),
    "high scores and nobody free": World(80.0, rep=None),
    "no scores and a rep": World(None, rep="tom"),
}


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
@pytest.mark.parametrize("tier", TIERS)
def test_time_alone_closes_every_lead_in_a_bounded_number_of_steps(tier: str, world: World) -> None:
    known: dict[tuple[Any, ...], int] = {}
    steps = [_closes(node, world, known) for spacing in LENGTHS for node in _met(tier, spacing)]
    assert 0 < max(steps) <= MOST_STEPS
