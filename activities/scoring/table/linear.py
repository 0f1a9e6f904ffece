"""Logistic regression on the encoded matrix: the half of the model that ranks while outcomes are few."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve as solve_linear
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import expit

Vector = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Matrix = npt.NDArray[np.float32]
_TINY = 1e-9
_MOST_STEPS = 30
_SMALL_STEP = 1e-4
_WIDE = 800
_ENOUGH = 1e-7
_BENDS = (0.1, 0.3, 0.5, 0.7, 0.9)
PENALTIES = (2.0, 10.0, 50.0, 250.0, 1000.0)
"""Strengths of the penalty on weights that are tried; the sum over rows stands against them."""


@dataclass(frozen=True, slots=True)
class Basis:
    """How features become the columns a line is drawn through.

    A yes or no stays what it is. A number is kept within its usual range and may bend at quantiles, since a line seldom fits. What is not
    known counts as the mean, and a column of its own says that it was not known.

    Args:
        low, high: each feature's usual range.
        bends: for each column of the basis beyond the features, its feature and the value it bends at; NaN for "is not known".
        mean, scale: of each column of the basis.
    """

    low: Vector
    high: Vector
    bends: tuple[tuple[int, float], ...]
    mean: Vector
    scale: Vector

    @classmethod
    def learn(cls, matrix: Matrix) -> "Basis":
        """The basis that suits a matrix."""
        low, high, bends = [], [], []
        for feature in range(matrix.shape[1]):
            values = matrix[:, feature]
            known = values[np.isfinite(values)].astype(np.float64)
            ends = np.quantile(known, (0.005, 0.995)) if len(known) else np.zeros(2)
            if len(known) and ends[0] == ends[1]:
                ends = np.array([known.min(), known.max()])
            low.append(ends[0])
            high.append(ends[1])
            if len(known) and len(np.unique(known[:2_000])) > 5:
                at = np.unique(np.quantile(known, _BENDS))
                bends += [(feature, float(value)) for value in at[(at > ends[0]) & (at < ends[1])]]
            if len(known) < len(values):
                bends.append((feature, float("nan")))
        raw = cls(np.array(low), np.array(high), tuple(bends), np.zeros(0), np.zeros(0))
        spread = raw._spread(matrix)
        mean = np.nanmean(np.where(np.isfinite(spread).any(axis=0), spread, 0), axis=0)
        scale = np.nanstd(np.where(np.isfinite(spread).any(axis=0), spread, 0), axis=0)
        return cls(raw.low, raw.high, raw.bends, mean, np.where(scale > _TINY, scale, np.inf))

    def apply(self, matrix: Matrix) -> Vector:
        """The standardised columns of a matrix; 0 is the mean."""
        found: Vector = np.nan_to_num((self._spread(matrix) - self.mean) / self.scale)
        return found

    @property
    def features(self) -> npt.NDArray[np.int64]:
        """For each column, the feature it comes from."""
        return np.array([*range(len(self.low)), *(feature for feature, _ in self.bends)], dtype=np.int64)

    def _spread(self, matrix: Matrix) -> Vector:
        kept = np.clip(matrix.astype(np.float64), self.low, self.high)
        more = [
            np.isnan(matrix[:, feature]).astype(np.float64) if np.isnan(at) else np.maximum(kept[:, feature] - at, 0.0)
            for feature, at in self.bends
        ]
        return np.column_stack([kept, *more])


@dataclass(frozen=True, slots=True)
class Linear:
    """A logistic regression.

    Args:
        basis: what its weights stand on.
        weights: of the basis' columns.
        intercept: log-odds of an average row.
    """

    basis: Basis
    weights: Vector
    intercept: float

    def margins(self, matrix: Matrix) -> Vector:
        """Log-odds of success of each row."""
        found: Vector = self.basis.apply(matrix) @ self.weights + self.intercept
        return found

    def contributions(self, matrix: Matrix) -> Vector:
        """What each feature adds to a row's log-odds, against an average row; the last column is what an average row has."""
        features = self.basis.features
        terms = self.basis.apply(matrix) * self.weights
        belongs = (features[:, None] == np.arange(len(self.basis.low) + 1)).astype(np.float64)
        found: Vector = terms @ belongs
        found[:, -1] = self.intercept
        return found

    def document(self) -> dict[str, Any]:
        """As JSON."""
        basis = self.basis
        parts = {"low": basis.low, "high": basis.high, "mean": basis.mean, "scale": basis.scale, "weights": self.weights}
        bends = [[feature, None if np.isnan(at) else at] for feature, at in basis.bends]
        return {name: [None if np.isinf(each) else each for each in part.tolist()] for name, part in parts.items()} | {
            "bends": bends,
            "intercept": self.intercept,
        }

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> "Linear":
        """The regression that `document` was made from."""
        parts = {
            name: np.array([np.inf if each is None else each for each in document[name]], dtype=np.float64)
            for name in ("low", "high", "mean", "scale", "weights")
        }
        bends = tuple((int(feature), float("nan") if at is None else float(at)) for feature, at in document["bends"])
        basis = Basis(parts["low"], parts["high"], bends, parts["mean"], parts["scale"])
        return cls(basis, parts["weights"], float(document["intercept"]))


def solve(columns: Vector | csr_array, labels: Vector, penalty: float, start: Vector | None = None) -> tuple[Vector, float]:
    """The weights and the intercept with the least penalised log loss: by Newton's steps, or L-BFGS where columns are sparse or many."""
    base = (labels.sum() + 0.5) / (len(labels) + 1)
    begin = start if start is not None else np.append(np.zeros(columns.shape[1]), np.log(base / (1 - base)))
    if not isinstance(columns, csr_array) and columns.shape[1] <= _WIDE:
        found = _newton(columns, labels, penalty, begin)
        if found is not None:
            return found[:-1], float(found[-1])

    def loss(point: Vector) -> tuple[float, Vector]:
        weights, intercept = point[:-1], point[-1]
        margin = columns @ weights + intercept
        error = expit(margin) - labels
        value = float(np.sum(np.logaddexp(0, margin) - labels * margin) + penalty / 2 * weights @ weights)
        return value / len(labels), np.append(columns.T @ error + penalty * weights, error.sum()) / len(labels)

    found = minimize(loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": 300, "ftol": 1e-9}).x
    return found[:-1], float(found[-1])


def _newton(columns: Vector, labels: Vector, penalty: float, begin: Vector) -> Vector | None:
    """The same by iteratively reweighted least squares, each step halved until the loss falls; None where it does not settle.

    Few exact steps are several times faster than the hundreds of L-BFGS on columns that go together, as macro-economic figures do.
    """
    design = np.column_stack([columns, np.ones(len(labels))])
    ridge = np.append(np.full(columns.shape[1], penalty), _TINY)

    def loss(point: Vector) -> float:
        margin = design @ point
        return float(np.sum(np.logaddexp(0, margin) - labels * margin) + ridge @ point**2 / 2)

    point: Vector = begin
    now = loss(begin)
    for _ in range(_MOST_STEPS):
        chance = expit(design @ point)
        slope = design.T @ (chance - labels) + ridge * point
        stretched = design * np.sqrt(np.maximum(chance * (1 - chance), _TINY))[:, None]
        step = solve_linear(stretched.T @ stretched + np.diag(ridge), slope, assume_a="pos")
        size = 1.0
        while (ahead := loss(point - size * step)) > now and size > _SMALL_STEP:
            size /= 2
        if ahead > now:
            return point
        point, gained, now = point - size * step, now - ahead, ahead
        if gained <= _ENOUGH * abs(now):
            return point
    return None


def fit_path(matrix: Matrix, labels: Labels, penalties: Sequence[float]) -> dict[float, Linear]:
    """Fit once for each penalty, from the strongest to the weakest, each from where the last one ended."""
    basis = Basis.learn(matrix)
    columns = np.asfortranarray(basis.apply(matrix))
    found: dict[float, Linear] = {}
    start: Vector | None = None
    for penalty in sorted(penalties, reverse=True):
        weights, intercept = solve(columns, labels.astype(np.float64), penalty, start)
        found[penalty] = Linear(basis, weights, intercept)
        start = np.append(weights, intercept)
    return found
