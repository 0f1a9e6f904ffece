"""Every clock at its boundary: a millisecond before and exactly at the deadline is in time, a millisecond after is not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from models.lifecycle import (
    ContactChannel,
    Deadline,
    DeadlineKind,
    EntryKind,
    Known,
    LeadState,
    NoticeKind,
    RefusalReason,
    Role,
    Score,
    Stage,
    Tier,
)
from models.messages import Engage, Enriched, Hold, Override, Resume, Tick
from tests.unit.leads import (
    DAY,
    DEFAULT,
    HIGH,
    HOUR,
    LOW,
    MANAGER,
    MEDIUM,
    MINUTE,
    MS,
    NEAR_HIGH,
    REP,
    START,
    World,
    answered,
    arrive,
    claim,
    in_assigned,
    in_working,
    kinds,
    lead,
    reached,
    run_clock_until,
    scored,
    tick,
    tried,
    walk,
)
from workflows.decision import decide, next_wake

BY_POINTS = World(silent=(Score,))


@dataclass(frozen=True)
class Case:
    """A lead, when its clock runs out, and where it goes then."""

    lead: Callable[[], LeadState]
    kind: DeadlineKind
    due: datetime
    then: Stage
    world: World = LOW
    closed: bool = False


def _medium_work() -> LeadState:
    """A lead with which its owner tried twice by phone only, the latest five days ago."""
    state = in_working()
    return walk(state, *[tried(START + days * DAY) for days in (4, 9)])


def _second_look(name: str) -> LeadState:
    """A quiet lead of which the last score is asked for and never comes."""
    state = lead(name)
    assert state.deadline is not None
    return run_clock_until(state, state.deadline.at + MS, BY_POINTS)


CASES = {
    "no score": Case(
        lambda: walk(arrive(), Enriched(at=START, number=1)), DeadlineKind.SCORE_BY, START + 10 * MINUTE, Stage.NEW, BY_POINTS
    ),
    "claim window, high": Case(lambda: scored(HIGH), DeadlineKind.CLAIM_WINDOW, START + 15 * MINUTE, Stage.ASSIGNED, HIGH),
    "claim window, medium": Case(lambda: scored(MEDIUM), DeadlineKind.CLAIM_WINDOW, START + 4 * HOUR, Stage.NURTURE),
    "claim window, low": Case(lambda: scored(LOW), DeadlineKind.CLAIM_WINDOW, START + 24 * HOUR, Stage.LONG_TERM),
    "claim window, review band": Case(lambda: scored(NEAR_HIGH), DeadlineKind.CLAIM_WINDOW, START + 15 * MINUTE, Stage.REVIEW),
    "review": Case(lambda: lead("review"), DeadlineKind.REVIEW, START + 15 * MINUTE + MS + 24 * HOUR, Stage.ASSIGNED, NEAR_HIGH),
    "contact, claimed": Case(lambda: lead("claimed"), DeadlineKind.CONTACT, START + MINUTE + 24 * HOUR, Stage.LONG_TERM),
    "contact, assigned": Case(
        in_assigned, DeadlineKind.CONTACT, START + 15 * MINUTE + MS + 24 * HOUR, Stage.ASSIGNED, World(80.0, rep="sam")
    ),
    "next touch": Case(in_working, DeadlineKind.NEXT_TOUCH, START + 2 * MINUTE + 7 * DAY, Stage.NURTURE),
    "meager": Case(_medium_work, DeadlineKind.MEAGER, START + 2 * MINUTE + 14 * DAY, Stage.NURTURE),
    "hold": Case(lambda: lead("held"), DeadlineKind.HOLD, START + MINUTE + 7 * DAY, Stage.NURTURE),
    "quiet in nurture": Case(lambda: lead("nurture"), DeadlineKind.NURTURE_STALE, START + 4 * HOUR + MS + 30 * DAY, Stage.LONG_TERM),
    "quiet in nurture, no last score": Case(
        lambda: _second_look("nurture"),
        DeadlineKind.NURTURE_STALE,
        START + 4 * HOUR + 2 * MS + 30 * DAY + 10 * MINUTE,
        Stage.LONG_TERM,
        BY_POINTS,
    ),
    "quiet long-term": Case(
        lambda: lead("long_term"), DeadlineKind.LONG_TERM_STALE, START + 24 * HOUR + MS + 180 * DAY, Stage.DISQUALIFIED
    ),
    "opportunity": Case(lambda: lead("qualified"), DeadlineKind.OPPORTUNITY, START + 3 * MINUTE + 90 * DAY, Stage.WORKING),
    "reopenable": Case(
        lambda: lead("disqualified"), DeadlineKind.REOPENABLE, START + 3 * MINUTE + 90 * DAY, Stage.DISQUALIFIED, closed=True
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_clock_runs_out_a_millisecond_after_its_deadline_and_not_before(case: Case) -> None:
    state = case.lead()
    assert state.deadline is not None
    assert (state.deadline.kind, state.deadline.at) == (case.kind, case.due)
    for in_time in (case.due - MS, case.due):
        waiting = tick(state, in_time)
        assert (waiting.stage, waiting.owner, waiting.tier, waiting.deadline, waiting.closed) == (
            state.stage,
            state.owner,
            state.tier,
            state.deadline,
            False,
        )
    after = answered(tick(state, case.due + MS), case.due + MS, case.world)
    assert (after.stage, after.closed) == (case.then, case.closed)
    assert after.deadline != state.deadline


def test_every_kind_of_clock_is_tried_at_its_boundary() -> None:
    assert {case.kind for case in CASES.values()} == set(DeadlineKind)


@pytest.mark.parametrize("name", ["claimed", "assigned"])
def test_a_contact_counts_up_to_the_very_deadline_and_finds_the_lead_gone_after_it(name: str) -> None:
    state = lead(name)
    assert state.deadline is not None
    assert decide(state, reached(state.deadline.at), DEFAULT).state.stage is Stage.WORKING
    late = decide(state, reached(state.deadline.at + MS), DEFAULT)
    assert late.refusal is not None
    assert late.refusal.reason is RefusalReason.NOT_OWNED
    assert EntryKind.LAPSED in kinds(late.entries)
    assert late.state.owner is None


def test_a_claim_is_granted_up_to_the_end_of_the_window_and_after_it_from_where_the_lead_went() -> None:
    state = scored(MEDIUM)
    assert decide(state, claim(START + 4 * HOUR), DEFAULT).state.home is Stage.NEW
    assert decide(state, claim(START + 4 * HOUR + MS), DEFAULT).state.home is Stage.NURTURE


def test_without_a_score_the_points_table_alone_decides() -> None:
    state = walk(arrive(known=Known(points=80.0, company=True)), Tick(at=START + 10 * MINUTE + MS))
    assert (state.score, state.tier) == (40.0, Tier.MEDIUM)
    assert state.deadline == Deadline(DeadlineKind.CLAIM_WINDOW, START + 4 * HOUR, START)


@pytest.mark.parametrize("name", ["claimed", "review"])
def test_a_lead_that_never_got_a_score_goes_by_its_points_when_its_time_runs_out(name: str) -> None:
    unscored = arrive(known=Known(points=80.0, company=True))
    if name == "claimed":
        state = walk(unscored, claim(START + MINUTE))
    else:
        state = walk(unscored, Override(at=START + MINUTE, actor="mona", standing=MANAGER, stage=Stage.REVIEW, note="n1"))
    after = tick(state, START + MINUTE + 24 * HOUR + MS)
    assert (after.stage, after.score) == (Stage.NURTURE, 40.0)


def test_a_low_lead_that_a_rule_disqualifies_is_out_when_its_window_closes() -> None:
    state = scored(LOW, known=Known(company=True, disqualified=True))
    assert tick(state, START + 24 * HOUR).stage is Stage.NEW
    assert tick(state, START + 24 * HOUR + MS).stage is Stage.DISQUALIFIED


def test_the_claim_window_counts_from_arrival_however_late_the_score_is() -> None:
    state = answered(walk(arrive(), Enriched(at=START + 9 * MINUTE, number=1)), START + 9 * MINUTE, HIGH)
    assert state.deadline is not None
    assert state.deadline.at == START + 15 * MINUTE


# --- the owner's clocks ---------------------------------------------------------------------------------------------


def test_the_owner_is_reminded_four_hours_before_and_once() -> None:
    state = lead("claimed")
    moment = START + MINUTE + 20 * HOUR
    assert kinds(decide(state, Tick(at=moment - MS), DEFAULT).entries) == []
    reminder = decide(state, Tick(at=moment), DEFAULT)
    assert kinds(reminder.entries) == ["reminded"]
    assert kinds(decide(reminder.state, Tick(at=moment + HOUR), DEFAULT).entries) == []


def test_a_lapse_is_told_to_the_owner_and_their_manager() -> None:
    state = lead("claimed")
    lapse = decide(state, Tick(at=START + MINUTE + 24 * HOUR + MS), DEFAULT).entries[-1]
    told = {(notice.kind, notice.user or notice.role) for notice in lapse.notices}
    assert (NoticeKind.LAPSED, "rita") in told
    assert (NoticeKind.LAPSED, Role.MANAGER) in told


def test_every_touch_moves_the_next_one_but_not_the_meager_clock() -> None:
    state = walk(in_working(), tried(START + 6 * DAY))
    assert state.deadline == Deadline(DeadlineKind.NEXT_TOUCH, START + 13 * DAY, START + 6 * DAY)
    state = walk(state, tried(START + 12 * DAY))
    assert state.deadline == Deadline(DeadlineKind.MEAGER, START + 2 * MINUTE + 14 * DAY, START + 2 * MINUTE)


@pytest.mark.parametrize(
    ("channels", "then"),
    [
        ((ContactChannel.CALL, ContactChannel.CALL), Stage.NURTURE),
        ((ContactChannel.EMAIL,), Stage.NURTURE),
        ((ContactChannel.EMAIL, ContactChannel.CALL), Stage.WORKING),
    ],
    ids=["three by phone", "two in all", "three on two channels"],
)
def test_a_follow_up_is_meager_below_three_touches_on_two_channels(channels: tuple[ContactChannel, ...], then: Stage) -> None:
    state = walk(
        in_working(), *[tried(START + 2 * MINUTE + (7 + number) * DAY, channel=channel) for number, channel in enumerate(channels)]
    )
    assert tick(state, START + 2 * MINUTE + 14 * DAY).stage is Stage.WORKING
    assert tick(state, START + 2 * MINUTE + 14 * DAY + MS).stage is then


def test_an_opportunity_that_runs_out_is_worked_anew_and_its_owner_reminded_of_the_outcome() -> None:
    state = lead("qualified")
    due = START + 3 * MINUTE + 90 * DAY
    entry = decide(state, Tick(at=due + MS), DEFAULT).entries[-1]
    assert [(notice.kind, notice.user) for notice in entry.notices] == [(NoticeKind.OUTCOME_DUE, "rita")]
    assert entry.deadline == Deadline(DeadlineKind.NEXT_TOUCH, due + MS + 7 * DAY, due + MS)
    assert entry.owner == "rita"


# --- signs of life --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "after"), [("nurture", 30 * DAY), ("long_term", 180 * DAY)])
def test_engagement_starts_the_quiet_clock_anew(name: str, after: timedelta) -> None:
    state = lead(name)
    engaged = walk(state, Engage(at=state.since + 10 * DAY))
    assert engaged.deadline is not None
    assert engaged.deadline.at == state.since + 10 * DAY + after


def test_engagement_reported_late_counts_from_when_it_happened() -> None:
    state = lead("nurture")
    engaged = walk(state, Engage(at=state.since + 10 * DAY, occurred_at=state.since + 4 * DAY))
    assert engaged.deadline is not None
    assert engaged.deadline.at == state.since + 34 * DAY
    older = walk(engaged, Engage(at=state.since + 11 * DAY, occurred_at=state.since - DAY))
    assert older.deadline == engaged.deadline


def test_a_lead_that_only_returns_home_after_a_lapsed_claim_keeps_its_quiet_clock() -> None:
    state = lead("nurture")
    claimed = walk(state, claim(state.since + 10 * DAY))
    back = tick(claimed, state.since + 11 * DAY + MS)
    assert (back.stage, back.deadline) == (Stage.NURTURE, state.deadline)


def test_holding_a_lead_by_hand_is_a_sign_of_life_when_it_is_given_back_by_hand() -> None:
    state = lead("nurture")
    held = walk(state, Hold(at=state.since + DAY, actor="mark"))
    back = walk(held, Resume(at=state.since + 3 * DAY, actor="mark"))
    forgotten = tick(held, state.since + 8 * DAY + MS)
    assert back.deadline is not None
    assert back.deadline.at == state.since + 33 * DAY
    assert (forgotten.stage, forgotten.deadline) == (Stage.NURTURE, state.deadline)


# --- the 48th hour --------------------------------------------------------------------------------------------------


def test_while_nobody_is_free_a_new_lead_waits_until_the_48th_hour_and_goes_to_marketing() -> None:
    nobody = World(80.0, rep=None)
    state = run_clock_until(scored(HIGH), START + 48 * HOUR, nobody)
    assert state.stage is Stage.NEW
    assert run_clock_until(state, START + 48 * HOUR + MS, nobody).stage is Stage.NURTURE


def test_a_second_assignment_of_the_tree_never_reaches_past_the_48th_hour() -> None:
    state = answered(tick(in_assigned(), START + 25 * HOUR), START + 25 * HOUR, World(80.0, rep="sam"))
    assert (state.owner, state.deadline) == ("sam", Deadline(DeadlineKind.CONTACT, START + 48 * HOUR, START + 25 * HOUR))


def test_a_rep_named_by_hand_has_24_hours_of_their_own() -> None:
    given = Override(at=START + 30 * HOUR, actor="mona", standing=MANAGER, owner="sam", owner_standing=REP, note="n1")
    state = answered(tick(in_assigned(), START + 25 * HOUR), START + 25 * HOUR, World(80.0, rep="tom"))
    assert walk(state, given).deadline == Deadline(DeadlineKind.CONTACT, START + 54 * HOUR, START + 30 * HOUR)


def test_a_manager_may_give_the_same_owner_another_24_hours() -> None:
    again = Override(at=START + 20 * HOUR, actor="mona", standing=MANAGER, stage=Stage.CLAIMED, note="n1")
    state = walk(in_assigned(), again)
    assert (state.owner, state.tenures) == ("rita", 1)
    assert state.deadline == Deadline(DeadlineKind.CONTACT, START + 44 * HOUR, START + 20 * HOUR)


def test_a_claim_at_the_47th_hour_has_24_hours_of_its_own() -> None:
    state = run_clock_until(scored(HIGH), START + 47 * HOUR, World(80.0, rep=None))
    claimed = walk(state, claim(START + 47 * HOUR))
    assert claimed.deadline == Deadline(DeadlineKind.CONTACT, START + 71 * HOUR, START + 47 * HOUR)
    assert tick(claimed, START + 71 * HOUR + MS).stage is Stage.NURTURE


def test_the_next_wake_is_the_moment_after_the_deadline() -> None:
    assert next_wake(lead("held"), DEFAULT) == START + MINUTE + 7 * DAY + MS
    assert next_wake(lead("won"), DEFAULT) is None
