"""Leads told again side by side: who has how many decides who gets the next one, and whoever nobody is free for waits."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

import pytest

from bench.lives import BEGIN, Company, lived
from models.lifecycle import EntryKind
from models.policy import Policy
from models.policy.clock import clock_of
from models.routing import Candidate
from models.worktime import Away
from tests.unit.leads import DAY, HOUR, policy
from workflows.whatif.comparison import Comparison, Question, Watched
from workflows.whatif.crowd import tenures
from workflows.whatif.figures import Figure
from workflows.whatif.life import Lived
from workflows.whatif.record import Past, Turn, past_of, way
from workflows.whatif.team import Member, Team
from workflows.whatif.telling import Telling
from workflows.whatif.world import World

REPS = tuple(f"00000000-0000-7000-8000-00000000000{number}" for number in range(1, 5))
PLAIN = policy("review: {when: []}")
ROOM = 10_000


def rules(text: str) -> Policy:
    return policy("{review: {when: []}, " + text + "}", version=2)


def member(rep: str, room: int | None = None, **what: Any) -> Member:
    return Member(Candidate(UUID(rep), capacity=0, **what), capacity=room)


def company(leads: int, reps: Sequence[str] = REPS) -> tuple[Company, list[Past]]:
    world = Company(PLAIN, tuple(reps))
    pasts = [past_of(*lived(world, number)) for number in range(leads)]
    return world, sorted(pasts, key=lambda past: past.told[0].event.at)


def compared(
    world: Company, pasts: Iterable[Past], other: Policy, members: Iterable[Member], without: Iterable[str] = (), apart: Sequence[Turn] = ()
) -> dict[str, Any]:
    question = Question(other, {1: PLAIN}, BEGIN, world.as_of, world.as_of, frozenset(without), tuple(members))
    watched, chance = Watched(), Random(1)
    for past in pasts:
        watched.watch(past, world.as_of, chance)
    comparison = Comparison(question, watched, apart)
    for past in pasts:
        comparison.add(past)
    return comparison.result()


def told(
    world: Company, pasts: Sequence[Past], other: Policy, members: Iterable[Member], without: Iterable[str] = (), apart: Sequence[Turn] = ()
) -> list[Lived]:
    """One telling of all leads, in their order."""
    gone = frozenset(without)
    watched, chance, found = Watched(), Random(1), dict[int, Lived]()
    for past in pasts:
        watched.watch(past, world.as_of, chance)
    team = Team(members, other, {1: PLAIN}, gone)
    crowd = watched.crowd.resampled(chance, gone)
    around = World(team, crowd, lambda _: other, world.as_of, "1", found.__setitem__)
    around.pass_by(apart)
    for number, past in enumerate(pasts):
        around.run(past.told[0].event.at)
        around.add(number, past, Telling(past, lambda _: other, world.as_of, gone).alone())
    around.run()
    assert sorted(found) == list(range(len(pasts)))
    return [found[number] for number in range(len(pasts))]


def figure(result: dict[str, Any], name: Figure, side: str = "would") -> float:
    value: float = next(one[side]["value"] for one in result["figures"] if one["name"] == name)
    return value


def most_at_once(lives: Iterable[Lived], until: datetime) -> dict[str, int]:
    """How many leads each rep had at most at a time."""
    moves = defaultdict[str, list[tuple[datetime, int]]](list)
    for life in lives:
        for tenure in tenures(life.rows):
            moves[tenure.rep] += [(tenure.start, 1), (tenure.end or until, -1)]
    found = {}
    for rep, changes in moves.items():
        has = most = 0
        for _, change in sorted(changes):
            has += change
            most = max(most, has)
        found[rep] = most
    return found


def ends_of_waiting(life: Lived) -> Iterator[tuple[timedelta, EntryKind]]:
    """How long a lead waited with nobody free, and what ended it."""
    for place, row in enumerate(life.rows):
        end = next((later for later in life.rows[place:] if later.to_stage is not row.to_stage), None)
        if row.kind is EntryKind.UNROUTED and end is not None:
            yield end.at - row.at, end.kind


def test_two_reps_fewer_leave_their_leads_to_the_others() -> None:
    world, pasts = company(400)
    gone = REPS[:2]
    result = compared(world, pasts, PLAIN, [member(rep, ROOM) for rep in REPS], without=gone)
    reps = {one["rep"]: one for one in result["reps"]}
    assert all(reps[rep]["would"] == reps[rep]["open_would"] == 0 < reps[rep]["open_was"] for rep in gone)
    was, would = (sum(reps[rep][side] for rep in REPS) for side in ("open_was", "open_would"))
    stayed = sum(reps[rep]["open_was"] for rep in REPS[2:])
    assert abs(would - was) < 0.25 * (was - stayed)  # what they had is with the others now
    assert all(reps[rep]["open_would"] > 1.5 * reps[rep]["open_was"] for rep in REPS[2:])
    assert figure(result, Figure.OPEN_LOAD, "difference") > 0
    assert figure(result, Figure.QUEUED) == 0


@pytest.mark.parametrize("cap", [1, 3])
def test_nobody_has_more_leads_than_the_agreement_allows_and_the_others_wait(cap: int) -> None:
    world, pasts = company(150 * cap, REPS[: 3 - cap // 2])
    lives = told(world, pasts, rules(f"claims: {{per_rep_open: {cap}}}"), map(member, world.reps))
    assert max(most_at_once((Lived(list(past.rows)) for past in pasts), world.as_of).values()) > cap
    assert max(most_at_once(lives, world.as_of).values()) == cap
    waited = [row.at for life in lives for row in life.rows if row.kind is EntryKind.UNROUTED]
    assert len(waited) > 20
    ends = [kind for life in lives for _, kind in ends_of_waiting(life)]
    assert ends.count(EntryKind.ASSIGNED) > 5  # a place that was freed went to one that waited
    assert ends.count(EntryKind.TREE_ENDED) > 5  # and the 48 hours end for one that waits in vain


def test_room_for_everybody_is_as_if_each_lead_were_the_only_one() -> None:
    world, pasts = company(120, REPS[:1])
    other = rules("deadlines: {contact: 12h}, max_assignments: 1")  # with one rep there is no choice that could differ
    together = told(world, pasts, other, [member(REPS[0], ROOM)])
    assert [life.rows for life in together] == [life.rows for life in told(world, pasts, other, [member(REPS[0], 10 * ROOM)])]
    alone = [told(world, [past], other, [member(REPS[0], ROOM)])[0].rows for past in pasts if not drawn(past, other, world)]
    assert len(alone) > 20
    assert alone == [life.rows for past, life in zip(pasts, together, strict=True) if not drawn(past, other, world)]
    tight = told(world, pasts, rules("deadlines: {contact: 12h}, max_assignments: 1, claims: {per_rep_open: 1}"), [member(REPS[0])])
    assert [life.rows for life in together] != [life.rows for life in tight]


def drawn(past: Past, other: Policy, world: Company) -> bool:
    """Whether chance has a say in a life, which is another where it is told from other sightings."""
    return Telling(past, lambda _: other, world.as_of).alone().forks


def test_under_the_same_agreement_nobody_loses_a_lead_for_want_of_room() -> None:
    world, pasts = company(150)
    result = compared(world, pasts, PLAIN, [member(rep, 1) for rep in REPS])  # less room than they took, on record
    assert result["exact"] == {"checked": 150, "same": 150}
    assert (result["changed"], result["changed_leads"]) == (0, [])
    assert all(one["difference"] == {"value": 0, "low": 0, "high": 0} for one in result["figures"])


def test_the_fallback_takes_over_when_its_time_has_come() -> None:
    world, pasts = company(250, REPS[:2])
    full = "claims: {per_rep_open: 1}, routing: {fallback: any_rep, fallback_after: 3h}"
    lives = told(world, pasts, rules(full), map(member, world.reps))
    waits = [wait for life in lives for wait in ends_of_waiting(life)]
    assert max(wait for wait, _ in waits) == 3 * HOUR
    assert sum(wait == 3 * HOUR and kind is EntryKind.ASSIGNED for wait, kind in waits) > 20
    assert any(wait < 3 * HOUR and kind is EntryKind.ASSIGNED for wait, kind in waits)
    assert max(most_at_once(lives, world.as_of).values()) > 1


def test_a_rep_is_given_leads_only_where_they_are_at_work_and_there() -> None:
    world, pasts = company(150)
    office = clock_of({"mon-fri": ["09:00-17:00"]}, "UTC", frozenset())
    away = (Away(BEGIN - DAY, BEGIN + 500 * DAY),)
    members = [member(REPS[0], ROOM), member(REPS[1], ROOM), member(REPS[2], ROOM, clock=office), member(REPS[3], ROOM, away=away)]
    lives = told(world, pasts, rules("routing: {working_hours: required}"), members, without=REPS[:2])
    new = [
        row
        for past, life in zip(pasts, lives, strict=True)
        for row in life.rows
        if row.kind is EntryKind.ASSIGNED and row[:5] not in {other[:5] for other in past.rows}
    ]
    assert len(new) > 20
    assert {row.owner for row in new} == {REPS[2]}
    assert all(office.runs(row.at) for row in new)
    assert any(row.kind is EntryKind.UNROUTED for life in lives for row in life.rows)


def test_who_may_have_so_many_a_day_is_given_no_more() -> None:
    world, pasts = company(300)
    lives = told(world, pasts, rules("routing: {per_rep_daily: 1}, claims: {per_rep_daily: 1}"), [member(rep, ROOM) for rep in REPS])
    days = defaultdict[tuple[str | None, object], list[tuple[datetime, EntryKind]]](list)
    for life in lives:
        for before, row in pairwise(life.rows):
            if row.owner is not None and row.owner != before.owner:
                days[row.owner, row.at.date()].append((row.at, row.kind))
    kinds = [[kind for _, kind in sorted(day)] for day in days.values()]
    assert all(EntryKind.ASSIGNED not in later for _, *later in kinds)  # claims of the day count for the tree
    assert all(day.count(EntryKind.CLAIMED) <= 1 for day in kinds)
    assert sum(EntryKind.ASSIGNED in day for day in kinds) > 60


def test_leads_from_before_take_places_too() -> None:
    world, pasts = company(60)
    held = [Turn(BEGIN - DAY, None, rep, EntryKind.ASSIGNED) for rep in REPS for _ in range(5)]
    other = rules("claims: {per_rep_open: 5}")
    assert any(any(tenures(life.rows)) for life in told(world, pasts, other, map(member, REPS)))
    assert not any(any(tenures(life.rows)) for life in told(world, pasts, other, map(member, REPS), apart=held))
    freed = [*held, Turn(BEGIN + 15 * DAY, REPS[0], None, EntryKind.LOST)]
    starts = [tenure for life in told(world, pasts, other, map(member, REPS), apart=freed) for tenure in tenures(life.rows)]
    assert starts
    assert {tenure.rep for tenure in starts} == {REPS[0]}
    assert min(tenure.start for tenure in starts) >= BEGIN + 15 * DAY


def test_a_place_that_is_freed_goes_to_the_highest_score_that_waits() -> None:
    world, pasts = company(200)
    early = [past for past in pasts if past.told[0].event.at < BEGIN + 2 * DAY]
    held = [Turn(BEGIN - DAY, None, REPS[0], EntryKind.ASSIGNED), Turn(BEGIN + 2 * DAY, REPS[0], None, EntryKind.LOST)]
    other = rules("claims: {per_rep_open: 1}, score: {tiers: {high: 30}}")
    lives = told(world, early, other, [member(REPS[0])], without=REPS[1:], apart=held)
    moment = BEGIN + 2 * DAY
    waiting = [life for life in lives if any(r.kind is EntryKind.UNROUTED and r.at < moment for r in life.rows)]
    still = [life for life in waiting if not any(r.kind is EntryKind.TREE_ENDED and r.at <= moment for r in life.rows)]
    got = [life for life in still if any(t.start == moment for t in tenures(life.rows))]
    assert len(still) > 2
    assert len(got) == 1
    assert score(got[0]) == max(map(score, still))


def score(life: Lived) -> float:
    return next(row.score for row in life.rows if row.score is not None)


def test_what_the_missing_claimed_is_left_to_whoever_would_have_come_later() -> None:
    world, pasts = company(400)
    claimers = {past.lead: row.owner for past in pasts for row in past.rows if row.kind is EntryKind.CLAIMED}
    gone = REPS[:2]
    lives = told(world, pasts, PLAIN, [member(rep, ROOM) for rep in REPS], without=gone)
    for past, life in zip(pasts, lives, strict=True):
        claimed = [row for row in life.rows if row.kind is EntryKind.CLAIMED]
        assert not {row.owner for row in claimed} & set(gone)
        if claimers.get(past.lead) in gone:
            before = next(row.at for row in past.rows if row.kind is EntryKind.CLAIMED)
            assert all(row.at > before for row in claimed)
        elif past.lead in claimers:
            assert [row.owner for row in claimed[:1]] == [claimers[past.lead]]


def test_the_same_question_has_the_same_answer() -> None:
    world, pasts = company(120)
    other = rules("claims: {per_rep_open: 2}, deadlines: {contact: 12h}")
    first, second = (told(world, pasts, other, map(member, REPS)) for _ in range(2))
    assert [way(life.rows) for life in first] == [way(life.rows) for life in second]
    assert timedelta() < max(row.at for life in first for row in life.rows) - BEGIN
