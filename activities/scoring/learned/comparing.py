"""Whether a challenger is better than the champion: on the same newest leads, by a paired bootstrap.

Both are asked about the same leads, and leads are drawn with replacement 1,000 times; what gains in 39 of 40 drawings is better
(Efron & Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13: the percentile interval). The points table says no probabilities;
what it would say is fitted to its points by a logistic regression, on older leads where there are enough.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from activities.scoring.table.encoding import Labels
from activities.scoring.table.linear import Vector, solve
from activities.scoring.table.metrics import losses, roc_auc
from models.schemas.models import Comparison

DRAWINGS = 1_000
MOST_ROWS = 4_000
"""The newest leads that are compared on."""
FEWEST = 25
"""Successes, and failures, without which nothing is compared."""
_REACH = (2.5, 97.5)


def points_as_chances(points: Vector, labels: Labels, old: npt.NDArray[np.bool_]) -> Vector:
    """What the points table would say if it said probabilities: a logistic fit to its points.

    Args:
        points: of each lead.
        labels: what came of it.
        old: the leads to fit on.
    """
    spread = np.log1p(np.maximum(points, 0.0))
    weights, intercept = solve(spread[old][:, None], labels[old].astype(np.float64), 1e-3)
    found: Vector = expit(spread * weights[0] + intercept)
    return found


def compare(labels: Labels, challenger: Vector, champion: Vector, against: str, how: str, *, seed: int) -> Comparison | None:
    """Compare two models on leads that the challenger did not know.

    Args:
        labels: what came of them, oldest first.
        challenger: the chances it said.
        champion: the chances the champion said.
        against: the champion's version.
        how: how the leads were kept from the challenger.
        seed: of the drawings.

    Returns:
        None where there are too few outcomes to tell.
    """
    labels, challenger, champion = labels[-MOST_ROWS:], challenger[-MOST_ROWS:], champion[-MOST_ROWS:]
    won = int(labels.sum())
    if min(won, len(labels) - won) < FEWEST:
        return None
    lost_by, lost_by_champion = losses(labels, challenger), losses(labels, champion)
    chance = np.random.default_rng(seed)
    gains, auc_gains = np.empty(DRAWINGS), np.empty(DRAWINGS)
    for number in range(DRAWINGS):
        drawn = chance.integers(0, len(labels), len(labels))
        gains[number] = (lost_by_champion[drawn] - lost_by[drawn]).mean()
        auc_gains[number] = roc_auc(labels[drawn], challenger[drawn]) - roc_auc(labels[drawn], champion[drawn])
    low, high = np.percentile(gains, _REACH)
    auc_low, auc_high = np.percentile(auc_gains, _REACH)
    auc, champion_auc = roc_auc(labels, challenger), roc_auc(labels, champion)
    better = bool(low > 0 and auc_high > 0)
    gain = float((lost_by_champion - lost_by).mean())
    return Comparison(
        against=against,
        rows=len(labels),
        successes=won,
        log_loss=_round(lost_by.mean()),
        champion_log_loss=_round(lost_by_champion.mean()),
        gain=_round(gain),
        gain_interval=(_round(low), _round(high)),
        roc_auc=_round(auc),
        champion_roc_auc=_round(champion_auc),
        auc_gain=_round(auc - champion_auc),
        auc_interval=(_round(auc_low), _round(auc_high)),
        better=better,
        why=_why(better, gain, (low, high), len(labels)),
        how=how,
    )


def _why(better: bool, gain: float, interval: tuple[float, float], rows: int) -> str:
    low, high = interval
    measured = f"On the newest {rows:,} outcomes its log loss is {abs(gain):.4f} {'lower' if gain >= 0 else 'higher'} than the champion's"
    if better:
        return f"{measured}; by a paired bootstrap the gain lies between {low:.4f} and {high:.4f}, so it is better."
    if low > 0:
        return f"{measured}, but it ranks worse."
    return f"{measured}; by a paired bootstrap the gain lies between {low:.4f} and {high:.4f}, which does not exclude that it is no better."


def _round(value: float) -> float:
    return round(float(value), 5)
