"""Who gets a lead: the pure rules, with no database in sight."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.policy import Policy
from models.policy.clock import clock_of
from models.policy.reps import Routing
from models.routing import Candidate, Choice, Wanted, choose, in_turn
from models.routing.turns import added
from models.worktime import Away, WorkClock

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REPS = [UUID(int=n) for n in range(1, 200)]
ANNA, BEN, CARL, DORA = REPS[:4]
PLAIN = Routing()


def rep(who: UUID, load: int = 0, **what: Any) -> Candidate:
    return Candidate(who, **{"capacity": 10, "load": load, **what})


def rules(**what: Any) -> Routing:
    return Routing.model_validate(what)


def chosen(choice: Choice) -> UUID | None:
    return choice.rep.rep if choice.rep else None


def why_not(choice: Choice) -> dict[UUID, str]:
    return {candidate.rep: why for candidate, why in choice.others}


def run(reps: Sequence[Candidate], count: int, policy: Routing = PLAIN, turns: Any = None, lead: Wanted | None = None) -> tuple[Any, Any]:
    """So many leads one after the other, each kept: who got how many, and the turns afterwards."""
    got: Counter[UUID] = Counter()
    turns = turns or {}
    for _ in range(count):
        now = [replace(c, load=c.load + got[c.rep]) for c in reps]
        choice = choose(lead or Wanted(), now, policy, turns, AT)
        if choice.rep is not None:
            got[choice.rep.rep] += 1
            turns = added(turns, choice.turns)
    return got, turns


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        ([rep(ANNA, 2), rep(BEN, 1)], BEN),
        ([rep(ANNA, last_at=AT), rep(BEN, last_at=AT - HOUR)], BEN),
        ([rep(ANNA, last_at=AT - DAY), rep(BEN)], BEN),
        ([rep(BEN), rep(ANNA)], ANNA),
        ([rep(ANNA, active=False), rep(BEN, 5)], BEN),
        ([rep(ANNA, away=(Away(AT - HOUR, AT + HOUR),)), rep(BEN, 5)], BEN),
        ([rep(ANNA, away=(Away(AT - HOUR),)), rep(BEN, 5)], BEN),
        ([rep(ANNA, away=(Away(AT - HOUR, AT), Away(AT + HOUR))), rep(BEN, 5)], ANNA),
        ([rep(ANNA, 3, capacity=3), rep(BEN, 5)], BEN),
        ([rep(ANNA, weight=0), rep(BEN, 5)], BEN),
        ([rep(ANNA, 4, capacity=3), rep(BEN, 10)], None),
        ([rep(ANNA, capacity=0)], None),
        ([rep(ANNA, sells=False, manages=True)], None),
        ([], None),
    ],
    ids=[
        "tie: the smallest part of their capacity in use",
        "tie: longest since the last",
        "tie: never had one",
        "tie: smallest id",
        "deactivated",
        "away",
        "away for nobody knows how long",
        "back since this moment, and away later",
        "full",
        "takes no turns",
        "all full",
        "takes none",
        "a manager is no rep",
        "no reps",
    ],
)
def test_who_is_chosen(candidates: list[Candidate], expected: UUID | None) -> None:
    assert chosen(choose(Wanted(), candidates, PLAIN, {}, AT)) == expected


def test_a_turn_that_is_due_goes_before_a_small_load() -> None:
    assert chosen(choose(Wanted(), [rep(ANNA, 9), rep(BEN)], PLAIN, {ANNA: 0.5, BEN: -0.5}, AT)) == ANNA


def test_who_had_the_lead_does_not_get_it_again() -> None:
    choice = choose(Wanted(excluded=frozenset({ANNA})), [rep(ANNA), rep(BEN, 9)], PLAIN, {}, AT)
    assert (chosen(choice), why_not(choice)) == (BEN, {ANNA: "had this lead before"})


@pytest.mark.parametrize(
    ("owner", "gets_it"),
    [
        (rep(CARL, 10), True),
        (rep(CARL, clock=WorkClock(((),) * 7)), True),
        (rep(CARL, active=False), False),
        (rep(CARL, away=(Away(AT),)), False),
        (rep(CARL, sells=False, manages=True), False),
    ],
    ids=["full", "off work", "deactivated", "away", "no rep any more"],
)
def test_an_account_is_its_owners_unless_they_are_not_there(owner: Candidate, *, gets_it: bool) -> None:
    choice = choose(Wanted(account_owner=CARL), [rep(ANNA), owner], PLAIN, {}, AT)
    assert (chosen(choice), choice.account_owner) == ((CARL, True) if gets_it else (ANNA, False))
    assert bool(choice.turns) is not gets_it


@pytest.mark.parametrize(
    ("policy", "owner", "expected"),
    [
        (PLAIN, rep(CARL, 9), CARL),
        (PLAIN, rep(CARL, 10), ANNA),
        (PLAIN, rep(CARL, away=(Away(AT),)), ANNA),
        (rules(existing_owner=False), rep(CARL, 9), ANNA),
    ],
    ids=["has room", "full", "away", "not asked for"],
)
def test_a_companys_leads_stay_together(policy: Routing, owner: Candidate, expected: UUID) -> None:
    choice = choose(Wanted(existing_owner=CARL), [rep(ANNA), owner], policy, {}, AT)
    assert (chosen(choice), choice.account_owner) == (expected, False)


DACH = rules(
    lists={"dach": ["de", "at", "ch"]},
    rules=[
        {"when": ["employees >= 1000", "country in dach"], "to": {"reps": [str(CARL)]}},
        {"when": ["country in dach"], "to": {"territory": "DACH"}},
    ],
)
TEAM = [rep(ANNA, territories=frozenset({"dach"})), rep(BEN), rep(CARL, territories=frozenset({"uk"}))]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"country": frozenset({"germany", "de"}), "employees": 5000}, CARL),
        ({"country": frozenset({"germany", "de"}), "employees": 999}, ANNA),
        ({"country": "AT"}, ANNA),
        ({"country": "UK"}, CARL),
        ({"country": "FR"}, BEN),
        ({}, BEN),
    ],
    ids=["first rule", "second rule: by name before everywhere", "size unknown", "a country that is a territory", "nobody's", "unknown"],
)
def test_rules_and_territories_narrow_the_choice(facts: Any, expected: UUID) -> None:
    assert chosen(choose(Wanted(facts), TEAM, DACH, {}, AT)) == expected


def test_whoever_serves_everything_stands_in_for_whoever_serves_a_territory() -> None:
    choice = choose(Wanted({"country": "de"}), [replace(TEAM[0], load=10), *TEAM[1:]], DACH, {}, AT)
    assert (chosen(choice), why_not(choice)[CARL]) == (BEN, "is not one of those it may go to")
    assert choice.why == ("Rule 2 of the agreement sends it to territory DACH.", "is the only one who is free")


def test_where_everybody_has_a_territory_a_lead_of_none_may_go_to_all() -> None:
    assert chosen(choose(Wanted(), [TEAM[0], TEAM[2]], DACH, {}, AT)) == ANNA


def test_the_explanation_says_of_everybody_why() -> None:
    week = (((time(12), time(13)),),) * 7
    candidates = [
        rep(REPS[0], 2, weight=2),
        rep(REPS[1], 10),
        rep(REPS[2], away=(Away(AT, AT + HOUR),)),
        rep(REPS[3], 3, today=4),
        rep(REPS[4], 3),
        rep(REPS[5], weight=0),
        rep(REPS[6], clock=WorkClock(week)),
    ]
    found = choose(Wanted(), candidates, rules(per_rep_daily=4), {}, AT).explanation()
    assert (found["chosen"], found["why"]) == (str(REPS[0]), ["it is their turn (weight 2 of 3)"])
    assert {rep: item["why"] for item in found["others"] for rep in item["reps"]} == {
        str(REPS[1]): "is full: 10 of 10 leads",
        str(REPS[2]): "is away until 2026-03-02 10:00 UTC",
        str(REPS[3]): "had enough for today: 4 of 4 leads",
        str(REPS[4]): "comes later: it is not their turn",
        str(REPS[5]): "takes no turns: weight 0",
        str(REPS[6]): "is not at work now",
    }


# --- fairness ------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0.1, 50), min_size=1, max_size=25), st.integers(1, 150))
def test_after_any_number_of_leads_nobody_is_a_lead_from_their_weight(weights: list[float], count: int) -> None:
    reps = [rep(who, capacity=10_000, weight=weight) for who, weight in zip(REPS, weights, strict=False)]
    got, turns = run(reps, count)
    total = sum(weights)
    assert all(abs(got[c.rep] - count * c.weight / total) < 1 + 1e-6 for c in reps)
    assert abs(sum(turns.values())) < 1e-6


def test_two_to_one_is_not_two_in_a_row_and_then_one() -> None:
    turns: Any = {}
    order = []
    for _ in range(6):
        choice = choose(Wanted(), [rep(ANNA, weight=2), rep(BEN)], PLAIN, turns, AT)
        turns = added(turns, choice.turns)
        order.append(chosen(choice))
    assert Counter(order) == {ANNA: 4, BEN: 2}
    assert order[:3] == order[3:]


def _away_then_back(policy: Routing) -> tuple[Any, Any]:
    here, away = [rep(ANNA, capacity=999), rep(BEN, capacity=999)], rep(CARL, capacity=999, away=(Away(AT - DAY),))
    first, turns = run([*here, away], 30, policy)
    second, _ = run([*here, replace(away, away=())], 30, policy, turns)
    return first, second


def test_without_catching_up_an_absence_is_over_when_it_is_over() -> None:
    first, second = _away_then_back(PLAIN)
    assert (first[CARL], second) == (0, {ANNA: 10, BEN: 10, CARL: 10})


def test_with_catching_up_whoever_comes_back_gets_what_they_missed() -> None:
    first, second = _away_then_back(rules(catch_up=True))
    assert (first, second) == ({ANNA: 15, BEN: 15}, {ANNA: 5, BEN: 5, CARL: 20})


def test_while_somebody_is_away_the_others_keep_to_their_weights() -> None:
    here = [rep(ANNA, capacity=999, weight=3), rep(BEN, capacity=999)]
    got, _ = run([*here, rep(CARL, away=(Away(AT - DAY),), weight=4)], 40, rules(catch_up=True))
    assert got == {ANNA: 30, BEN: 10}


def test_nobody_gets_more_than_they_can_take_and_the_rest_is_shared() -> None:
    got, _ = run([rep(ANNA, capacity=3), rep(BEN, capacity=100), rep(CARL, capacity=100)], 43)
    assert got == {ANNA: 3, BEN: 20, CARL: 20}


# --- working hours ---------------------------------------------------------------------------------------------------

BLOCKS = {"mon-fri": ["09:00-12:00", "13:00-17:30"]}


def of_hours(hours: dict[str, list[str]], zone: str) -> WorkClock:
    return clock_of(hours, zone, frozenset())


def off(clock: WorkClock, *moments: datetime) -> list[bool]:
    return [clock.runs(moment) for moment in moments]


def test_hours_have_several_blocks_a_day_and_their_ends_are_not_inside() -> None:
    clock = of_hours(BLOCKS, "UTC")
    moments = [AT.replace(hour=hour, minute=minute) for hour, minute in ((8, 59), (9, 0), (12, 0), (13, 0), (17, 29), (17, 30))]
    assert off(clock, *moments) == [False, True, False, True, True, False]
    assert clock.next_start(moments[2]) == moments[3]
    assert clock.next_start(AT.replace(day=6, hour=18)) == AT.replace(day=9)


@pytest.mark.parametrize(
    ("zone", "opens"),
    [
        ("Asia/Kolkata", datetime(2026, 3, 2, 3, 30, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2026, 3, 2, 3, 15, tzinfo=UTC)),
        ("Australia/Adelaide", datetime(2026, 3, 1, 22, 30, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 27, 8, 0, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 30, 7, 0, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 2, 14, 0, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 10, 30, 13, 0, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2028, 2, 29, 8, 0, tzinfo=UTC)),
    ],
    ids=["half an hour", "a quarter", "half an hour and summer", "before summer", "summer", "winter", "before winter", "leap day"],
)
def test_nine_is_nine_where_the_rep_is(zone: str, opens: datetime) -> None:
    clock = of_hours(BLOCKS, zone)
    moment = timedelta(microseconds=1)
    assert off(clock, opens - moment, opens, opens + 3 * HOUR - moment, opens + 3 * HOUR) == [False, True, True, False]
    assert clock.next_start(opens - HOUR) == opens


def test_a_night_shift_runs_to_midnight_whatever_the_clocks_do() -> None:
    clock = of_hours({"sun": ["00:00-24:00"]}, "Europe/Berlin")
    begins, ends = datetime(2026, 3, 28, 23, 0, tzinfo=UTC), datetime(2026, 3, 29, 22, 0, tzinfo=UTC)
    every = [begins + timedelta(minutes=30 * n) for n in range(46)]
    assert (all(off(clock, *every)), clock.runs(ends), clock.runs(begins - HOUR)) == (True, False, False)


def test_on_a_holiday_nobody_is_at_work() -> None:
    clock = clock_of(BLOCKS, "UTC", Policy.model_validate({"clock": {"holiday_dates": [date(2026, 3, 2)]}}).clock.days_off)
    assert (clock.runs(AT), clock.next_start(AT)) == (False, AT + DAY)


NIGHT = of_hours({"mon-fri": ["20:00-23:00"]}, "UTC")


@pytest.mark.parametrize(
    ("mode", "alone", "beside_ben"),
    [("required", None, BEN), ("preferred", ANNA, BEN), ("ignored", ANNA, ANNA)],
)
def test_whoever_is_off_work(mode: str, alone: UUID | None, beside_ben: UUID) -> None:
    anna, policy = rep(ANNA, clock=NIGHT), rules(working_hours=mode)
    assert chosen(choose(Wanted(), [anna], policy, {}, AT)) == alone
    assert chosen(choose(Wanted(), [anna, rep(BEN, 5)], policy, {}, AT)) == beside_ben


# --- nobody free -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reps", "policy", "again"),
    [
        ([rep(ANNA, clock=NIGHT)], {"working_hours": "required"}, AT.replace(hour=20)),
        ([rep(ANNA, away=(Away(AT, AT + HOUR),)), rep(BEN, away=(Away(AT),))], {}, AT + HOUR),
        ([rep(ANNA, clock=NIGHT, away=(Away(AT, AT + 14 * HOUR),))], {"working_hours": "required"}, AT.replace(day=3, hour=20)),
        ([rep(ANNA, today=5, next_day=AT.replace(day=3, hour=0))], {"per_rep_daily": 5}, AT.replace(day=3, hour=0)),
        ([rep(ANNA, 10)], {"fallback": "manager", "fallback_after": "30m"}, AT + HOUR / 2),
        ([rep(ANNA, 10), rep(BEN, active=False)], {}, None),
    ],
    ids=["hours begin", "an absence ends", "an absence ends at night", "a new day", "the fallback is due", "time helps nobody"],
)
def test_a_waiting_lead_is_asked_again_when_time_may_help(reps: list[Candidate], policy: dict[str, Any], again: datetime | None) -> None:
    choice = choose(Wanted(), reps, rules(**policy), {}, AT)
    assert (choice.rep, choice.again_at, choice.why[-1]) == (None, again, "nobody is free")


MANAGERS = [rep(ANNA, 10), rep(DORA, 3, sells=False, manages=True), rep(CARL, 1, sells=False, manages=True, away=(Away(AT),))]


def test_a_fallback_waits_as_long_as_the_agreement_says() -> None:
    policy = rules(fallback="manager", fallback_after="30m")
    at_first, later = (choose(Wanted(since=AT - waited), MANAGERS, policy, {}, AT) for waited in (29 * HOUR / 60, 30 * HOUR / 60))
    assert (chosen(at_first), chosen(later), later.fallback, later.turns) == (None, DORA, True, {})


def test_any_rep_takes_it_whatever_their_territory_and_only_then_over_their_capacity() -> None:
    policy = rules(fallback="any_rep", rules=[{"to": {"territory": "dach"}}])
    dach, uk = rep(ANNA, 10, territories=frozenset({"dach"})), rep(BEN, 9, territories=frozenset({"uk"}))
    assert chosen(choose(Wanted(), [dach, uk], policy, {}, AT)) == BEN
    full = choose(Wanted(), [dach, replace(uk, load=12)], policy, {}, AT)
    assert (chosen(full), full.fallback) == (ANNA, True)
    assert chosen(choose(Wanted(excluded=frozenset({ANNA})), [dach, replace(uk, away=(Away(AT),))], policy, {}, AT)) is None


def test_a_rule_that_names_nobody_who_is_here_says_so() -> None:
    choice = choose(Wanted(), [rep(ANNA)], rules(rules=[{"to": {"reps": [str(DORA)]}}]), {}, AT)
    assert (choice.rep, choice.why[-1]) == (None, "there is nobody it could go to")


def test_a_lead_leaves_their_places_to_those_before_it() -> None:
    reps = [rep(ANNA, 9), rep(BEN, 10)]
    assert chosen(in_turn(Wanted(), [], reps, PLAIN, {}, AT)) == ANNA
    choice = in_turn(Wanted(), [Wanted()], reps, PLAIN, {}, AT)
    assert (choice.rep, why_not(choice)[ANNA]) == (None, "is full: 10 of 10 leads, 1 of them kept for leads that come first")
    assert chosen(in_turn(Wanted(), [Wanted(excluded=frozenset({ANNA}))], reps, PLAIN, {}, AT)) == ANNA


def test_choosing_is_total_and_keeps_its_promises_on_random_rosters() -> None:
    chance = Random(5)
    for _ in range(400):
        reps = [
            rep(
                who,
                chance.randint(0, 4),
                capacity=chance.randint(0, 4),
                weight=chance.choice([0, 0.5, 1, 3]),
                active=chance.random() > 0.1,
                away=(Away(AT - HOUR, AT + HOUR),) if chance.random() < 0.2 else (),
                territories=frozenset(chance.sample(["dach", "uk", "us"], chance.randint(0, 2))),
                clock=chance.choice([None, NIGHT]),
                sells=chance.random() > 0.2,
                manages=chance.random() < 0.2,
            )
            for who in REPS[: chance.randint(0, 6)]
        ]
        policy = rules(
            working_hours=chance.choice(["required", "preferred", "ignored"]),
            fallback=chance.choice(["wait", "manager", "any_rep"]),
            catch_up=chance.random() < 0.5,
            rules=chance.choice([[], [{"to": {"territory": "dach"}}]]),
        )
        lead = Wanted({"country": chance.choice(["", "uk"])}, excluded=frozenset(chance.sample(REPS[:6], 1)))
        choice = choose(lead, reps, policy, {who: chance.uniform(-1, 1) for who in REPS[:6]}, AT)
        asked = [c for c in reps if c.sells or policy.fallback == "manager"]
        assert len(choice.others) == len(asked) - (choice.rep is not None)
        assert abs(sum(choice.turns.values())) < 1e-9
        if choice.rep is not None:
            assert choice.rep.active
            assert choice.rep.rep not in lead.excluded
            assert choice.rep.absent(AT) is None
            assert choice.fallback or choice.rep.load < choice.rep.capacity
