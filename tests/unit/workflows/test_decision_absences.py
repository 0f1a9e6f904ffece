"""The working-hours clock, and what an owner's absence does to a contact that is due."""

from datetime import UTC, datetime, timedelta

import pytest

from models.lifecycle import DeadlineKind, EntryKind, LeadState, Stage
from models.messages import Override, Retime, Routed
from models.worktime import Away
from tests.unit.leads import (
    DAY,
    HIGH,
    HOUR,
    LOW,
    MANAGER,
    MEDIUM,
    MINUTE,
    MS,
    REP,
    START,
    WORKING_HOURS,
    World,
    claim,
    lead,
    policy,
    reached,
    run_clock_until,
    scored,
    tick,
    walk,
)
from workflows.decision import decide

OFFICE = policy("""
    clock: {hours: {mon-fri: ["09:00-17:00"]}, timezone: Europe/Berlin}
""")


def berlin(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    """A local time in March 2026, before the clocks change."""
    return datetime(2026, month, day, hour, minute, tzinfo=UTC) - HOUR


def due(state: LeadState) -> datetime:
    """When the running deadline is."""
    assert state.deadline is not None
    return state.deadline.at


# --- working hours ------------------------------------------------------------------------------------------------


def test_the_claim_window_of_an_evening_lead_begins_the_next_morning() -> None:
    state = scored(HIGH, berlin(2, 18), rules=OFFICE)
    assert due(state) == berlin(3, 9, 15)
    assert tick(state, berlin(3, 9, 15), OFFICE).routing is None
    assert tick(state, berlin(3, 9, 15) + MS, OFFICE).routing is not None


def test_24_hours_of_contact_are_three_days_of_eight() -> None:
    state = walk(scored(LOW, berlin(2, 10), rules=OFFICE), claim(berlin(2, 11)), rules=OFFICE)
    assert due(state) == berlin(5, 11)
    assert tick(state, berlin(5, 11), OFFICE).stage is Stage.CLAIMED
    assert tick(state, berlin(5, 11) + MS, OFFICE).stage is Stage.LONG_TERM


def test_the_48_hours_are_working_hours_too() -> None:
    assert scored(MEDIUM, berlin(2, 9), rules=OFFICE).tree_end == berlin(9, 17)


def test_a_score_and_a_quiet_campaign_run_on_the_wall_clock() -> None:
    late = berlin(6, 20)
    unscored = run_clock_until(scored(World(silent=()), late, rules=OFFICE), late, rules=OFFICE)
    assert unscored.tier is not None
    nurtured = run_clock_until(scored(MEDIUM, berlin(2, 9), rules=OFFICE), berlin(2, 13) + MS, MEDIUM, OFFICE)
    assert (nurtured.stage, due(nurtured)) == (Stage.NURTURE, nurtured.since + 30 * DAY)


def test_a_public_holiday_stops_the_clock() -> None:
    thursday = datetime(2026, 4, 2, 15, 0, tzinfo=UTC)  # 17:00 in Berlin; Good Friday and Easter Monday follow
    state = scored(HIGH, thursday + 30 * MINUTE, rules=WORKING_HOURS)
    assert due(state) == datetime(2026, 4, 7, 7, 15, tzinfo=UTC)


def test_the_lunch_break_stops_the_clock() -> None:
    state = scored(HIGH, datetime(2026, 3, 2, 10, 50, tzinfo=UTC), rules=WORKING_HOURS)
    assert due(state) == datetime(2026, 3, 2, 12, 5, tzinfo=UTC)


# --- absences -------------------------------------------------------------------------------------------------------


def retimed(state: LeadState, *away: Away, at: datetime = START + HOUR) -> LeadState:
    """The lead after its owner's absences changed."""
    return walk(state, Retime(at=at, rep="rita", away=away))


@pytest.mark.parametrize("hours", [1, 10, 24])
def test_a_short_absence_moves_the_contact_deadline_by_its_length(hours: int) -> None:
    state = lead("claimed")
    away = Away(START + 5 * HOUR, START + (5 + hours) * HOUR)
    moved = retimed(state, away)
    assert due(moved) == due(state) + hours * HOUR
    assert tick(moved, due(moved)).stage is Stage.CLAIMED
    assert tick(moved, due(moved) + MS).owner is None


@pytest.mark.parametrize("until", [START + 5 * HOUR + DAY + MS, START + 90 * DAY, None], ids=["a moment too long", "long", "endless"])
def test_a_long_or_endless_absence_hands_the_lead_on_when_it_begins(until: datetime | None) -> None:
    state = retimed(lead("claimed"), Away(START + 5 * HOUR, until))
    assert due(state) == START + 5 * HOUR
    assert tick(state, START + 5 * HOUR).owner == "rita"
    after = tick(state, START + 5 * HOUR + MS)
    assert after.stage is Stage.LONG_TERM
    assert [(holder.rep, holder.lapsed) for holder in after.holders] == [("rita", False)]


def test_a_rep_who_falls_ill_now_hands_on_at_once_and_may_claim_it_again() -> None:
    state = retimed(lead("claimed"), Away(START - HOUR))
    assert due(state) == START + HOUR
    after = tick(state, START + HOUR + MS)
    assert after.owner is None
    assert decide(after, claim(START + 2 * HOUR), OFFICE).refusal is None


def test_a_rep_who_simply_lets_it_lapse_is_to_blame() -> None:
    after = tick(lead("claimed"), START + MINUTE + DAY + MS)
    assert [(holder.rep, holder.lapsed) for holder in after.holders] == [("rita", True)]


def test_coming_back_early_moves_the_deadline_back() -> None:
    state = lead("claimed")
    moved = retimed(state, Away(START + 5 * HOUR, START + 15 * HOUR))
    back = walk(moved, Retime(at=START + 7 * HOUR, rep="rita", away=(Away(START + 5 * HOUR, START + 7 * HOUR),)))
    assert due(back) == due(state) + 2 * HOUR


def test_an_absence_that_is_over_or_comes_later_changes_nothing() -> None:
    state = lead("claimed")
    for away in (Away(START - DAY, START), Away(due(state), START + 9 * DAY), Away(START + 9 * DAY)):
        assert due(retimed(state, away)) == due(state)


def test_a_short_absence_before_a_long_one_does_not_end_the_clock_early() -> None:
    lunch, holiday = Away(START + 3 * HOUR, START + 4 * HOUR), Away(START + 20 * HOUR, START + 200 * HOUR)
    assert due(retimed(lead("claimed"), holiday, lunch)) == START + 20 * HOUR


def test_absences_that_follow_each_other_add_up() -> None:
    days = [Away(START + 5 * HOUR + day * DAY, START + 5 * HOUR + (day + 1) * DAY) for day in range(5)]
    assert due(retimed(lead("claimed"), *days)) == START + 5 * HOUR + DAY


def test_an_hour_at_the_dentist_on_a_friday_is_a_short_absence_though_the_weekend_follows() -> None:
    friday = berlin(6, 9)
    state = walk(scored(LOW, berlin(3, 15), rules=OFFICE), claim(berlin(3, 16)), rules=OFFICE)
    assert due(state) == berlin(6, 16)
    away = Retime(at=berlin(5, 9), rep="rita", away=(Away(friday, friday + 2 * HOUR),))
    assert due(walk(state, away, rules=OFFICE)) == berlin(9, 10)


def test_the_clock_of_a_rep_who_is_away_when_they_are_assigned_starts_when_they_are_back() -> None:
    state = run_clock_until(scored(HIGH), START + 15 * MINUTE + MS, World(80.0, away=(Away(START - HOUR, START + 5 * HOUR),)))
    assert due(state) == START + 29 * HOUR


def test_no_absence_moves_an_assignment_of_the_tree_past_the_48th_hour() -> None:
    state = tick(lead("assigned"), START + 24 * HOUR + 16 * MINUTE)
    assert state.routing is not None
    away = (Away(START + 30 * HOUR, START + 40 * HOUR),)
    assigned = walk(state, Routed(at=START + 25 * HOUR, number=state.routing.number, rep="sam", away=away))
    assert due(assigned) == START + 48 * HOUR


def test_a_working_owner_s_next_touch_waits_for_them() -> None:
    state = retimed(lead("working"), Away(START + DAY, START + 3 * DAY))
    assert state.deadline is not None
    assert (state.deadline.kind, due(state)) == (DeadlineKind.NEXT_TOUCH, START + 2 * MINUTE + 9 * DAY)


def test_a_retimed_deadline_is_in_the_ledger_and_an_unchanged_one_is_not() -> None:
    state = lead("claimed")
    moved = decide(state, Retime(at=START + HOUR, rep="rita", away=(Away(START + 5 * HOUR, START + 6 * HOUR),)), OFFICE)
    assert [entry.kind for entry in decide(state, Retime(at=START + HOUR, rep="rita"), policy()).entries] == []
    assert [entry.kind for entry in moved.entries] == [EntryKind.RETIMED]


def test_a_new_owner_s_deadline_does_not_wait_for_the_old_one() -> None:
    state = retimed(lead("claimed"), Away(START + 5 * HOUR, START + 15 * HOUR))
    given = Override(at=START + 2 * HOUR, actor="mona", standing=MANAGER, owner="sam", owner_standing=REP, note="n1")
    assert due(walk(state, given)) == START + 26 * HOUR
    assert walk(state, reached(START + 2 * HOUR)).deadline is not None


def test_a_claim_brings_the_rep_s_own_absences() -> None:
    away = (Away(START + 5 * HOUR, START + 6 * HOUR),)
    state = walk(scored(LOW), claim(START + MINUTE, standing=REP.model_copy(update={"away": away})))
    assert due(state) == START + MINUTE + 25 * HOUR
    assert due(state) - START > timedelta(hours=24)
