"""Which boosters and which regression a model is made of, and how much each counts: found on rows that none of them knew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.special import expit

from activities.scoring.table import boosting
from activities.scoring.table.columns import Rows
from activities.scoring.table.linear import Labels, Vector
from activities.scoring.table.metrics import log_loss
from activities.scoring.table.model import mix

FEWEST_TO_CHOOSE = 150
"""Outcomes of the rarer kind below which both halves count the same: what did best on so few would be chance."""
_WEIGHTS = (0.5, 0.65, 0.8, 0.9, 1.0)
_HARDLY = 0.0003
_WORTH_A_SECOND = 0.001


@dataclass(frozen=True, slots=True)
class Blend:
    """What a model is made of.

    Args:
        boosters: the recipes used, with their shares of boosting; together 1.
        weight: of boosting, 0 to 1; the rest is the regression's.
        penalty: of the regression.
    """

    boosters: Mapping[str, float]
    weight: float
    penalty: float

    def evenly(self) -> "Blend":
        """The same with both halves alike, which is the safer scorer where things drift."""
        return Blend(self.boosters, 0.5, self.penalty)


@dataclass(frozen=True, slots=True)
class Foretold:
    """Log-odds of rows by models that did not know them.

    Args:
        boosted: by recipe.
        linear: by penalty.
        rounds: of boosting, by recipe.
    """

    boosted: Mapping[str, Vector]
    linear: Mapping[float, Vector]
    rounds: Mapping[str, int]

    def mixed(self, blend: Blend) -> Vector:
        """What a blend of them says."""
        boosted = np.sum([share * self.boosted[recipe] for recipe, share in blend.boosters.items()], axis=0)
        return mix(boosted, self.linear[blend.penalty], blend.weight)

    def at(self, rows: Rows) -> "Foretold":
        """The same for some of the rows."""
        return replace(
            self,
            boosted={recipe: margins[rows] for recipe, margins in self.boosted.items()},
            linear={penalty: margins[rows] for penalty, margins in self.linear.items()},
        )


def choose(found: Foretold, labels: Labels) -> Blend:
    """The blend that foretells best, of those that are hardly worse the one that costs least.

    One booster and the regression; a second booster only where it saves more than a trifle.

    Args:
        found: what each member foretold.
        labels: what came.
    """
    penalty = min(found.linear, key=lambda each: (round(_loss(found.linear[each], labels), 5), -each))
    rarer = min(labels.sum(), len(labels) - labels.sum())
    if rarer < FEWEST_TO_CHOOSE:
        steady = boosting.STEADY if boosting.STEADY in found.boosted else next(iter(found.boosted))
        return Blend({steady: 1.0}, 0.5, penalty)
    single = [_weighted({recipe: 1.0}, penalty, found, labels) for recipe in found.boosted]
    best = _cheapest(single)
    pairs = [_weighted({one: 0.5, two: 0.5}, penalty, found, labels) for one, two in combinations(sorted(found.boosted), 2)]
    pair = min(pairs, key=lambda each: each[1], default=None)
    return pair[0] if pair is not None and pair[1] < best[1] * (1 - _WORTH_A_SECOND) else best[0]


def each_by_others(found: Foretold, labels: Labels, fold: Rows) -> Vector:
    """Log-odds of every row by the blend that suits all other folds best, so that no row has a say in the blend it is judged by.

    Args:
        found: what each member foretold.
        labels: what came.
        fold: of each row.
    """
    margins = np.empty(len(labels))
    for number in np.unique(fold):
        own = fold == number
        blend = choose(found.at(np.flatnonzero(~own)), labels[~own])
        margins[own] = found.at(np.flatnonzero(own)).mixed(blend)
    return margins


def _weighted(boosters: Mapping[str, float], penalty: float, found: Foretold, labels: Labels) -> tuple[Blend, float]:
    """Some boosters with the weight against the regression that suits them best, and the log loss."""
    tried = []
    for weight in _WEIGHTS:
        blend = Blend(boosters, weight, penalty)
        tried.append((blend, _loss(found.mixed(blend), labels)))
    return min(tried, key=lambda each: each[1])


def _cheapest(tried: Sequence[tuple[Blend, float]]) -> tuple[Blend, float]:
    """The one whose trees are explained fastest, of those that are hardly worse than the best."""
    least = min(loss for _, loss in tried)
    cost = list(boosting.RECIPES)
    return min(
        (each for each in tried if each[1] <= least * (1 + _HARDLY)), key=lambda each: min(cost.index(name) for name in each[0].boosters)
    )


def _loss(margins: Vector, labels: Labels) -> float:
    return log_loss(labels, expit(margins))
