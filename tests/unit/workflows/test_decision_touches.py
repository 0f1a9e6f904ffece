"""When a message of a campaign may go out, and to whom: quiet hours, the weekly cap, consent."""

from datetime import UTC, datetime

import pytest

from models.lifecycle import Channel, Entry, EntryKind, Stage
from models.messages import Arrived, Consent, Override
from models.policy import Policy
from tests.unit.campaigns import ALL, PLAN, in_medium, is_sending, steps
from tests.unit.leads import (
    DAY,
    DEFAULT,
    HOUR,
    MANAGER,
    MEDIUM,
    MINUTE,
    MS,
    START,
    World,
    arrive,
    kinds,
    lead,
    policy,
    run_clock_until,
    scored,
    tick,
    walk,
)
from workflows.decision import decide

# --- when it may go out ---------------------------------------------------------------------------------------------

NIGHT = policy("""
    deadlines: {nurture_stale: 300d}
    nurture:
      caps: {per_week: 100}
      campaigns: {medium: {steps: [{after: 1h, email: guide}]}}
      by_interest: {default: medium}
      by_stage: {nurture: medium}
""")


def goes_out(at: datetime, zone: str | None, rules: Policy = NIGHT) -> datetime:
    """When a message goes out that is due at this moment."""
    log: list[Entry] = []
    state = arrive(at - HOUR, rules=rules, zone=zone)
    run_clock_until(state, at + 2 * DAY, World(40.0), rules, log)
    return next(entry.at for entry in log if entry.kind is EntryKind.NURTURE_STEP)


@pytest.mark.parametrize(
    ("due", "out"),
    [("19:59", "19:59"), ("20:00", "08:00+1"), ("23:30", "08:00+1"), ("03:00", "08:00"), ("07:59", "08:00"), ("08:00", "08:00")],
)
def test_quiet_hours_pass_midnight_and_end_on_the_minute(due: str, out: str) -> None:
    day = datetime(2026, 3, 3, tzinfo=UTC)
    expected = day.replace(hour=int(out[:2]), minute=int(out[3:5])) + DAY * out.endswith("+1")
    assert goes_out(day.replace(hour=int(due[:2]), minute=int(due[3:])), None) == expected


@pytest.mark.parametrize(
    ("zone", "out"),
    [
        ("Asia/Kathmandu", datetime(2026, 3, 3, 12, 0, tzinfo=UTC)),
        ("America/Los_Angeles", datetime(2026, 3, 3, 16, 0, tzinfo=UTC)),
        ("Mars/Olympus", datetime(2026, 3, 3, 12, 0, tzinfo=UTC)),
    ],
)
def test_quiet_hours_are_the_lead_s_own_and_the_policy_s_where_nobody_knows_them(zone: str, out: datetime) -> None:
    assert goes_out(datetime(2026, 3, 3, 12, 0, tzinfo=UTC), zone) == out


@pytest.mark.parametrize(
    ("evening", "out"),
    [
        (datetime(2026, 3, 27, 21, 0, tzinfo=UTC), datetime(2026, 3, 28, 7, 0, tzinfo=UTC)),
        (datetime(2026, 3, 28, 21, 0, tzinfo=UTC), datetime(2026, 3, 29, 6, 0, tzinfo=UTC)),
        (datetime(2026, 10, 24, 21, 0, tzinfo=UTC), datetime(2026, 10, 25, 7, 0, tzinfo=UTC)),
    ],
    ids=["winter", "spring forward", "fall back"],
)
def test_quiet_hours_end_at_eight_by_the_clock_on_the_wall(evening: datetime, out: datetime) -> None:
    assert goes_out(evening, "Europe/Berlin") == out


def test_the_weekly_cap_counts_over_all_campaigns_and_frees_when_a_week_has_passed() -> None:
    rules = policy("""
        nurture:
          caps: {per_week: 3}
          quiet_hours: null
          campaigns:
            welcome: {steps: [{after: 1h, email: a}, {after: 1h, email: b}]}
            medium: {steps: [{after: 1h, email: c}, {after: 1h, email: d}, {after: 1h, email: e}]}
          by_stage: {nurture: medium}
    """)
    log: list[Entry] = []
    run_clock_until(scored(MEDIUM, rules=rules), START + 20 * DAY, MEDIUM, rules, log)
    assert steps(log) == [("a", "03-02 10:00"), ("b", "03-02 11:00"), ("c", "03-02 14:00"), ("d", "03-09 10:00"), ("e", "03-09 11:00")]


# --- leave ----------------------------------------------------------------------------------------------------------


def test_a_channel_without_consent_is_skipped_with_its_reason_and_the_next_step_follows_in_time() -> None:
    log: list[Entry] = []
    run_clock_until(in_medium(consent=(Channel.EMAIL, Channel.POST)), START + 30 * DAY, MEDIUM, PLAN, log)
    assert steps(log) == [("guide", "03-03 13:00"), ("no_consent", "03-06 13:00"), ("postcard", "03-10 13:00")]


def test_consent_given_later_opens_the_channel() -> None:
    state = walk(in_medium(consent=()), Consent(at=START + 5 * HOUR, granted=(Channel.SMS,)), rules=PLAN)
    log: list[Entry] = []
    run_clock_until(state, START + 30 * DAY, MEDIUM, PLAN, log)
    assert [what for what, _ in steps(log)] == ["no_consent", "check-in", "no_consent"]


def test_an_unsubscribe_stops_the_message_under_way_and_every_later_one_for_good() -> None:
    state = tick(in_medium(), START + 4 * HOUR + MS + DAY, PLAN)
    moment = START + 30 * HOUR
    assert is_sending(state)
    stopped = walk(state, Consent(at=moment, stopped=(Channel.EMAIL, Channel.POST)), rules=PLAN)
    assert not is_sending(stopped)
    again = walk(stopped, Consent(at=moment + HOUR, granted=ALL), rules=PLAN)
    log: list[Entry] = []
    run_clock_until(again, START + 30 * DAY, MEDIUM, PLAN, log)
    assert [what for what, _ in steps(log)] == ["check-in", "unsubscribed"]


def test_an_unsubscribe_holds_when_the_lead_comes_again() -> None:
    gone = lead("new")
    gone = walk(gone, Consent(at=START + MINUTE, stopped=(Channel.EMAIL,)))
    gone = walk(gone, Override(at=START + MINUTE, actor="mona", standing=MANAGER, stage=Stage.DISQUALIFIED, note="n1"))
    gone = tick(gone, START + 91 * DAY)
    back = walk(gone, Arrived(at=START + 100 * DAY, consent=ALL), rules=PLAN)
    log: list[Entry] = []
    run_clock_until(back, START + 101 * DAY, World(10.0), PLAN, log)
    assert [what for what, _ in steps(log)] == ["unsubscribed"]


def test_an_unsubscribe_leaves_a_sales_stage_as_it_is_and_tells_the_owner() -> None:
    state = lead("working")
    decision = decide(state, Consent(at=state.since + HOUR, stopped=(Channel.EMAIL,)), DEFAULT)
    assert (decision.state.stage, decision.state.deadline) == (Stage.WORKING, state.deadline)
    assert [notice.user for notice in decision.entries[-1].notices] == ["rita"]
    again = decide(decision.state, Consent(at=state.since + 2 * HOUR, stopped=(Channel.EMAIL,)), DEFAULT)
    assert kinds(again.entries) == []
