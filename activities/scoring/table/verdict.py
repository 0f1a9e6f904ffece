"""Whether a model may be used: `ready`, `weak` or `do not use`, and why, from numbers alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

FEWEST_OUTCOMES = 25
"""Successes, and failures, below which no model is made: the points table ranks better."""
FEW_OUTCOMES = 100
_POOR = 0.62
_CHANCE = 0.55
_FALLS = 0.1
_OFF = 0.03


class Verdict(StrEnum):
    """How far to trust a model."""

    READY = "ready"
    WEAK = "weak"
    DO_NOT_USE = "do not use"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and its reasons, each a sentence."""

    verdict: Verdict
    why: tuple[str, ...]


def judge(crossed: Mapping[str, Any], ahead: Mapping[str, Any] | None, moved: tuple[str, ...]) -> Judgement:
    """Judge a model by its validation.

    Args:
        crossed: metrics of rows foretold in folds.
        ahead: metrics forward in time; None without an order in time.
        moved: what drifts.
    """
    against = [*_useless(crossed, "on leads it did not know"), *(_useless(ahead, "on the newest leads") if ahead else [])]
    if against:
        return Judgement(Verdict.DO_NOT_USE, tuple(against))
    doubts = list(_doubts(crossed, ahead))
    if doubts:
        return Judgement(Verdict.WEAK, (*doubts, *moved))
    low, high = (ahead or crossed)["roc_auc_interval"]
    auc = (ahead or crossed)["roc_auc"]
    return Judgement(Verdict.READY, (f"It ranks leads it did not know with ROC AUC {auc:.3f} ({low:.3f} to {high:.3f}).", *moved))


def too_few(successes: int, failures: int) -> Judgement | None:
    """The verdict where there are too few outcomes to learn from; None where there are enough."""
    if min(successes, failures) >= FEWEST_OUTCOMES:
        return None
    which, count = ("successes", successes) if successes <= failures else ("failures", failures)
    return Judgement(
        Verdict.DO_NOT_USE,
        (f"There are {count:,} {which}; at least {FEWEST_OUTCOMES} are needed of either outcome. Until then score by the points table.",),
    )


def _useless(metrics: Mapping[str, Any], where: str) -> list[str]:
    low, high = metrics["roc_auc_interval"]
    if low <= 0.5:
        return [
            f"It does not rank better than chance {where}: ROC AUC {metrics['roc_auc']:.3f} ({low:.3f} to {high:.3f}) does not exclude .5."
        ]
    if metrics["roc_auc"] < _CHANCE:
        return [f"It ranks hardly better than chance {where}: ROC AUC {metrics['roc_auc']:.3f}, where .5 knows nothing."]
    if metrics["log_loss"] >= metrics["log_loss_base_rate"] * 0.999 and metrics["roc_auc"] < _POOR:
        return [
            f"Its probabilities are no better than saying the average to everybody {where}: log loss {metrics['log_loss']:.4f} "
            f"against {metrics['log_loss_base_rate']:.4f}."
        ]
    return []


def _doubts(crossed: Mapping[str, Any], ahead: Mapping[str, Any] | None) -> list[str]:
    doubts = []
    rarer = min(crossed["successes"], crossed["rows"] - crossed["successes"])
    if rarer < FEW_OUTCOMES:
        doubts.append(
            f"It was learned from {rarer:,} outcomes of the rarer kind; below {FEW_OUTCOMES} a model may change its mind with the next few."
        )
    if crossed["roc_auc"] < _POOR:
        doubts.append(f"It ranks only a little better than chance: ROC AUC {crossed['roc_auc']:.3f}.")
    if crossed["ece"] > crossed["ece_noise_floor"] + _OFF:
        doubts.append(f"Its probabilities miss by {crossed['ece']:.3f} on average, where chance explains {crossed['ece_noise_floor']:.3f}.")
    if ahead and ahead["roc_auc"] < crossed["roc_auc"] - _FALLS:
        doubts.append(
            f"Forward in time it does much worse (ROC AUC {ahead['roc_auc']:.3f}) than at random ({crossed['roc_auc']:.3f}): retrain often."
        )
    return doubts
