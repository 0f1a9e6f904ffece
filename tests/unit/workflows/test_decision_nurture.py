"""Campaigns: who is enrolled where, and that automation stops the instant a person takes the lead."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from models.lifecycle import Channel, Entry, LeadState, ReviewOutcome, Send, Stage
from models.messages import Arrived, Engage, Event, Hold, Override, Release, Resume, Review, Routed, Sent, Tick
from tests.unit.campaigns import PLAN, in_medium, is_sending, sending, steps
from tests.unit.leads import (
    DAY,
    HOUR,
    LOW,
    MANAGER,
    MEDIUM,
    MINUTE,
    MS,
    START,
    World,
    answered,
    arrive,
    claim,
    lead,
    rescored,
    run_clock_until,
    scored,
    tick,
    walk,
)
from workflows.decision import decide, next_wake

# --- enrolment ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("interest", "campaign"), [("cloud hosting", "cloud"), ("gardening", "welcome"), (None, "welcome")])
def test_a_lead_is_enrolled_by_its_interest(interest: str | None, campaign: str) -> None:
    assert arrive(rules=PLAN, interest=interest).nurture.campaign == campaign


def test_a_step_is_due_after_its_delay_and_not_before() -> None:
    state = scored(LOW, rules=PLAN)
    assert not is_sending(tick(state, START + HOUR - MS, PLAN))
    sent = sending(tick(state, START + HOUR, PLAN))
    assert (sent.key, sent.channel, sent.template) == ("welcome:0:0", Channel.EMAIL, "welcome")


def test_the_tier_moves_a_lead_to_the_campaign_of_its_stage() -> None:
    assert (in_medium().nurture.campaign, in_medium().nurture.next_at) == ("medium", START + 4 * HOUR + MS + DAY)
    assert run_clock_until(scored(LOW, rules=PLAN), START + DAY + MS, LOW, PLAN).nurture.campaign == "long-term"


def test_a_whole_campaign_is_sent_in_order_and_then_is_over() -> None:
    log: list[Entry] = []
    state = run_clock_until(in_medium(), START + 30 * DAY, MEDIUM, PLAN, log)
    assert steps(log) == [("guide", "03-03 13:00"), ("check-in", "03-06 13:00"), ("postcard", "03-10 13:00")]
    assert state.nurture.next_at is None


def test_a_disqualified_lead_is_sent_nothing() -> None:
    state = walk(
        in_medium(), Override(at=START + 5 * HOUR, actor="mona", standing=MANAGER, stage=Stage.DISQUALIFIED, note="n1"), rules=PLAN
    )
    log: list[Entry] = []
    run_clock_until(state, START + 80 * DAY, MEDIUM, PLAN, log)
    assert (state.nurture.campaign, steps(log)) == (None, [])


# --- a person takes the lead ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [1, 23])
def test_a_claim_pauses_the_campaign_and_a_hand_back_resumes_the_rest_of_the_delay(hours: int) -> None:
    state = in_medium()
    due = state.nurture.next_at
    assert due is not None
    taken = walk(state, claim(state.since + hours * HOUR), rules=PLAN)
    assert (taken.nurture.paused, taken.nurture.next_at, taken.nurture.remaining) == (True, None, due - taken.since)
    back = walk(taken, Release(at=taken.since + 20 * HOUR, rep="rita", note="n1"), rules=PLAN)
    assert (back.nurture.paused, back.nurture.step, back.nurture.next_at) == (False, 0, due + 20 * HOUR)


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_campaign_resumes_at_the_step_where_it_stopped(step: int) -> None:
    moment = START + 5 * HOUR + [0, 2, 5][step] * DAY
    state = run_clock_until(in_medium(), moment, MEDIUM, PLAN)
    assert state.nurture.step == step
    taken = walk(state, claim(moment), rules=PLAN)
    log: list[Entry] = []
    back = run_clock_until(taken, taken.since + DAY + MS, MEDIUM, PLAN)
    run_clock_until(back, back.since + 30 * DAY, MEDIUM, PLAN, log)
    assert [template for template, _ in steps(log)] == ["guide", "check-in", "postcard"][step:]


HANDS: dict[str, Callable[[datetime], list[Event]]] = {
    "claimed": lambda at: [claim(at)],
    "held": lambda at: [Hold(at=at, actor="mark")],
    "review": lambda at: [Override(at=at, actor="mona", standing=MANAGER, stage=Stage.REVIEW, note="n1")],
    "working": lambda at: [claim(at), Override(at=at, actor="mona", standing=MANAGER, stage=Stage.WORKING, note="n1")],
}


@pytest.mark.parametrize("hand", HANDS)
def test_nothing_is_sent_while_a_person_has_the_lead(hand: str) -> None:
    state = in_medium()
    taken = walk(state, *HANDS[hand](state.since + HOUR), rules=PLAN)
    assert taken.stage == hand
    log: list[Entry] = []
    assert taken.deadline is not None
    run_clock_until(taken, taken.deadline.at, World(silent=(Send,)), PLAN, log)
    assert (steps(log), taken.nurture.paused) == ([], True)


def test_a_claim_while_a_message_is_under_way_puts_the_step_back_under_the_same_key() -> None:
    state = in_medium()
    moment = state.since + DAY
    under_way = tick(state, moment, PLAN)
    key = sending(under_way).key
    taken = walk(under_way, claim(moment), rules=PLAN)
    assert (is_sending(taken), taken.nurture.step, taken.nurture.remaining) == (False, 0, timedelta())
    assert taken.nurture.sent == state.nurture.sent
    back = walk(taken, Release(at=moment + HOUR, rep="rita", note="n1"), Tick(at=moment + HOUR), rules=PLAN)
    assert sending(back).key == key
    assert decide(taken, Sent(at=moment, number=sending(under_way).number), PLAN).refusal is not None


def newsletters(state: LeadState, number: int) -> LeadState:
    """The lead while its newsletter of this number is under way."""
    moment = state.since
    for _ in range(200):
        if is_sending(state) and sending(state).template == "newsletter" and sending(state).occurrence == number:
            return state
        state = answered(state, moment, World(10.0), PLAN)
        moment = max(moment, next_wake(state, PLAN) or moment)
        state = tick(state, moment, PLAN)
    raise AssertionError(f"no newsletter {number}: {state.nurture}")


def test_a_repeating_step_is_a_new_message_each_time() -> None:
    state = run_clock_until(scored(LOW, rules=PLAN), START + DAY + MS, LOW, PLAN)
    keys = [sending(newsletters(state, number)).key for number in range(3)]
    assert keys == ["long-term:1:0", "long-term:1:1", "long-term:1:2"]


def test_a_repeating_step_put_back_by_a_claim_keeps_its_number() -> None:
    state = newsletters(run_clock_until(scored(LOW, rules=PLAN), START + DAY + MS, LOW, PLAN), 2)
    moment = state.nurture.sent[-1] + MINUTE
    back = walk(state, claim(moment), Release(at=moment + HOUR, rep="rita", note="n1"), Tick(at=moment + HOUR), rules=PLAN)
    assert sending(back).key == "long-term:1:2"
    again = newsletters(walk(back, Sent(at=moment + HOUR, number=sending(back).number), rules=PLAN), 3)
    assert sending(again).key == "long-term:1:3"


def test_a_single_step_put_back_by_a_claim_does_not_start_the_newsletters_anew() -> None:
    state = newsletters(run_clock_until(scored(LOW, rules=PLAN), START + DAY + MS, LOW, PLAN), 2)
    moment = state.nurture.sent[-1] + HOUR
    state = rescored(walk(state, Sent(at=moment, number=sending(state).number), rules=PLAN), 40.0, moment, rules=PLAN)
    under_way = tick(state, moment + DAY, PLAN)
    assert sending(under_way).template == "guide"
    taken = walk(under_way, claim(moment + DAY), Release(at=moment + DAY, rep="rita", note="n1"), rules=PLAN)
    assert taken.nurture.occurrence == 3
    low = walk(taken, Override(at=moment + DAY, actor="mona", standing=MANAGER, stage=Stage.LONG_TERM, note="n1"), rules=PLAN)
    assert sending(newsletters(low, 3)).key == "long-term:1:3"


def test_a_lead_that_comes_again_is_sent_its_first_messages_again() -> None:
    gone = lead("over")
    back = walk(gone, Arrived(at=gone.since + 200 * DAY, consent=(Channel.EMAIL,)), rules=PLAN)
    assert sending(tick(back, back.since + HOUR, PLAN)).key == "welcome:0:1"


# --- on the way -----------------------------------------------------------------------------------------------------


def test_a_message_that_could_not_be_sent_is_over_and_the_campaign_goes_on() -> None:
    state = tick(in_medium(), START + 4 * HOUR + MS + DAY, PLAN)
    failed = walk(state, Sent(at=state.since, number=sending(state).number, sent=False, why="bounced"), rules=PLAN)
    assert (failed.nurture.step, is_sending(failed)) == (1, False)


def test_a_promoted_lead_is_nurtured_until_a_rep_has_it_and_not_longer() -> None:
    state = in_medium()
    waiting = rescored(state, 80.0, state.since + DAY - MINUTE, rules=PLAN)
    assert waiting.routing is not None
    under_way = tick(waiting, state.since + DAY, PLAN)
    assert is_sending(under_way)
    assert under_way.routing is not None
    taken = walk(under_way, Routed(at=state.since + DAY, number=under_way.routing.number, rep="sam"), rules=PLAN)
    assert (taken.owner, is_sending(taken), taken.nurture.step) == ("sam", False, 0)


def test_a_reviewed_lead_starts_the_campaign_of_where_it_goes() -> None:
    state = run_clock_until(scored(World(60.0), rules=PLAN), START + 16 * MINUTE, World(60.0), PLAN)
    assert (state.stage, state.nurture.campaign, state.nurture.paused) == (Stage.REVIEW, "welcome", True)
    nurtured = walk(state, Review(at=START + HOUR, actor="rex", outcome=ReviewOutcome.NURTURE), rules=PLAN)
    assert (nurtured.nurture.campaign, nurtured.nurture.step, nurtured.nurture.paused) == ("medium", 0, False)


def test_engagement_does_not_disturb_the_campaign() -> None:
    state = in_medium()
    assert walk(state, Engage(at=state.since + HOUR, stirring=True), rules=PLAN).nurture == state.nurture
    held = walk(state, Hold(at=state.since + HOUR, actor="mark"), Resume(at=state.since + HOUR, actor="mark"), rules=PLAN)
    assert held.nurture == state.nurture
