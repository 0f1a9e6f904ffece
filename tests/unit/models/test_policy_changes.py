"""Two agreements compared, and thresholds solved from capacity."""

from datetime import UTC, date, datetime, timedelta

import pytest

from models.policy import Policy, changes, parse_policy
from models.policy.capacity import Measured, present, solve, worth_it
from models.policy.changes import LABELS
from models.worktime import Away

TODAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, tzinfo=UTC)
WEEKS = timedelta(weeks=4)


def policy(text: str = "") -> Policy:
    return parse_policy(text, today=TODAY)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("deadlines: {contact: 12h}", "First contact: 24 h → 12 h"),
        ("deadlines: {tree: 3d}", "Uncontacted leads go to marketing after: 48 h → 3 days"),
        ("deadlines: {claim_window: {high: 20m}}", "Claim window, high leads: 15 min → 20 min"),
        ("score: {tiers: {high: 62.5}}", "High from: 60 → 62.5"),
        ("fast_lane: {points: false}", "Leads with enough points go to sales: yes → no"),
        ("score: {points: {implicit: {page_view: 5, webinar_attended: 60, whitepaper_download: 50, pricing_view: 40, demo_view: 60}}}",
         "Points for each page view: 10 → 5"),
        ("contact_counts: [reached, left_message]", "What counts as contact: reached → reached, left_message"),
        ("tracking: {identify: false}", "tracking.identify: yes → no"),
        ("review: {band: 0.1}", "Near a threshold means within: 5% → 10%"),
        ("sql: {requires: {budget_usd: '>=10000', authority: true}}", "Qualified takes need: yes → not there"),
        ("claims: {per_rep_open: 7}", None),
    ],
)  # fmt: skip
def test_a_change_is_said_in_words(text: str, said: str | None) -> None:
    found = changes(policy(), policy(text))
    assert [change.text for change in found] == [said] if said else len(found) == 1


def test_what_says_the_same_has_no_changes_whatever_it_looks_like() -> None:
    assert changes(policy("deadlines: {contact: 24h}"), policy("# the same\ndeadlines:\n  contact: 1d")) == ()


def test_every_label_is_of_a_key_that_there_is() -> None:
    document = policy().model_dump(mode="json")
    for key in LABELS:
        found: object = document
        for part in key.split("."):
            assert isinstance(found, dict), key
            assert part in found, key
            found = found[part]


# --- capacity -------------------------------------------------------------------------------------------------------

CAPACITY = policy("score: {tiers: {mode: capacity, high_per_rep_per_week: 20}}")


def spread(leads: int = 400, capacity: float = 20, past: timedelta = WEEKS) -> Measured:
    """As many leads as this, evenly over the scores from 0 to 99.75."""
    best: dict[float, int] = {}
    for n in range(leads):
        score = int(n * 100 / leads * 2) / 2
        best[score] = best.get(score, 0) + 1
    return Measured(best, past, capacity, max(1, round(capacity / 20)))


@pytest.mark.parametrize(("capacity", "high"), [(20, 80), (40, 60), (10, 90), (60, 40)])
def test_as_many_leads_are_high_as_the_reps_can_take_on(capacity: float, high: float) -> None:
    found = solve(spread(capacity=capacity), CAPACITY.score.tiers)  # 100 leads a week: capacity of 20 is the best fifth
    assert (found.high, found.solved) == (high, True)
    assert found.expected == pytest.approx(capacity)
    assert found.medium == round(high * 25 / 60 * 2) / 2


@pytest.mark.parametrize("found", [spread(40), spread(past=timedelta(days=3)), Measured({50: 500}, WEEKS, 0, 0)], ids=str)
def test_too_little_to_go_by_leaves_the_agreed_thresholds(found: Measured) -> None:
    solution = solve(found, CAPACITY.score.tiers.solved(90, 40))
    assert (solution.high, solution.medium, solution.solved) == (60, 25, False)
    assert solution.why.startswith("The agreed thresholds hold")
    assert not worth_it(found, CAPACITY.score.tiers, solution)


def test_thresholds_do_not_flap_over_a_small_difference_but_follow_a_team_that_shrinks() -> None:
    tiers = CAPACITY.score.tiers.solved(80, 33)
    for capacity, gives_way in ((20, False), (22, False), (18, False), (10, True), (40, True)):
        found = spread(capacity=capacity)
        assert worth_it(found, tiers, solve(found, tiers)) is gives_way, capacity


def test_lead_poor_sales_get_everything_and_never_more_than_there_is() -> None:
    found = solve(spread(capacity=1000), CAPACITY.score.tiers)
    assert found.high == 1
    assert 0 <= found.medium < found.high


def test_whoever_is_away_for_part_of_the_week_counts_for_the_rest() -> None:
    day = timedelta(days=1)
    assert present([], AT) == 1
    assert present([Away(AT + day, AT + 3 * day), Away(AT + 2 * day, AT + 4.5 * day)], AT) == pytest.approx(0.5)
    assert present([Away(AT - day, None)], AT) == 0
    assert present([Away(AT - 9 * day, AT - day)], AT) == 1


def test_solved_thresholds_are_in_force_and_what_was_agreed_is_kept() -> None:
    before = CAPACITY.digest
    solved = CAPACITY.with_tiers(71, 29.5)
    assert (solved.tier(71), solved.tier(70.9), solved.tier(29.5)) == ("high", "medium", "medium")
    assert solved.digest != before == solved.agreed.digest == solved.with_tiers(50, 20).agreed.digest
    assert Policy.model_validate_json(solved.document).agreed == CAPACITY
    again = parse_policy(solved.document, today=TODAY)  # somebody edits what they read and sends it back
    assert again.digest == before
