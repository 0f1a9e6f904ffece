"""Whatever a rep does not work goes back: where to, to whom next, and with which record."""

from datetime import timedelta

import pytest

from models.lifecycle import (
    ContactChannel,
    ContactOutcome,
    DispositionOutcome,
    Entry,
    EntryKind,
    Known,
    LeadState,
    RefusalReason,
    ReviewOutcome,
    Stage,
    Tier,
)
from models.messages import Arrived, Contact, Hold, Override, Release, Resume, Review, Tick
from models.policy import Policy
from tests.unit.leads import (
    DAY,
    DEFAULT,
    HIGH,
    HOUR,
    LOW,
    MINUTE,
    MS,
    REP,
    START,
    World,
    answered,
    arrive,
    claim,
    concluded,
    in_assigned,
    in_claimed,
    kinds,
    lead,
    policy,
    reached,
    rescored,
    run_clock_until,
    scored,
    tick,
    tried,
    walk,
)
from workflows.decision import decide

SAM, NOBODY = World(80.0, rep="sam"), World(80.0, rep=None)


def lapsed(state: LeadState, world: World = SAM, rules: Policy = DEFAULT) -> LeadState:
    """The lead a moment after its owner's deadline."""
    assert state.deadline is not None
    moment = state.deadline.at + MS
    return answered(tick(state, moment, rules), moment, world, rules)


# --- rule 1: back to where it came from ---------------------------------------------------------------------------


@pytest.mark.parametrize("home", [Stage.NURTURE, Stage.LONG_TERM, Stage.DISQUALIFIED])
def test_a_lead_claimed_out_of_a_stage_returns_to_it(home: Stage) -> None:
    state = lead(home)
    claimed = walk(state, claim(state.since + DAY))
    assert claimed.home is home
    assert lapsed(claimed).stage is home


def test_a_lead_claimed_out_of_review_returns_to_review_within_the_48_hours() -> None:
    state = lead("review")
    back = lapsed(walk(state, claim(state.since + MINUTE)))
    assert back.stage is Stage.REVIEW
    assert back.deadline is not None
    assert back.deadline.at == START + 48 * HOUR


def test_a_lead_claimed_out_of_review_goes_to_marketing_after_the_48_hours() -> None:
    state = lead("review")
    back = lapsed(walk(state, claim(START + 24 * HOUR + MINUTE)))
    assert back.stage is Stage.NURTURE


def test_what_a_reviewer_passed_returns_to_review() -> None:
    state = walk(lead("review"), Review(at=START + HOUR, actor="rex", outcome=ReviewOutcome.PASS))
    passed = answered(state, START + HOUR, SAM)
    assert (passed.stage, passed.owner, passed.home) == (Stage.ASSIGNED, "sam", Stage.REVIEW)
    assert lapsed(passed).stage is Stage.REVIEW


@pytest.mark.parametrize("source", ["nurture", "long_term"])
def test_a_lead_claimed_from_a_marketer_s_hands_returns_to_where_they_had_it_from(source: str) -> None:
    state = lead(source)
    held = walk(state, Hold(at=state.since + HOUR, actor="mark"), claim(state.since + 2 * HOUR))
    assert lapsed(held).stage == source


# --- rule 2: once more to another, or by tier ------------------------------------------------------------------------


def test_a_high_lead_goes_once_more_to_another_rep_and_then_to_marketing() -> None:
    first = in_assigned()
    again = tick(first, START + 24 * HOUR + 16 * MINUTE)
    assert again.routing is not None
    assert again.routing.excluded == ("rita",)
    second = answered(again, START + 24 * HOUR + 16 * MINUTE, SAM)
    assert (second.stage, second.owner) == (Stage.ASSIGNED, "sam")
    assert lapsed(second).stage is Stage.NURTURE


def test_a_rep_who_let_it_lapse_is_not_assigned_again_even_when_nobody_else_is_there() -> None:
    state = lapsed(in_assigned(), World(80.0, rep="rita"))
    assert (state.stage, state.owner) == (Stage.NEW, None)


@pytest.mark.parametrize(("most", "holders"), [(1, 1), (2, 2), (3, 3)])
def test_a_high_lead_has_at_most_the_agreed_number_of_holders(most: int, holders: int) -> None:
    rules = policy(f"""
        max_assignments: {most}
        deadlines: {{contact: 2h}}
    """)
    state = run_clock_until(scored(HIGH, rules=rules), START + 15 * MINUTE + MS, World(80.0, rep="r0"), rules)
    for number in range(1, holders):
        state = lapsed(state, World(80.0, rep=f"r{number}"), rules)
        assert (state.stage, state.owner) == (Stage.ASSIGNED, f"r{number}")
    state = lapsed(state, SAM, rules)
    assert state.stage is Stage.NURTURE
    assert [holder.rep for holder in state.holders] == [f"r{number}" for number in range(holders)]


@pytest.mark.parametrize(("score", "then"), [(40.0, Stage.NURTURE), (10.0, Stage.LONG_TERM)])
def test_a_lead_below_high_claimed_out_of_new_goes_to_marketing_by_its_tier(score: float, then: Stage) -> None:
    assert lapsed(walk(scored(World(score)), claim(START + MINUTE))).stage is then


def test_a_fast_lane_lead_goes_once_more_to_another_rep_whatever_its_score() -> None:
    state = answered(arrive(consultation=True), START, World(10.0, rep="rita"))
    assert (state.stage, state.owner) == (Stage.ASSIGNED, "rita")
    state = answered(state, START, LOW)
    assert state.tier is Tier.LOW
    assert lapsed(state).owner == "sam"


def test_a_fast_lane_lead_that_was_held_meanwhile_is_still_passed_to_sales() -> None:
    waiting = answered(arrive(consultation=True), START, World(10.0, rep=None))
    held = walk(waiting, Hold(at=START + MINUTE, actor="mark"), Resume(at=START + 2 * MINUTE, actor="mark"))
    assert (held.stage, held.routing) == (Stage.NEW, None)
    assert lapsed(held).owner == "sam"


# --- rule 3: 48 hours -----------------------------------------------------------------------------------------------


def test_exactly_at_the_48th_hour_a_high_lead_goes_to_marketing_with_the_record() -> None:
    second = lapsed(in_assigned())
    assert second.deadline is not None
    assert second.deadline.at == START + 48 * HOUR
    entry = decide(second, Release(at=START + 48 * HOUR, rep="sam", note="n1"), DEFAULT).entries[-1]
    assert entry.to_stage is Stage.NURTURE
    state = lapsed(second)
    assert (state.stage, state.tier) == (Stage.NURTURE, Tier.HIGH)
    assert [(holder.rep, holder.lapsed) for holder in state.holders] == [("rita", True), ("sam", True)]


def test_a_high_lead_claimed_late_goes_to_marketing_when_it_lapses_after_the_48_hours() -> None:
    state = run_clock_until(scored(HIGH), START + 40 * HOUR, NOBODY)
    assert lapsed(walk(state, claim(START + 40 * HOUR))).stage is Stage.NURTURE


def test_a_new_lead_held_past_the_48_hours_goes_to_marketing() -> None:
    held = walk(scored(HIGH), Hold(at=START + MINUTE, actor="mark"))
    in_time = walk(held, Resume(at=START + 48 * HOUR - MS, actor="mark"))
    late = walk(held, Resume(at=START + 48 * HOUR, actor="mark"))
    assert (in_time.stage, late.stage) == (Stage.NEW, Stage.NURTURE)


def test_a_contacted_lead_is_not_taken_away_at_the_48th_hour() -> None:
    state = walk(in_claimed(), reached(START + 2 * MINUTE))
    assert tick(state, START + 49 * HOUR).stage is Stage.WORKING


# --- release, cooldown ----------------------------------------------------------------------------------------------


def test_a_released_lead_goes_back_at_once_and_its_holder_is_not_to_blame() -> None:
    state = walk(in_assigned(), Release(at=START + HOUR, rep="rita", note="n1"))
    assert (state.stage, state.routing and state.routing.excluded) == (Stage.NEW, ("rita",))
    assert [(holder.rep, holder.lapsed) for holder in state.holders] == [("rita", False)]
    assert decide(state, claim(START + 2 * HOUR), DEFAULT).refusal is None


@pytest.mark.parametrize(("after", "granted"), [(DAY - MS, False), (DAY, True), (DAY + MS, True)])
def test_who_let_it_lapse_may_claim_it_again_only_after_the_cooldown(after: timedelta, granted: bool) -> None:
    state = lapsed(in_claimed())
    decision = decide(state, claim(state.since + after), DEFAULT)
    assert (decision.refusal is None) == granted
    if decision.refusal:
        assert decision.refusal.reason is RefusalReason.COOLING_OFF
    assert decide(state, claim(state.since + after, "sam"), DEFAULT).refusal is None


def test_a_promoted_lead_is_not_routed_to_who_lately_let_it_lapse() -> None:
    state = lapsed(walk(lead("nurture"), claim(START + 5 * HOUR)))
    soon = rescored(state, 90.0, state.since + HOUR)
    later = rescored(state, 90.0, state.since + 2 * DAY)
    assert soon.routing is not None
    assert later.routing is not None
    assert (soon.routing.excluded, later.routing.excluded) == (("rita",), ())


# --- follow-up ------------------------------------------------------------------------------------------------------


def test_a_worked_lead_that_is_let_go_is_marketing_s_whatever_it_came_from() -> None:
    state = lead("long_term")
    worked = walk(state, claim(state.since + HOUR), reached(state.since + 2 * HOUR))
    assert lapsed(worked).stage is Stage.NURTURE


def test_a_meager_follow_up_is_recorded_as_such() -> None:
    state = walk(lead("working"), *[tried(START + days * DAY) for days in (5, 10)])
    assert state.deadline is not None
    entry = decide(state, Tick(at=state.deadline.at + MS), DEFAULT).entries[-1]
    assert (entry.kind, entry.to_stage, dict(entry.detail)["attempts"]) == (EntryKind.MEAGER, Stage.NURTURE, 3)


def test_the_next_holder_sees_every_attempt_of_those_before() -> None:
    ledger: list[Entry] = []
    state = in_assigned()
    call = Contact(at=START + HOUR, rep="rita", channel=ContactChannel.CALL, outcome=ContactOutcome.NO_ANSWER, note="n7")
    mail = Contact(at=START + 2 * HOUR, rep="rita", channel=ContactChannel.EMAIL, outcome=ContactOutcome.BOUNCED)
    for event in (call, mail):
        decision = decide(state, event, DEFAULT)
        ledger += decision.entries
        state = decision.state
    assert [(entry.kind, entry.note, dict(entry.detail)) for entry in ledger] == [
        (EntryKind.WORKED, "n7", {"channel": "call", "outcome": "no_answer"}),
        (EntryKind.WORKED, None, {"channel": "email", "outcome": "bounced"}),
    ]
    held_since = state.owned_since
    state = lapsed(state)
    assert [(h.rep, h.since, h.until, h.attempts, h.lapsed) for h in state.holders] == [("rita", held_since, state.since, 2, True)]
    assert state.touches == 0


@pytest.mark.parametrize("outcome", [ContactOutcome.NO_ANSWER, ContactOutcome.LEFT_MESSAGE, ContactOutcome.BOUNCED])
def test_only_outcomes_that_count_make_contact(outcome: ContactOutcome) -> None:
    event = Contact(at=START + HOUR, rep="rita", channel=ContactChannel.CALL, outcome=outcome)
    assert walk(in_assigned(), event).stage is Stage.ASSIGNED
    generous = policy("contact_counts: [attempted]")
    assert walk(in_assigned(), event, rules=generous).stage is Stage.WORKING
    exact = policy(f"contact_counts: [reached, {outcome}]")
    assert walk(in_assigned(), event, rules=exact).stage is Stage.WORKING


def test_not_ready_hands_to_nurture_and_is_no_lapse() -> None:
    decision = decide(lead("working"), concluded(DispositionOutcome.NOT_READY, START + DAY), DEFAULT)
    assert (decision.state.stage, kinds(decision.entries)) == (Stage.NURTURE, ["not_ready"])
    assert decision.state.holders[-1].lapsed is False


def test_a_lead_taken_over_before_contact_keeps_its_home_and_its_record() -> None:
    state = lead("nurture")
    claimed = walk(state, claim(state.since + HOUR))
    taken = walk(claimed, Override(at=state.since + 2 * HOUR, actor="sam", standing=REP, note="n1"))
    assert (taken.owner, taken.home, [holder.rep for holder in taken.holders]) == ("sam", Stage.NURTURE, ["rita"])
    assert lapsed(taken).stage is Stage.NURTURE


def test_a_reopened_lead_begins_a_round_of_its_own() -> None:
    state = lead("over")
    back = walk(state, Arrived(at=state.since + 200 * DAY, known=Known(company=True)))
    assert (back.stage, back.round, back.tenures, back.contacted_at) == (Stage.NEW, 2, 0, None)
    assert back.tree_end == state.since + 202 * DAY
    assert [holder.rep for holder in back.holders] == ["rita"]
    high = answered(back, state.since + 200 * DAY, HIGH)
    routed = tick(high, state.since + 200 * DAY + 15 * MINUTE + MS)
    assert routed.routing is not None
    assert routed.routing.excluded == ()
