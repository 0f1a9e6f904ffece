"""A new agreement and the leads in flight: running deadlines move now, or the stage ends under the terms it began under."""

from datetime import timedelta

import pytest

from models.lifecycle import ContactChannel, ContactOutcome, DeadlineKind, EntryKind, Kept, LeadState, Stage, TakesEffect, Tier
from models.messages import Claim, Contact, PolicyChanged, Release, Retime, Tick
from models.policy import Policy
from models.worktime import Away
from tests.unit.leads import DEFAULT, HOUR, MEDIUM, MS, REP, START, policy, scored, walk
from workflows.decision import decide

SHORT = policy("{review: {when: []}, deadlines: {contact: 2h, tree: 12h, claim_window: {medium: 1h}, next_touch: 1d}}", 2)
LONG = policy("{review: {when: []}, deadlines: {contact: 72h}}", 3)


def news(to: Policy, takes_effect: TakesEffect, former: Policy = DEFAULT, at: timedelta = 3 * HOUR) -> PolicyChanged:
    """A new agreement, as the workflow puts it to the tree."""
    document = to.model_dump_json()
    return PolicyChanged(at=START + at, version=to.version, document=document, takes_effect=takes_effect, former=former.terms)


def claimed() -> LeadState:
    return walk(scored(MEDIUM), Claim(at=START + HOUR, rep="rita", standing=REP))


def test_now_moves_the_running_deadline_to_where_the_new_agreement_has_it() -> None:
    state = walk(claimed(), news(SHORT, TakesEffect.NOW), rules=SHORT)
    assert state.deadline is not None
    assert (state.deadline.at, state.deadline_version) == (START + 3 * HOUR, 2)


def test_from_the_next_stage_on_leaves_the_running_deadline_where_it_was() -> None:
    before = claimed()
    decision = decide(before, news(SHORT, TakesEffect.NEXT_STAGE), SHORT)
    after = decision.state
    assert (after.deadline, after.tree_end, after.tier) == (before.deadline, before.tree_end, before.tier)
    assert (after.policy_version, after.deadline_version) == (2, 1)
    assert [(entry.kind, dict(entry.detail)) for entry in decision.entries] == [(EntryKind.POLICY_CHANGED, {"takes_effect": "next_stage"})]


@pytest.mark.parametrize(("late", "stage"), [(-MS, Stage.CLAIMED), (timedelta(), Stage.CLAIMED), (MS, Stage.NURTURE)])
def test_a_kept_deadline_holds_to_the_millisecond(late: timedelta, stage: Stage) -> None:
    state = walk(claimed(), news(SHORT, TakesEffect.NEXT_STAGE), rules=SHORT)
    assert walk(state, Tick(at=START + 25 * HOUR + late), rules=SHORT).stage is stage


def test_an_absence_moves_a_kept_deadline_under_the_terms_it_was_given() -> None:
    away = (Away(START + 10 * HOUR, START + 12 * HOUR),)
    state = walk(claimed(), news(SHORT, TakesEffect.NEXT_STAGE), Retime(at=START + 4 * HOUR, rep="rita", away=away), rules=SHORT)
    assert state.deadline is not None
    assert state.deadline.at == START + 27 * HOUR


def test_the_next_stage_begins_under_the_new_agreement() -> None:
    reached = Contact(at=START + 5 * HOUR, rep="rita", channel=ContactChannel.CALL, outcome=ContactOutcome.REACHED)
    state = walk(claimed(), news(SHORT, TakesEffect.NEXT_STAGE), reached, rules=SHORT)
    assert state.deadline is not None
    assert (state.stage, state.deadline.kind, state.deadline.at) == (Stage.WORKING, DeadlineKind.NEXT_TOUCH, START + 29 * HOUR)
    assert (state.kept, state.deadline_version) == (None, 2)


def test_a_lead_that_keeps_terms_keeps_the_same_ones_over_a_second_change() -> None:
    second = news(LONG, TakesEffect.NEXT_STAGE, SHORT, 4 * HOUR)
    state = walk(walk(claimed(), news(SHORT, TakesEffect.NEXT_STAGE), rules=SHORT), second, rules=LONG)
    assert (state.policy_version, state.kept) == (3, Kept(1, DEFAULT.terms))
    moved = walk(
        state, news(policy("deadlines: {contact: 48h}", 4), TakesEffect.NOW, LONG, 5 * HOUR), rules=policy("deadlines: {contact: 48h}", 4)
    )
    assert moved.deadline is not None
    assert (moved.kept, moved.deadline.at) == (None, START + 49 * HOUR)


def test_a_release_gives_the_lead_back_to_be_judged_by_the_new_thresholds_only_once_scored_again() -> None:
    strict = policy("{review: {when: []}, score: {tiers: {high: 95, medium: 90}}}", 2)
    state = walk(claimed(), news(strict, TakesEffect.NEXT_STAGE), rules=strict)
    assert state.tier is Tier.MEDIUM
    state = walk(state, Release(at=START + 4 * HOUR, rep="rita", note="n"), rules=strict)
    assert (state.tier, state.kept) == (Tier.MEDIUM, None)
