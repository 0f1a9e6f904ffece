"""The fast lane, and what a new score does to a lead that nobody owns."""

from datetime import timedelta

import pytest

from models.lifecycle import (
    DispositionOutcome,
    EntryKind,
    FastLaneRule,
    Known,
    LeadState,
    NoticeKind,
    RefusalReason,
    Score,
    Stage,
    Tier,
)
from models.messages import Engage, Enriched, PolicyChanged, Release, Rescore, Scored, Tick
from models.policy import Policy
from tests.unit.leads import (
    DAY,
    DEFAULT,
    HIGH,
    HOUR,
    KNOWN,
    LOW,
    MEDIUM,
    MINUTE,
    MS,
    START,
    World,
    answered,
    arrive,
    claim,
    concluded,
    kinds,
    lead,
    policy,
    reached,
    rescored,
    run_clock_until,
    scored,
    tick,
    walk,
)
from workflows.decision import decide, next_wake

# --- always pass to sales -------------------------------------------------------------------------------------------

ARRIVALS: dict[FastLaneRule, dict[str, object]] = {
    FastLaneRule.CONSULTATION: {"consultation": True},
    FastLaneRule.NAMED_ACCOUNT: {"known": Known(company=True, named_account=True)},
    FastLaneRule.SQL_CRITERIA: {"known": Known(company=True, sql=True)},
    FastLaneRule.POINTS: {"known": Known(company=True, points=200.0)},
}
SWITCHES = {
    FastLaneRule.CONSULTATION: "consultation_requested",
    FastLaneRule.NAMED_ACCOUNT: "named_accounts",
    FastLaneRule.SQL_CRITERIA: "sql_criteria",
    FastLaneRule.POINTS: "points",
}


def without(rule: FastLaneRule) -> Policy:
    """The default policy with one fast-lane rule switched off."""
    return policy(f"fast_lane: {{{SWITCHES[rule]}: false}}")


@pytest.mark.parametrize("rule", FastLaneRule)
def test_a_fast_lane_lead_skips_the_window_whatever_its_score(rule: FastLaneRule) -> None:
    state = arrive(**ARRIVALS[rule])  # type: ignore[arg-type]
    assert state.routing is not None
    assert (state.routing.rule, state.routing.why) == (rule, EntryKind.FAST_LANE)
    state = answered(state, START, World(5.0, rep="sam"))
    assert (state.stage, state.owner, state.fast_lane, state.mql_at) == (Stage.ASSIGNED, "sam", rule, START)


@pytest.mark.parametrize("rule", FastLaneRule)
def test_each_fast_lane_rule_can_be_switched_off(rule: FastLaneRule) -> None:
    rules = without(rule)
    state = arrive(rules=rules, **ARRIVALS[rule])  # type: ignore[arg-type]
    assert (state.routing, state.mql_at) == (None, None)
    nurtured = walk(lead("nurture"), Engage(at=START + DAY, rule=rule), rules=rules)
    assert nurtured.routing is None


@pytest.mark.parametrize("rule", FastLaneRule)
@pytest.mark.parametrize("name", ["new", "review", "held", "nurture", "long_term", "disqualified"])
def test_an_engagement_on_the_fast_lane_passes_an_unowned_lead_to_sales(name: str, rule: FastLaneRule) -> None:
    state = lead(name)
    moment = state.since + HOUR
    passed = answered(walk(state, Engage(at=moment, rule=rule)), moment, World(None, rep="sam"))
    assert (passed.stage, passed.owner, passed.fast_lane) == (Stage.ASSIGNED, "sam", rule)
    assert passed.home == (Stage.NEW if name == "held" else name)


@pytest.mark.parametrize(
    ("rule", "told"), [(FastLaneRule.CONSULTATION, NoticeKind.FAST_LANE), (FastLaneRule.NAMED_ACCOUNT, NoticeKind.NAMED_ACCOUNT)]
)
@pytest.mark.parametrize("name", ["claimed", "assigned", "working", "qualified"])
def test_an_owned_lead_on_the_fast_lane_stays_and_its_owner_is_told(name: str, rule: FastLaneRule, told: NoticeKind) -> None:
    state = lead(name)
    decision = decide(state, Engage(at=state.since + MINUTE, rule=rule), DEFAULT)
    assert (decision.state.stage, decision.state.owner) == (state.stage, "rita")
    assert [(notice.kind, notice.user) for notice in decision.entries[-1].notices] == [(told, "rita")]


@pytest.mark.parametrize(("points", "passed"), [(199.9, False), (200.0, True), (200.1, True)])
def test_points_pass_to_sales_from_the_agreed_threshold_on(points: float, passed: bool) -> None:
    state = rescored(lead("nurture"), 40.0, START + DAY, known=Known(company=True, points=points))
    assert (state.routing is not None) == passed


def test_a_fast_lane_lead_that_lapsed_is_not_passed_again_for_the_same_points() -> None:
    known = Known(company=True, points=220.0)
    state = answered(walk(lead("nurture"), Engage(at=START + DAY)), START + DAY)
    state = answered(rescored(state, 40.0, START + DAY, known=known), START + DAY, World(40.0, rep="rita"))
    back = tick(state, START + 2 * DAY + MS)
    assert (back.stage, back.routing) == (Stage.NURTURE, None)
    assert rescored(back, 40.0, START + 3 * DAY, known=known).routing is None
    assert rescored(back, 40.0, START + 3 * DAY, known=Known(company=True, points=221.0)).routing is not None


# --- promotion and demotion -----------------------------------------------------------------------------------------


def test_a_long_term_lead_whose_tier_rises_to_medium_moves_to_nurture() -> None:
    state = rescored(lead("long_term"), 25.0, START + 2 * DAY)
    assert (state.stage, state.nurture.campaign) == (Stage.NURTURE, "medium")
    assert rescored(lead("long_term"), 24.9, START + 2 * DAY).stage is Stage.LONG_TERM


@pytest.mark.parametrize("name", ["nurture", "long_term"])
def test_an_unowned_lead_that_scores_high_is_assigned(name: str) -> None:
    state = rescored(lead(name), 60.0, START + 2 * DAY)
    assert state.routing is not None
    assert (state.routing.why, state.routing.home) == (EntryKind.PROMOTED, name)
    assigned = answered(state, START + 2 * DAY, World(60.0, rep="sam"))
    assert (assigned.stage, assigned.owner, assigned.mql_at) == (Stage.ASSIGNED, "sam", START + 2 * DAY)
    assert rescored(lead(name), 59.9, START + 2 * DAY).routing is None


@pytest.mark.parametrize("name", ["claimed", "assigned", "working", "qualified", "new", "review", "held", "nurture"])
def test_a_falling_score_moves_nothing(name: str) -> None:
    state = lead(name)
    fallen = rescored(state, 0.0, state.since + MINUTE)
    assert (fallen.stage, fallen.owner, fallen.tier, fallen.routing) == (state.stage, state.owner, Tier.LOW, None)


@pytest.mark.parametrize("name", ["claimed", "assigned", "working", "qualified"])
def test_a_rising_score_takes_no_lead_away_from_its_owner(name: str) -> None:
    state = lead(name)
    risen = rescored(state, 100.0, state.since + MINUTE)
    assert (risen.stage, risen.owner, risen.routing, risen.tier) == (state.stage, "rita", None, Tier.HIGH)


# --- not again and again --------------------------------------------------------------------------------------------


def promoted_and_back(score: float = 70.0) -> LeadState:
    """A nurture lead that was promoted a day after arrival and handed back a day later."""
    state = answered(rescored(lead("nurture"), score, START + DAY), START + DAY, World(score))
    back = tick(state, START + 2 * DAY + MS)
    assert (back.stage, back.promoted_at, back.promoted_score) == (Stage.NURTURE, START + DAY, score)
    return back


@pytest.mark.parametrize(
    ("score", "after", "promoted"),
    [
        (70.0, 2 * DAY, False),
        (70.1, 2 * DAY, True),
        (65.0, 7 * DAY - MS, False),
        (65.0, 7 * DAY, True),
        (65.0, 7 * DAY + MS, True),
        (59.0, 20 * DAY, False),
    ],
)
def test_a_promoted_lead_is_promoted_again_only_above_its_score_or_after_seven_days(score: float, after: timedelta, promoted: bool) -> None:
    state = rescored(promoted_and_back(), score, START + DAY + after)
    assert (state.routing is not None) == promoted


def test_days_alone_do_not_promote_a_lead_that_is_about_to_be_let_go() -> None:
    state = promoted_and_back()
    assert state.deadline is not None
    gone = run_clock_until(state, state.deadline.at + MS, World(70.0))
    assert (gone.stage, gone.owner, gone.routing) == (Stage.LONG_TERM, None, None)
    risen = run_clock_until(state, state.deadline.at + MS, World(71.0))
    assert (risen.stage, risen.owner) == (Stage.ASSIGNED, "rita")


def test_a_last_look_that_finds_recent_engagement_keeps_the_lead() -> None:
    state = lead("nurture")
    assert state.deadline is not None
    seen = Known(company=True, engaged_at=state.since + 20 * DAY)
    kept = run_clock_until(state, state.deadline.at + MS, World(40.0, known=seen))
    assert kept.stage is Stage.NURTURE
    assert kept.deadline is not None
    assert kept.deadline.at == state.since + 50 * DAY


def test_a_lead_for_which_nobody_is_free_does_not_have_the_scorer_run_in_circles() -> None:
    nobody = World(80.0, rep=None)
    state = lead("nurture")
    assert state.deadline is not None
    log: list[object] = []
    waiting = run_clock_until(state, state.deadline.at + MS + 48 * HOUR, nobody, log=log)  # type: ignore[arg-type]
    assert waiting.stage is Stage.NURTURE
    assert waiting.routing is not None
    assert run_clock_until(waiting, state.deadline.at + 2 * MS + 48 * HOUR, nobody).stage is Stage.LONG_TERM


# --- disqualified leads ---------------------------------------------------------------------------------------------


def test_a_disqualified_lead_reopens_at_medium_when_it_has_engaged_since() -> None:
    state = lead("disqualified")
    engaged = walk(state, Engage(at=state.since + DAY))
    assert rescored(engaged, 40.0, state.since + 2 * DAY).stage is Stage.NURTURE
    assert rescored(engaged, 24.0, state.since + 2 * DAY).stage is Stage.DISQUALIFIED


def test_a_disqualified_lead_reopens_when_its_tier_rises_or_a_marketer_asks() -> None:
    state = lead("disqualified")
    assert rescored(state, 40.0, state.since + DAY).stage is Stage.NURTURE
    medium = walk(scored(MEDIUM), claim(START + MINUTE), reached(START + 2 * MINUTE))
    medium = walk(medium, concluded(DispositionOutcome.DISQUALIFIED, START + 3 * MINUTE))
    assert rescored(medium, 41.0, START + DAY).stage is Stage.DISQUALIFIED
    assert rescored(medium, 41.0, START + DAY, actor="mark").stage is Stage.NURTURE


def test_a_lead_that_a_rule_disqualifies_does_not_reopen_by_its_score() -> None:
    state = walk(lead("disqualified"), Engage(at=START + DAY))
    assert rescored(state, 90.0, START + DAY, known=Known(company=True, disqualified=True)).stage is Stage.DISQUALIFIED


def test_a_disqualified_lead_that_scores_high_is_nurtured_not_assigned() -> None:
    state = rescored(lead("disqualified"), 90.0, START + DAY)
    assert (state.stage, state.routing) == (Stage.NURTURE, None)


# --- debounce -------------------------------------------------------------------------------------------------------


def test_stirrings_within_five_minutes_are_one_score() -> None:
    state = lead("nurture")
    moment = state.since + HOUR
    for second in range(0, 300, 30):
        state = walk(state, Engage(at=moment + timedelta(seconds=second), stirring=True))
    assert (state.rescore_at, state.effects) == (moment + 5 * MINUTE, ())
    assert next_wake(state, DEFAULT) == moment + 5 * MINUTE
    assert tick(state, moment + 5 * MINUTE - MS).effects == ()
    due = tick(state, moment + 5 * MINUTE)
    assert [type(effect) for effect in due.effects] == [Score]
    assert due.rescore_at is None


def test_engagement_that_does_not_stir_asks_for_no_score() -> None:
    state = walk(lead("nurture"), Engage(at=START + DAY))
    assert (state.rescore_at, state.effects, state.engagements) == (None, (), 1)


def test_a_marketer_s_rescore_takes_the_place_of_the_debounced_one() -> None:
    state = walk(lead("nurture"), Engage(at=START + DAY, stirring=True), Rescore(at=START + DAY + MINUTE, actor="mark"))
    assert state.rescore_at is None
    assert [type(effect) for effect in state.effects] == [Score]


def test_only_the_latest_score_asked_for_is_heard() -> None:
    state = walk(lead("nurture"), Rescore(at=START + DAY), Rescore(at=START + DAY))
    late = decide(state, Scored(at=START + DAY, number=state.effect_number - 1, score=99.0), DEFAULT)
    assert late.refusal is not None
    assert late.refusal.reason is RefusalReason.STALE_ANSWER
    assert walk(state, Scored(at=START + DAY, number=state.effect_number, score=41.0)).score == 41.0


def test_enrichment_is_followed_by_a_score_even_when_it_failed() -> None:
    state = walk(arrive(), Enriched(at=START, number=1, ok=False))
    assert [type(effect) for effect in state.effects] == [Score]


def test_an_unchanged_score_writes_nothing() -> None:
    state = walk(lead("nurture"), Rescore(at=START + DAY))
    same = decide(state, Scored(at=START + DAY, number=state.effect_number, score=state.score, known=KNOWN), DEFAULT)
    assert kinds(same.entries) == []


def test_a_scorer_that_fails_leaves_the_decision_to_the_points() -> None:
    assert rescored(lead("nurture"), None, START + DAY, known=Known(company=True, points=90.0)).score == 45.0


def test_a_new_policy_judges_the_score_that_is_there_by_its_own_tiers() -> None:
    strict = policy("score: {tiers: {high: 95, medium: 90}}", version=2)
    state = walk(scored(MEDIUM), PolicyChanged(at=START + MINUTE, version=2, document=strict.model_dump_json()), rules=strict)
    assert (state.tier, state.policy_version) == (Tier.LOW, 2)
    assert state.deadline is not None
    assert state.deadline.at == START + 24 * HOUR


# --- MQL, SAL, SQL --------------------------------------------------------------------------------------------------


def test_the_funnel_s_stamps_are_set_once_and_kept() -> None:
    state = answered(rescored(lead("nurture"), 80.0, START + DAY), START + DAY, HIGH)
    assert (state.mql_at, state.sal_at, state.sql_at) == (START + DAY, None, None)
    state = walk(state, reached(START + DAY + HOUR), concluded(DispositionOutcome.QUALIFIED, START + DAY + 2 * HOUR))
    stamps = (START + DAY, START + DAY + HOUR, START + DAY + 2 * HOUR)
    assert (state.mql_at, state.sal_at, state.sql_at) == stamps
    state = walk(state, Release(at=START + 3 * DAY, rep="rita", note="n1"), claim(START + 4 * DAY))
    state = walk(state, reached(START + 4 * DAY), concluded(DispositionOutcome.QUALIFIED, START + 4 * DAY))
    state = rescored(walk(state, concluded(DispositionOutcome.DISQUALIFIED, START + 5 * DAY)), 100.0, START + 6 * DAY)
    assert (state.mql_at, state.sal_at, state.sql_at) == stamps


def test_a_claim_accepts_only_what_is_known_well_enough() -> None:
    unknown = Known(company=True, sal=False)
    state = walk(scored(LOW, known=unknown), claim(START + MINUTE), Tick(at=START + 2 * MINUTE))
    assert state.sal_at is None
    known = rescored(state, 10.0, START + 3 * MINUTE, known=KNOWN)
    assert walk(known, reached(START + HOUR)).sal_at == START + HOUR


def test_an_assignment_is_accepted_by_the_first_contact_not_before() -> None:
    state = lead("assigned")
    assert (state.sal_at, walk(state, reached(START + HOUR)).sal_at) == (None, START + HOUR)
