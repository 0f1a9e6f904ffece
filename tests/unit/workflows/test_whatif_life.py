"""A life told again: exactly what it was under its own agreement, and what follows from it under another."""

import math
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from bench.lives import BEGIN, Company, lived
from models.lifecycle import EntryKind
from models.policy import Policy
from models.routing import Candidate
from tests.unit.leads import COMPRESSED, DEFAULT, HOUR, WORKING_HOURS, policy
from tests.unit.workflows.histories import REPS, history
from workflows.whatif.comparison import Comparison, Question, Watched
from workflows.whatif.crowd import Crowd, Seen, Times, tenures
from workflows.whatif.figures import Figure
from workflows.whatif.life import Lived, PolicyOf
from workflows.whatif.record import Past, past_of, way
from workflows.whatif.team import Member, Team
from workflows.whatif.telling import Telling
from workflows.whatif.world import World


def team(reps: Iterable[str] = REPS[:2], room: int | None = 10_000, **what: Any) -> tuple[Member, ...]:
    return tuple(Member(Candidate(UUID(rep), capacity=0, **what), capacity=room) for rep in reps)


def live(past: Past, policy_of: PolicyOf, until: datetime, crowd: Crowd, without: frozenset[str] = frozenset()) -> Lived:
    """A life told with nobody else around it."""
    trunk = Telling(past, policy_of, until, without).alone()
    rules = policy_of(1)
    found: list[Lived] = []
    world = World(Team(team(REPS), rules, {}, without), crowd, policy_of, until, "1", lambda _, lived: found.append(lived))
    world.add(0, past, trunk)
    world.run()
    return found[0]


LATER = policy("{deadlines: {contact: 12h, remind_before: 1h}, score: {tiers: {high: 70}}}", version=2)
BOOKS = {
    "default": {1: DEFAULT},
    "hours": {1: WORKING_HOURS},
    "compressed": {1: COMPRESSED},
    "changed twice": {1: DEFAULT, 2: LATER, 3: WORKING_HOURS.numbered(3)},
}


@pytest.mark.parametrize("book", BOOKS)
def test_the_agreement_it_was_lived_under_gives_the_recorded_ledger_exactly(book: str) -> None:
    policies = BOOKS[book]
    seen: Counter[EntryKind] = Counter()
    for seed in range(60):
        life = history(seed, policies)
        past = life.past()
        again = live(past, policies.__getitem__, life.at, Crowd())
        assert again.entries == life.entries, seed
        assert again.as_recorded, seed
        assert not again.drawn, seed
        seen.update(entry.kind for entry in life.entries)
    assert len(seen) >= 25, set(EntryKind) - set(seen)  # the histories are not all the same dull one


PLAIN = policy("review: {when: []}")
TWELVE = policy("{review: {when: []}, deadlines: {contact: 12h}}", version=2)


def company(rules: Policy, leads: range) -> tuple[Company, list[Past]]:
    found = Company(rules)
    return found, [past_of(*lived(found, number)) for number in leads]


def compared(
    pasts: list[Past],
    other: Policy,
    as_of: datetime,
    *,
    own: Policy = PLAIN,
    without: frozenset[str] = frozenset(),
    members: tuple[Member, ...] = (),
) -> dict[str, Any]:
    question = Question(other, {own.version: own}, BEGIN, as_of, as_of, without, members or team())
    watched, chance = Watched(), Random(1)
    for past in pasts:
        watched.watch(past, as_of, chance)
    comparison = Comparison(question, watched)
    for past in sorted(pasts, key=lambda past: past.told[0].event.at):
        comparison.add(past)
    return comparison.result()


def figure(result: dict[str, Any], name: Figure, side: str = "would") -> dict[str, float]:
    found: dict[str, float] = next(one[side] for one in result["figures"] if one["name"] == name)
    return found


def test_the_same_agreement_changes_nothing() -> None:
    world, pasts = company(PLAIN, range(150))
    result = compared(pasts, PLAIN, world.as_of)
    assert result["exact"] == {"checked": 150, "same": 150}
    assert (result["leads"], result["changed"], result["changed_leads"]) == (150, 0, [])
    assert all(one["difference"] == {"value": 0, "low": 0, "high": 0} for one in result["figures"])
    assert all(one["was"] == one["would"] for one in result["reps"])
    assert figure(result, Figure.BREACHES, "was")["value"] > 0


def test_what_is_reckoned_for_a_shorter_deadline_is_what_comes_of_living_under_it() -> None:
    world, pasts = company(PLAIN, range(600))
    result = compared(pasts, TWELVE, world.as_of)
    truth, others = company(TWELVE, range(10_000, 10_600))  # the same people, other leads
    really = compared(others, TWELVE, truth.as_of, own=TWELVE)
    for name in (Figure.BREACHES, Figure.HAND_BACKS, Figure.CONTACTED, Figure.TAKEN):
        was, would, real = figure(result, name, "was"), figure(result, name), figure(really, name, "was")
        error = math.hypot(would["high"] - would["low"], real["high"] - real["low"]) / 2
        assert abs(would["value"] - real["value"]) < 1.5 * error, name
        assert would["low"] <= would["value"] <= would["high"], name
        assert 0 < would["high"] - would["low"] < 0.5 * would["value"], name
        assert abs(would["value"] - real["value"]) < abs(was["value"] - real["value"]), name
    assert figure(result, Figure.BREACHES, "difference")["low"] > 0
    assert 0 < result["changed"] < 600
    assert result["changed_leads"][0]["was"] != result["changed_leads"][0]["would"]


def test_a_higher_threshold_sends_fewer_leads_to_sales() -> None:
    world, pasts = company(PLAIN, range(200))
    result = compared(pasts, policy("{review: {when: []}, score: {tiers: {high: 75}}}", version=2), world.as_of)
    assert figure(result, Figure.TAKEN, "difference")["high"] < 0
    assert figure(result, Figure.CONTACTED, "difference")["high"] < 0
    assert figure(result, Figure.EXPECTED_WINS, "difference")["value"] < 0


def test_who_is_not_there_gets_no_lead_and_the_others_get_theirs() -> None:
    world, pasts = company(PLAIN, range(200))
    gone, stays = world.reps
    result = compared(pasts, PLAIN, world.as_of, without=frozenset({gone}))
    shares = {one["rep"]: one for one in result["reps"]}
    assert shares[gone]["would"] == 0 < shares[gone]["was"]
    assert shares[stays]["would"] > 1.3 * shares[stays]["was"]
    assert figure(result, Figure.OPEN_LOAD, "difference")["value"] > 0


def test_a_lead_whose_rep_was_in_time_goes_the_way_it_went() -> None:
    world, pasts = company(PLAIN, range(300))
    tighter = policy("{review: {when: []}, deadlines: {contact: 20h}}", version=2)
    told = 0
    for past in pasts:
        reached = [row.at for row in past.rows if row.kind is EntryKind.CONTACTED]
        had = [tenure.start for tenure in tenures(past.rows)]
        if len(had) == len(reached) == 1 and reached[0] - had[0] < 10 * HOUR:
            again = live(past, lambda _: tighter, world.as_of, Crowd())
            assert way(again.rows) == way(past.rows)
            assert not again.as_recorded  # its deadlines are others
            told += 1
    assert told > 10


def test_nothing_and_a_single_lead_are_compared_too() -> None:
    world, pasts = company(PLAIN, range(1))
    nothing, one = compared([], TWELVE, world.as_of), compared(pasts, TWELVE, world.as_of)
    assert (nothing["leads"], one["leads"]) == (0, 1)
    assert all(figure(nothing, name)["value"] == 0 for name in Figure)


@pytest.mark.parametrize("seed", range(40))
def test_any_life_can_be_told_under_any_agreement(seed: int) -> None:
    life = history(seed, BOOKS["changed twice"])
    past, crowd = life.past(), Crowd()
    crowd.watch(past, life.at, Random(1))
    without = frozenset({REPS[1]}) if seed % 2 else frozenset()
    for other in (LATER, COMPRESSED.numbered(9), WORKING_HOURS.numbered(9)):
        again = live(past, lambda _, other=other: other, life.at, crowd, without)  # type: ignore[misc]
        assert [entry.seq for entry in again.entries] == list(range(1, len(again.entries) + 1))
        assert all(entry.at <= life.at for entry in again.entries)
        assert not {row.owner for row in again.rows} & without


def test_what_was_cut_off_is_drawn_from_those_that_took_longer() -> None:
    times: Times[str] = Times([Seen(HOUR, None), Seen(2 * HOUR, "late"), Seen(timedelta(minutes=5), "soon")])
    drawn = Counter(found.what for chance in range(300) if (found := times.draw(Random(chance), timedelta(minutes=30))))
    assert drawn == {"late": 300}
    both = Counter(found.what for chance in range(3000) if (found := times.draw(Random(chance))))
    assert 0.6 < both["late"] / 3000 < 0.73  # the weight of the one that was cut off moves to the right
    assert times.draw(Random(1), 2 * HOUR) is None
    assert times.middle() == 2 * HOUR
