"""How good probabilities are, each number with what it would be by chance or how far to trust it."""

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float64]
Outcomes = npt.NDArray[np.int8]

TIERS = {"medium": 25.0, "high": 60.0}
"""The policy's default thresholds of a score."""
BINS = 15


def roc_auc(outcomes: Outcomes, scores: npt.NDArray[np.floating[Any]]) -> float:
    """The chance that a success was scored above a failure; .5 knows nothing."""
    won = int(outcomes.sum())
    lost = len(outcomes) - won
    if not won or not lost:
        return 0.5
    ranks = _ranks(scores)
    return float((ranks[outcomes == 1].sum() - won * (won + 1) / 2) / (won * lost))


def roc_auc_interval(outcomes: Outcomes, scores: npt.NDArray[np.floating[Any]], *, level: float = 0.95) -> tuple[float, float]:
    """Between which values the ROC AUC lies, by DeLong's variance."""
    won, lost = scores[outcomes == 1], scores[outcomes == 0]
    if len(won) < 2 or len(lost) < 2:
        return 0.0, 1.0
    auc = roc_auc(outcomes, scores)
    everyone = _ranks(scores)
    above = (everyone[outcomes == 1] - _ranks(won)) / len(lost)
    below = 1 - (everyone[outcomes == 0] - _ranks(lost)) / len(won)
    deviation = float(np.sqrt(above.var(ddof=1) / len(won) + below.var(ddof=1) / len(lost)))
    reach = NormalDist().inv_cdf(0.5 + level / 2) * deviation
    return max(0.0, auc - reach), min(1.0, auc + reach)


def _ranks(scores: npt.NDArray[np.floating[Any]]) -> Probabilities:
    """Places from 1 up; equals share the mean of theirs. scipy.stats has it too, and takes a second to load."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    found: Probabilities = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return found


def pr_auc(outcomes: Outcomes, scores: npt.NDArray[np.floating[Any]]) -> float:
    """Average precision; knows nothing at the rate of success. Ties count as one step."""
    order = np.argsort(-scores, kind="stable")
    hit = np.cumsum(outcomes[order], dtype=np.float64)
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    recall = hit[last] / max(1.0, hit[-1])
    return float(np.sum(np.diff(recall, prepend=0.0) * hit[last] / (last + 1)))


def losses(outcomes: Outcomes, probabilities: Probabilities) -> Probabilities:
    """What each row adds to the log loss."""
    clipped = np.clip(probabilities, 1e-7, 1 - 1e-7)
    found: Probabilities = -np.where(outcomes == 1, np.log(clipped), np.log1p(-clipped))
    return found


def log_loss(outcomes: Outcomes, probabilities: Probabilities) -> float:
    """How surprised the probabilities were by what came."""
    return float(losses(outcomes, probabilities).mean())


def brier(outcomes: Outcomes, probabilities: Probabilities) -> float:
    """The mean squared error of the probabilities."""
    return float(np.mean((probabilities - outcomes) ** 2))


def calibration_bins(outcomes: Outcomes, probabilities: Probabilities, bins: int = BINS) -> list[tuple[float, float, int]]:
    """Mean probability, rate of success and rows, in bins of equal size from the lowest probability up."""
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, len(order))) if len(part)]
    return [(float(probabilities[part].mean()), float(outcomes[part].mean()), len(part)) for part in parts]


def calibration_error(outcomes: Outcomes, probabilities: Probabilities) -> float:
    """By how much probabilities miss the rate of success on average (ECE)."""
    bins = calibration_bins(outcomes, probabilities)
    return sum(abs(said - came) * count for said, came, count in bins) / max(1, len(outcomes))


def calibration_noise(probabilities: Probabilities, *, seed: int, draws: int = 60) -> float:
    """The calibration error that probabilities would show if every one of them were true: chance alone."""
    chance = np.random.default_rng(seed)
    drawn = [calibration_error((chance.random(len(probabilities)) < probabilities).astype(np.int8), probabilities) for _ in range(draws)]
    return float(np.mean(drawn))


def lift_curve(outcomes: Outcomes, scores: npt.NDArray[np.floating[Any]], points: int = 50) -> list[tuple[float, float]]:
    """For shares of the rows, best first, the share of all successes among them."""
    hit = np.cumsum(outcomes[np.argsort(-scores, kind="stable")])
    shares = np.linspace(0, 1, points + 1)[1:]
    places = np.maximum(1, np.round(shares * len(outcomes)).astype(int)) - 1
    return [(float(share), float(hit[place] / max(1, hit[-1]))) for share, place in zip(shares, places, strict=True)]


def at_tiers(outcomes: Outcomes, scores: npt.NDArray[np.floating[Any]], tiers: Mapping[str, float] = TIERS) -> dict[str, dict[str, float]]:
    """For each tier's threshold of the score: the share of rows at or above it, their rate, its lift and the recall."""
    found = {}
    for tier, threshold in tiers.items():
        chosen = scores >= threshold
        rate = float(outcomes[chosen].mean()) if chosen.any() else 0.0
        found[tier] = {
            "from_score": threshold,
            "share": round(float(chosen.mean()), 4),
            "rate": round(rate, 4),
            "lift": round(rate / max(float(outcomes.mean()), 1e-9), 3),
            "recall": round(float(outcomes[chosen].sum() / max(1, outcomes.sum())), 4),
        }
    return found


def summary(outcomes: Outcomes, probabilities: Probabilities, scores: npt.NDArray[np.floating[Any]], *, seed: int) -> dict[str, Any]:
    """Everything above, as it stands in a report."""
    base = float(outcomes.mean())
    low, high = roc_auc_interval(outcomes, probabilities)
    return {
        "rows": len(outcomes),
        "successes": int(outcomes.sum()),
        "base_rate": round(base, 5),
        "roc_auc": round(roc_auc(outcomes, probabilities), 5),
        "roc_auc_interval": [round(low, 5), round(high, 5)],
        "pr_auc": round(pr_auc(outcomes, probabilities), 5),
        "log_loss": round(log_loss(outcomes, probabilities), 5),
        "log_loss_base_rate": round(log_loss(outcomes, np.full(len(outcomes), base)), 5),
        "brier": round(brier(outcomes, probabilities), 5),
        "ece": round(calibration_error(outcomes, probabilities), 5),
        "ece_noise_floor": round(calibration_noise(probabilities, seed=seed), 5),
        "tiers": at_tiers(outcomes, scores),
    }


def instability(expected: Sequence[float] | Probabilities, found: Sequence[float] | Probabilities) -> float:
    """Population stability index (PSI) of scores: below .1 the same, above .25 another population."""
    edges = np.unique(np.quantile(expected, np.linspace(0, 1, 11)[1:-1]))
    shares = [np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1) / max(1, len(values)) for values in (expected, found)]
    was, now = (np.maximum(share, 1e-4) for share in shares)
    return float(np.sum((now - was) * np.log(now / was)))
