"""What counts as an outcome, who may become champion, when a model is due, and when it drifts."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from activities.scoring import outcomes
from activities.scoring.governing import is_due
from activities.scoring.judging import Judged
from activities.scoring.learned.comparing import compare
from activities.scoring.outcomes import Life, against_the_score, history, outcome_of, ripeness
from activities.scoring.registry import ModelKind, obstacle
from activities.scoring.rescoring import matters
from activities.scoring.table import verdict
from activities.scoring.watching import Foretold, stability, watched
from models.lifecycle import Known, Stage, Tier
from tests.unit.leads import DAY, DEFAULT, HOUR, LOW, MS, START, policy, scored, tick
from workflows.schedules import schedules

NOW = START
RIPE = 30 * DAY


def life(number: int = 1, stage: Stage = Stage.WORKING, *, age: timedelta = 10 * DAY, **more: Any) -> Life:
    return Life(UUID(int=number), NOW - age, stage, **{"contacted_at": NOW - age, **more})


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (life(stage=Stage.WON, won_at=NOW), True),
        (life(stage=Stage.LOST), False),
        (life(stage=Stage.DISQUALIFIED, by_hand=True, contacted_at=None), False),
        (life(stage=Stage.DISQUALIFIED, contacted_at=None), None),
        (life(stage=Stage.DISQUALIFIED), False),
        (life(stage=Stage.LONG_TERM, age=400 * DAY, contacted_at=None), None),
        (life(stage=Stage.NURTURE, age=RIPE), False),
        (life(stage=Stage.NURTURE, age=RIPE - timedelta(seconds=1)), None),
        (life(stage=Stage.QUALIFIED, sql_at=NOW), None),
    ],
)
def test_an_outcome_is_a_success_a_failure_or_not_known_yet(found: Life, wanted: bool | None) -> None:
    assert outcome_of(found, "won", NOW, RIPE) is wanted


def test_where_the_policy_says_so_a_qualified_lead_is_a_success() -> None:
    assert outcome_of(life(stage=Stage.LOST, sql_at=NOW), "sql", NOW, RIPE) is True
    assert outcome_of(life(stage=Stage.LOST, sql_at=NOW), "won", NOW, RIPE) is False


def test_young_leads_are_waited_for_as_long_as_nine_of_ten_successes_took() -> None:
    won = [life(n, Stage.WON, age=200 * DAY, won_at=NOW - 200 * DAY + n * DAY) for n in range(1, 21)]
    assert ripeness(won, "won") == 19 * DAY
    assert ripeness(won[:9], "won") == 90 * DAY


def test_with_enough_old_outcomes_young_ones_are_left_out_whatever_came_of_them() -> None:
    old = [life(n, Stage.WON, age=200 * DAY, won_at=NOW - 190 * DAY) for n in range(outcomes.ENOUGH)]
    old += [life(1000 + n, Stage.LOST, age=200 * DAY) for n in range(outcomes.ENOUGH)]
    young = [life(5000 + n, Stage.LOST, age=DAY) for n in range(50)]
    found = history([*old, *young], "won", NOW)
    assert (len(found.examples), found.successes) == (200, 100)
    assert len(history([*old[1:], *young], "won", NOW).examples) == 249


def test_overrides_and_explorations_are_counted_apart() -> None:
    low = [
        life(1, tier=Tier.LOW, how="claimed", won_at=NOW),
        life(2, tier=Tier.LOW, how="overridden"),
        life(3, tier=Tier.LOW, how="claimed", explored=True, won_at=NOW),
        life(4, tier=Tier.HIGH, how="claimed", won_at=NOW),
        life(5, tier=Tier.LOW, how="assigned", won_at=NOW),
    ]
    found = against_the_score(low, "won")
    assert (found.claimed, found.claimed_successes, found.explored, found.explored_successes) == (2, 1, 1, 1)


def test_fewer_outcomes_than_the_engine_wants_are_no_history() -> None:
    assert outcomes.FEWEST == verdict.FEWEST_OUTCOMES
    some = [life(n, Stage.WON if n % 2 else Stage.LOST, won_at=NOW if n % 2 else None) for n in range(2 * outcomes.FEWEST)]
    enough, few = history(some, "won", NOW), history(some[1:], "won", NOW)
    assert (is_due(enough, DEFAULT, NOW, None), is_due(few, DEFAULT, NOW, None)) == (True, False)
    assert not is_due(enough, DEFAULT, NOW, (NOW - 6 * DAY, 40))
    assert is_due(enough, DEFAULT, NOW, (NOW - 7 * DAY, 40))
    assert not is_due(enough, DEFAULT, NOW, (NOW - 30 * DAY, 50))
    eager = policy("score: {retrain_outcomes: 10}")
    assert is_due(enough, eager, NOW, (NOW - 2 * DAY, 40))
    assert not is_due(enough, eager, NOW, (NOW - DAY / 2, 40))


@dataclass
class Row:
    version: str = "m2"
    kind: str = ModelKind.HISTORY.value
    usable: bool = True
    verdict: str | None = "ready"
    why: list[str] = field(default_factory=lambda: ["Why."])
    compared: dict[str, Any] | None = field(
        default_factory=lambda: {"against": "points", "better": True, "why": "the gain lies between 0.1000 and 0.2000"}
    )
    promoted_at: Any = None


def test_only_what_is_better_than_the_champion_takes_over() -> None:
    found = Row()
    assert obstacle(found, "points") is None
    assert "m1 scores now" in (obstacle(found, "m1") or "")
    worse = replace(found, compared={"against": "points", "better": False, "why": "the gain lies between -0.1000 and 0.2000"})
    assert "between -0.1000 and 0.2000" in (obstacle(worse, "points") or "")
    assert "do not use" in (obstacle(replace(found, verdict="do not use"), "points") or "")
    assert obstacle(replace(found, usable=False), "points")
    assert obstacle(replace(worse, promoted_at=NOW), "m1") is None
    unmeasured = replace(found, compared=None)
    assert obstacle(unmeasured, "points")
    assert obstacle(replace(unmeasured, kind=ModelKind.INSTALLED.value), "points") is None
    assert obstacle(replace(unmeasured, kind=ModelKind.INSTALLED.value), "m1")


def test_a_paired_bootstrap_tells_better_from_alike_and_from_worse() -> None:
    chance = np.random.default_rng(1)
    truth = chance.uniform(0.05, 0.95, 600)
    labels = (chance.random(600) < truth).astype(np.int8)
    blurred = np.full(600, truth.mean())
    better, alike, worse = (
        compare(labels, mine, theirs, "points", "", seed=1)
        for mine, theirs in ((truth, blurred), (truth, np.clip(truth + 0.001, 0, 1)), (blurred, truth))
    )
    assert better is not None
    assert alike is not None
    assert worse is not None
    assert (better.better, alike.better, worse.better) == (True, False, False)
    assert better.gain_interval[0] > 0 > worse.gain_interval[1]
    assert "so it is better" in better.why
    assert "does not exclude" in alike.why
    assert compare(labels[:30], truth[:30], blurred[:30], "points", "", seed=1) is None


def test_drift_is_told_of_scores_that_shift_and_of_successes_that_do_not_come() -> None:
    spread = [number / 10 for number in range(11)]
    even = [(number + 0.5) / 200 for number in range(200)]
    assert stability(spread, even) < 0.01
    assert stability(spread, [0.9] * 200) > 0.25
    lost = [Foretold(life(n, Stage.LOST, age=60 * DAY), 0.5) for n in range(200)]
    found = watched(lost, spread, "won", NOW, RIPE)
    assert found["judged"] == 200
    assert len(found["why"]) == 2
    assert (found["periods"][0]["expected"], found["periods"][0]["observed"], found["periods"][0]["off"]) == (100.0, 0, True)
    as_said = [
        Foretold(life(n, Stage.WON if n % 10 < int(10 * p) else Stage.LOST, age=60 * DAY, won_at=NOW if n % 10 < int(10 * p) else None), p)
        for n, p in enumerate(even)
    ]
    assert [reason for reason in watched(as_said, spread, "won", NOW, RIPE)["why"] if "PSI" in reason] == []
    assert watched(lost[:20], spread, "won", NOW, RIPE)["why"] == []


def judged(score: float, **row: Any) -> Judged:
    return Judged(Known(), score, None, "points", [], {}, {"stage": "nurture", "tier": "medium", "score": 30.0, **row})


def test_only_leads_to_whom_a_new_score_matters_are_woken() -> None:
    assert not matters(judged(30.4), DEFAULT)
    assert matters(judged(30.5), DEFAULT)
    assert matters(judged(20.0), DEFAULT)
    assert matters(judged(30.0, tier=None), DEFAULT)
    assert matters(judged(30.0, stage="long_term"), DEFAULT)
    assert not matters(judged(40.0), DEFAULT, only_tiers=True)
    assert matters(judged(24.0), DEFAULT, only_tiers=True)


def test_a_share_of_low_leads_is_looked_at_by_chance_and_the_same_ones_every_time() -> None:
    exploring = policy("score: {explore: 0.25}\nreview: {when: []}")
    found = [_window(exploring, f"{number:032x}") for number in range(400)]
    assert found == [_window(exploring, f"{number:032x}") for number in range(400)]
    assert 70 <= found.count(Stage.REVIEW) <= 130
    assert set(found) == {Stage.REVIEW, Stage.LONG_TERM}
    never = policy("review: {when: []}")
    assert {_window(never, f"{number:032x}") for number in range(50)} == {Stage.LONG_TERM}


def _window(rules: Any, name: str) -> Stage:
    """Where a low lead goes when its claim window closes."""
    return tick(replace(scored(LOW, rules=rules), lead_id=name), START + 24 * HOUR + MS, rules).stage


def test_what_happens_by_the_clock_is_told_by_task_queue() -> None:
    found = schedules("twoway", digest="0 7 * * MON")
    assert {name for name, plan in found.items() if plan} == {"twoway-model-care", "twoway-nightly-rescore", "digest-twoway"}
    assert found["twoway-refresh"] is None
