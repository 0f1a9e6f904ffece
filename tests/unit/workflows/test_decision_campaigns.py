"""Campaigns that branch, wait and end, and that nothing leaves after a person took the lead."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.ledger import state_document
from activities.nurture import hindrance
from models.lifecycle import Entry, EntryKind, LeadState, Send
from models.messages import Engage, Release, Sent
from models.policy import Caps, Policy, PolicyError
from models.worktime import inside_quiet_hours
from tests.unit.campaigns import ALL, PLAN, in_medium, is_sending, sending, steps
from tests.unit.leads import DAY, HOUR, MEDIUM, MINUTE, MS, START, claim, policy, run_clock_until, scored, tick, walk
from workflows.decision import decide, due_effects

RULES = policy("""
    deadlines: {nurture_stale: 300d, long_term_stale: 900d}
    nurture:
      caps: {per_week: 100}
      quiet_hours: null
      campaigns:
        welcome: {steps: [{after: 1h, email: welcome}]}
        medium:
          exit: {when: [demo_requested]}
          steps:
            - {after: 1d, email: guide}
            - {wait_for: {kinds: [pricing_view], at_most: 5d}, email: prices}
            - {after: 1d, if: {opened: true}, email: webinar}
            - {after: 0s, unless: {opened: true}, post: postcard}
      by_stage: {nurture: medium}
""")


def answered_with(state: LeadState, at: datetime, why: str | None = None, rules: Policy = RULES) -> LeadState:
    """The message under way was answered."""
    return decide(state, Sent(at=at, number=sending(state).number, sent=why is None, why=why), rules).state


def waiting() -> LeadState:
    """In the step that waits for a look at the prices."""
    state = in_medium(RULES)
    state = tick(state, state.since + DAY, RULES)
    return answered_with(state, state.since + DAY)


# --- waiting --------------------------------------------------------------------------------------------------------


def test_a_step_that_waits_is_due_as_soon_as_the_lead_does_it() -> None:
    state = waiting()
    at = state.since + 2 * DAY
    assert not is_sending(tick(state, at, RULES))
    heard = decide(state, Engage(at=at, kinds=("pricing_view",)), RULES).state
    assert sending(tick(heard, at, RULES)).template == "prices"


def test_a_step_that_waits_is_due_at_the_latest_after_its_time_and_not_for_something_else() -> None:
    state = waiting()
    due = state.nurture.next_at
    assert due == state.since + 6 * DAY
    other = decide(state, Engage(at=state.since + 2 * DAY, kinds=("webinar_attended",)), RULES).state
    assert other.nurture.next_at == due
    assert sending(tick(other, due, RULES)).template == "prices"


def test_what_happens_while_a_person_has_the_lead_counts_when_automation_goes_on() -> None:
    state = waiting()
    at = state.since + 2 * DAY
    taken = walk(state, claim(at), rules=RULES)
    heard = decide(taken, Engage(at=at + HOUR, kinds=("pricing_view",)), RULES).state
    assert (is_sending(tick(heard, at + 2 * HOUR, RULES)), heard.nurture.remaining) == (False, timedelta())
    back = walk(heard, Release(at=at + 3 * HOUR, rep="rita", note="n1"), rules=RULES)
    assert sending(tick(back, at + 3 * HOUR, RULES)).template == "prices"


# --- branching ------------------------------------------------------------------------------------------------------


def test_a_step_for_others_is_skipped_counts_against_no_cap_and_the_next_one_follows() -> None:
    state = waiting()
    state = tick(state, state.since + 6 * DAY, RULES)
    state = answered_with(state, state.since + 6 * DAY)
    branch = tick(state, state.since + 7 * DAY, RULES)
    counted = branch.nurture.sent
    decision = decide(branch, Sent(at=branch.since + 7 * DAY, number=sending(branch).number, sent=False, why="condition_unmet"), RULES)
    (entry,) = decision.entries
    assert (entry.kind, dict(entry.detail)["why"], dict(entry.detail)["step"]) == (EntryKind.STEP_SKIPPED, "condition_unmet", 2)
    assert decision.state.nurture.sent == counted[:-1]
    assert sending(tick(decision.state, branch.since + 7 * DAY, RULES)).template == "postcard"


# --- ending ---------------------------------------------------------------------------------------------------------


def test_a_campaign_ends_with_what_it_was_for_and_does_not_begin_again() -> None:
    state = waiting()
    at = state.since + 2 * DAY
    decision = decide(state, Engage(at=at, kinds=("demo_requested",)), RULES)
    assert dict(decision.entries[0].detail)["why"] == "exited"
    taken = walk(decision.state, claim(at + HOUR), rules=RULES)
    back = walk(taken, Release(at=at + 2 * HOUR, rep="rita", note="n1"), rules=RULES)
    log: list[Entry] = []
    run_clock_until(back, at + 60 * DAY, MEDIUM, RULES, log)
    assert (back.nurture.campaign, back.nurture.next_at, steps(log)) == ("medium", None, [])


def test_an_ending_takes_back_what_is_under_way() -> None:
    state = tick(in_medium(RULES), START + 4 * HOUR + MS + DAY, RULES)
    assert is_sending(state)
    assert not is_sending(decide(state, Engage(at=START + 2 * DAY, kinds=("demo_requested",)), RULES).state)


# --- how it is written ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("{email: guide}", "either after: or every:, or wait_for:"),
        ("{after: 1d, wait_for: {kinds: [reply], at_most: 1d}, email: guide}", "either after: or every:, or wait_for:"),
        ("{after: 1d, if: {}, email: guide}", "at least one of engaged:"),
        ("{after: 1d, if: {opened: true, within: 1d}, email: guide}", "within: belongs to engaged:"),
        ("{after: 1d, if: {engaged: []}, email: guide}", "at least one kind"),
        ("{after: 1d, if: {looked: true}, email: guide}", "looked"),
        ("{wait_for: {kinds: [reply]}, email: guide}", "at_most"),
        ("{every: 1d, if: {opened: true}, email: guide}", "cannot have if:"),
    ],
)
def test_a_step_that_cannot_be_meant_is_refused_with_the_reason(step: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        policy(f"nurture: {{campaigns: {{welcome: {{steps: [{step}]}}}}, by_stage: {{}}}}")


def test_kinds_that_are_waited_for_are_known() -> None:
    assert sorted(RULES.nurture.awaited) == ["demo_requested", "pricing_view"]
    assert not PLAN.nurture.awaited


# --- a claim at the same moment -------------------------------------------------------------------------------------


@dataclass
class Street:
    """One lead with its workflow, its row and its send lock, and everything that happens to it in some order.

    What the activity does is split where others may come in between: reading under the lock, handing over, writing down.
    """

    state: LeadState
    row: dict[str, Any] = field(default_factory=dict)
    lock: str | None = None
    granted: bool = False
    late: int = 0
    left: list[str] = field(default_factory=list)

    def commit(self) -> None:
        document = state_document(self.state)
        owed = {effect["number"] for effect in document["effects"]}
        self.row = {**document, "lead": self.state.lead_id, "stopping": False, "owes": owed}

    def sender(self, effect: Send) -> Any:
        """The activity; a generator whose every pause lets others in."""
        while self.lock:
            yield
        self.lock = "send"
        row = {**self.row, "owed": effect.number in self.row["owes"]}
        why = hindrance(row, effect)
        yield
        if why is None:
            self.late += self.granted
            self.left.append(effect.key)
        yield
        self.lock = None

    def claimer(self, at: datetime) -> Any:
        """The claim: decided at once, granted when the ledger has it, which takes the lock."""
        self.state = decide(self.state, claim(at), PLAN).state
        yield
        while self.lock:
            yield
        self.commit()
        self.granted = True


@pytest.mark.parametrize("block", range(10))
def test_a_thousand_orders_of_a_claim_and_a_message_let_nothing_leave_after_the_grant(block: int) -> None:
    ready = in_medium()
    at = ready.since + DAY
    under_way = tick(ready, at, PLAN)
    (effect,) = (effect for effect in due_effects(under_way, at) if isinstance(effect, Send))
    outcomes = set()
    for seed in range(100 * block, 100 * block + 100):
        chance = random.Random(seed)
        street = Street(under_way)
        street.commit()
        going = [street.sender(effect), street.claimer(at + MINUTE)]
        if chance.random() < 0.3:  # an earlier try that was cut off and is made again
            going.append(street.sender(effect))
        while going:
            one = chance.choice(going)
            if next(one, going) is going:
                going.remove(one)
        assert (street.late, street.granted, street.state.nurture.step) == (0, True, 0), seed
        outcomes.add(bool(street.left))
    assert outcomes == {True, False}


# --- quiet hours ----------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York", "Europe/Berlin"]),
    hours=st.integers(0, 24 * 366 * 2),
)
def test_a_touch_that_was_put_off_is_outside_of_quiet_hours_when_it_is_due(zone: str, hours: int) -> None:
    quiet = policy('nurture: {quiet_hours: "20:00-08:00"}').nurture.quiet
    assert quiet is not None
    at = datetime.fromisoformat("2027-06-01T00:00:00+00:00") + hours * HOUR  # two years, the leap day of 2028 among them
    ends = inside_quiet_hours(at, *quiet, zone)
    assert inside_quiet_hours(ends or at, *quiet, zone) is None


def test_a_whole_night_is_waited_for_on_leap_days_and_in_half_hour_zones() -> None:
    quiet = policy('nurture: {quiet_hours: "20:00-08:00"}').nurture.quiet
    assert quiet is not None
    evening = datetime.fromisoformat("2028-02-28T15:00:00+00:00")  # 20:30 in Kolkata
    assert inside_quiet_hours(evening, *quiet, "Asia/Kolkata") == datetime.fromisoformat("2028-02-29T02:30:00+00:00")
    spring = datetime.fromisoformat("2026-03-28T20:00:00+00:00")  # Berlin's clocks go forward in this night
    assert inside_quiet_hours(spring, *quiet, "Europe/Berlin") == datetime.fromisoformat("2026-03-29T06:00:00+00:00")


def test_the_cap_counts_over_all_campaigns() -> None:
    rules = RULES.model_copy(update={"nurture": RULES.nurture.model_copy(update={"caps": Caps(per_week=2)})})
    log: list[Entry] = []
    run_clock_until(scored(MEDIUM, rules=rules, consent=ALL), START + 30 * DAY, MEDIUM, rules, log)
    at = [entry.at for entry in log if entry.kind is EntryKind.NURTURE_STEP]
    assert len(at) > 2
    assert all(later - earlier >= 7 * DAY for earlier, later in zip(at, at[2:], strict=False))
