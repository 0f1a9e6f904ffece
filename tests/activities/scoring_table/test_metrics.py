import numpy as np
import pytest

from activities.scoring.table import metrics
from activities.scoring.table.calibration import recalibrated
from activities.scoring.table.verdict import Verdict, judge, too_few

LABELS = np.array([0, 0, 1, 1, 0, 1], dtype=np.int8)
SCORES = np.array([0.1, 0.4, 0.4, 0.8, 0.3, 0.9])


def test_the_roc_auc_is_the_share_of_pairs_ranked_rightly() -> None:
    pairs = [(won > lost) + 0.5 * (won == lost) for won in SCORES[LABELS == 1] for lost in SCORES[LABELS == 0]]
    assert metrics.roc_auc(LABELS, SCORES) == pytest.approx(np.mean(pairs))


def test_its_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    chance = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        labels = (chance.random(300) < 0.4).astype(np.int8)
        low, high = metrics.roc_auc_interval(labels, labels * 1.0 + chance.normal(size=300))
        held += low <= 0.7602 <= high  # of two normals one apart
    assert 180 <= held <= 198


def test_average_precision_of_a_perfect_and_of_an_ignorant_ranking() -> None:
    assert metrics.pr_auc(LABELS, LABELS.astype(float)) == 1
    assert metrics.pr_auc(LABELS, np.zeros(6)) == 0.5


def test_true_probabilities_miss_by_no_more_than_chance() -> None:
    chance = np.random.default_rng(2)
    said = chance.beta(1, 4, 5_000)
    came = (chance.random(5_000) < said).astype(np.int8)
    assert metrics.calibration_error(came, said) < 1.6 * metrics.calibration_noise(said, seed=3)
    assert metrics.calibration_error(came, np.minimum(said * 1.5, 1)) > 4 * metrics.calibration_noise(said, seed=3)


def test_scores_that_moved_are_unstable_and_others_not() -> None:
    chance = np.random.default_rng(4)
    was = chance.normal(size=3_000)
    assert metrics.instability(was, chance.normal(size=2_000)) < 0.05
    assert metrics.instability(was, chance.normal(1, size=2_000)) > 0.25


def test_the_newest_outcomes_correct_the_level() -> None:
    chance = np.random.default_rng(5)
    margins = chance.normal(size=5_000)
    labels = (chance.random(5_000) < 1 / (1 + np.exp(-margins - np.where(np.arange(5_000) >= 4_000, 1.0, 0.0)))).astype(np.int8)
    found = recalibrated(margins, labels, np.arange(5_000))
    assert found.intercept == pytest.approx(1.0, abs=0.2)
    assert found.slope == pytest.approx(1.0, abs=0.2)


def facts(auc: float, *, rows: int = 5_000, reach: float = 0.02, loss: float = 0.5, ece: float = 0.01) -> dict[str, object]:
    return {
        "rows": rows,
        "successes": rows // 4,
        "roc_auc": auc,
        "roc_auc_interval": [auc - reach, auc + reach],
        "log_loss": loss,
        "log_loss_base_rate": 0.56,
        "ece": ece,
        "ece_noise_floor": 0.008,
    }


@pytest.mark.parametrize(
    ("crossed", "ahead", "verdict"),
    [
        (facts(0.8), None, Verdict.READY),
        (facts(0.8), facts(0.78), Verdict.READY),
        (facts(0.8), facts(0.65), Verdict.WEAK),
        (facts(0.8), facts(0.51), Verdict.DO_NOT_USE),
        (facts(0.51), None, Verdict.DO_NOT_USE),
        (facts(0.54), None, Verdict.DO_NOT_USE),
        (facts(0.57, loss=0.5605), None, Verdict.DO_NOT_USE),
        (facts(0.6, loss=0.55), None, Verdict.WEAK),
        (facts(0.8, rows=200), None, Verdict.WEAK),
        (facts(0.8, ece=0.06), None, Verdict.WEAK),
    ],
)
def test_a_verdict_follows_from_the_numbers(crossed: dict[str, object], ahead: dict[str, object] | None, verdict: Verdict) -> None:
    judged = judge(crossed, ahead, ())
    assert judged.verdict is verdict
    assert judged.why


def test_twenty_five_outcomes_of_either_kind_are_enough_and_one_less_is_not() -> None:
    assert too_few(25, 25) is None
    assert too_few(24, 9_000) is not None
    assert too_few(9_000, 24) is not None
