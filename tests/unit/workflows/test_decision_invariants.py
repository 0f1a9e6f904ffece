"""What must always hold, whatever happens in whatever order at whatever time."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.lifecycle import (
    Channel,
    ContactChannel,
    ContactOutcome,
    DispositionOutcome,
    FastLaneRule,
    Known,
    LeadState,
    ReviewOutcome,
    Role,
    Stage,
    TakesEffect,
)
from models.messages import (
    Arrived,
    Claim,
    Consent,
    Contact,
    Disposition,
    Engage,
    Enriched,
    Erase,
    Event,
    Hold,
    Override,
    PlaceFreed,
    PolicyChanged,
    Release,
    Rescore,
    Resume,
    Retime,
    Review,
    Routed,
    Scored,
    Sent,
    Standing,
    Tick,
)
from models.policy import Policy
from models.worktime import Away
from tests.unit.invariants import violations
from tests.unit.leads import (
    COMPRESSED,
    CRITERIA,
    DAY,
    DEFAULT,
    HOUR,
    MANAGER,
    MS,
    REP,
    START,
    WORKING_HOURS,
    World,
    lead,
)
from workflows.decision import decide, newborn, next_wake

POLICIES = {"default": DEFAULT, "compressed": COMPRESSED, "working hours": WORKING_HOURS}
REPS = st.sampled_from(["rita", "sam", "tom", "nobody-knows", ""])
NOTES = st.sampled_from(["n1", None])
NUMBERS = st.integers(0, 40)
SCORES = st.sampled_from([None, 0.0, 10.0, 24.9, 25.0, 40.0, 59.0, 60.0, 80.0, 100.0])


@st.composite
def absences(draw: st.DrawFn) -> tuple[Away, ...]:
    """Up to three absences round about now, some without an end."""
    starts = draw(st.lists(st.integers(-48, 96), max_size=3))
    lengths = [draw(st.sampled_from([1, 5, 24, 25, 200, None])) for _ in starts]
    return tuple(
        Away(START + start * HOUR, None if length is None else START + (start + length) * HOUR)
        for start, length in zip(starts, lengths, strict=True)
    )


STANDINGS = st.builds(
    Standing,
    roles=st.lists(st.sampled_from(Role), max_size=2).map(tuple),
    open=st.sampled_from([0, 24, 25]),
    today=st.sampled_from([0, 50]),
    away=absences(),
)
KNOWN = st.builds(
    Known,
    points=st.sampled_from([0.0, 60.0, 199.0, 200.0, 300.0]),
    company=st.booleans(),
    disqualified=st.booleans(),
    sql=st.booleans(),
    sal=st.booleans(),
    named_account=st.booleans(),
    engaged_at=st.sampled_from([None, START - DAY, START + DAY, START + 900 * DAY]),
)
CHANNELS = st.lists(st.sampled_from(Channel), max_size=3).map(tuple)
ZONES = st.sampled_from([None, "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Mars/Olympus"])
SOON = st.sampled_from([None, START, START + HOUR])

EVENTS: list[st.SearchStrategy[Event]] = [
    st.builds(Arrived, consent=CHANNELS, zone=ZONES, consultation=st.booleans(), known=KNOWN, interest=st.sampled_from([None, "crm"])),
    st.builds(Claim, rep=REPS, standing=st.just(REP) | STANDINGS),
    st.builds(Contact, rep=REPS, channel=st.sampled_from(ContactChannel), outcome=st.sampled_from(ContactOutcome), note=NOTES),
    st.builds(
        Disposition,
        actor=REPS,
        by_manager=st.booleans(),
        outcome=st.sampled_from(DispositionOutcome),
        criteria=st.sampled_from([{}, CRITERIA]),
        has_reason=st.booleans(),
    ),
    st.builds(Release, rep=REPS, note=NOTES),
    st.builds(
        Override,
        actor=REPS,
        standing=st.just(MANAGER) | STANDINGS,
        owner=st.none() | REPS,
        owner_standing=st.just(REP) | STANDINGS,
        stage=st.none() | st.sampled_from(Stage),
        note=NOTES,
    ),
    st.builds(Review, actor=st.just("rex"), outcome=st.sampled_from(ReviewOutcome)),
    st.builds(Hold, actor=st.just("mark")),
    st.builds(Resume, actor=st.just("mark")),
    st.builds(
        Engage,
        stirring=st.booleans(),
        rule=st.none() | st.sampled_from(FastLaneRule),
        occurred_at=st.sampled_from([None, START - DAY, START + HOUR]),
        known=st.none() | KNOWN,
    ),
    st.builds(Rescore, actor=st.sampled_from([None, "mark"])),
    st.builds(Consent, granted=CHANNELS, stopped=CHANNELS),
    st.builds(Retime, rep=REPS, away=absences()),
    st.just(PlaceFreed()),
    st.builds(
        PolicyChanged,
        version=st.integers(1, 4),
        document=st.just("{}"),
        takes_effect=st.sampled_from(TakesEffect),
        former=st.just(COMPRESSED.terms),  # no longer than what a lead may otherwise have to wait
    ),
    st.builds(Erase, actor=st.just("ada")),
    st.just(Tick()),
    st.builds(Enriched, number=NUMBERS, ok=st.booleans()),
    st.builds(Scored, number=NUMBERS, score=SCORES, known=st.none() | KNOWN),
    st.builds(
        Routed,
        number=NUMBERS,
        rep=st.none() | REPS,
        away=absences(),
        account_owner=st.booleans(),
        again_at=SOON,
    ),
    st.builds(Sent, number=NUMBERS, sent=st.booleans()),
]
WORLDS = st.builds(World, score=SCORES, known=st.none() | KNOWN, rep=st.none() | REPS, away=absences())
PAUSES = st.sampled_from([timedelta(), MS, timedelta(seconds=3), timedelta(minutes=10), HOUR, 13 * HOUR, DAY, 10 * DAY, 100 * DAY])
MOMENTS = st.sampled_from(["later", "just before", "when due", "due to the millisecond", "earlier"])


def _moment(data: st.DataObject, now: datetime, state: LeadState, rules: Policy) -> datetime:
    due = next_wake(state, rules) or now
    match data.draw(MOMENTS):
        case "just before":
            return max(now, due - 2 * MS)
        case "when due":
            return max(now, due)
        case "due to the millisecond":
            return max(now, due - MS)
        case "earlier":
            return now - data.draw(PAUSES)
        case _:
            return now + data.draw(PAUSES)


@pytest.mark.timeout(600)  # of which it needs a few seconds, unless it has to find the smallest example of a failure
@pytest.mark.parametrize("rules", POLICIES.values(), ids=POLICIES)
@settings(max_examples=120)
@given(data=st.data())
def test_random_events_at_random_times_never_break_a_promise(rules: Policy, data: st.DataObject) -> None:
    state, now = newborn("lead", START, rules), START
    event = data.draw(EVENTS[0])
    for _ in range(data.draw(st.integers(1, 25))):
        decision = decide(state, event, rules)
        assert violations(state, decision, event, rules) == []
        state, now = decision.state, max(now, event.at)
        if data.draw(st.booleans()):
            world = data.draw(WORLDS)
            for effect in state.effects[:1]:
                answer = world.answer(effect, now)
                decision = decide(state, answer, rules)
                assert violations(state, decision, answer, rules) == []
                state = decision.state
        # one_of over strategies of one type each, so that every kind of event is as likely as any other
        event = data.draw(st.one_of(EVENTS)).model_copy(update={"at": _moment(data, now, state, rules)})


@pytest.mark.parametrize("rules", POLICIES.values(), ids=POLICIES)
@settings(max_examples=40)
@given(data=st.data())
def test_a_decision_leaves_the_lead_it_was_given_as_it_was(rules: Policy, data: st.DataObject) -> None:
    state = lead(data.draw(st.sampled_from(["new", "claimed", "assigned", "working", "nurture", "disqualified"])))
    copy = replace(state)
    for strategy in EVENTS:
        event = data.draw(strategy).model_copy(update={"at": state.since + data.draw(PAUSES)})
        assert decide(state, event, rules) == decide(copy, event, rules)
        assert state == copy
