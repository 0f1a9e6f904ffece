"""The model: boosting and logistic regression mixed, calibrated, and kept with its encoder in one file that is no program.

The file is XGBoost's own (UBJSON); everything else stands in it as an attribute, as JSON. Loading it runs nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from scipy.special import expit

from activities.scoring.table import boosting
from activities.scoring.table.columns import Table
from activities.scoring.table.encoding import Encoder, Labels, Matrix
from activities.scoring.table.files import written
from activities.scoring.table.linear import Linear, Vector
from activities.scoring.table.problems import TableProblem

_ATTRIBUTE = "twoway"
_FORMAT = 2


@dataclass(frozen=True, slots=True)
class Calibration:
    """What makes log-odds true of the newest outcomes: `slope * margin + intercept`."""

    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True, slots=True)
class Alternative:
    """A value that a column often has, and what it is worth.

    Args:
        cell: the value, as it would stand in a table.
        worth: what leads with it gain from the column on average, in log-odds.
    """

    cell: str
    worth: float


@dataclass(frozen=True, slots=True)
class Model:
    """Everything that is needed to score; whoever wants scores with reasons asks a `LeadScorer` (serving.py).

    Args:
        encoder: rows to numbers.
        booster: gradient boosting.
        linear: logistic regression.
        weight: of boosting in the mean of both log-odds, 0 to 1.
        calibration: of that mean.
        history: log-odds of past leads, each judged by a model that did not know it: 101 of them, from the lowest to the highest.
        bands: past leads from the lowest log-odds to the highest, in bands: highest log-odds, how many, how many of them succeeded.
        typical: what a usual lead has, by column: the median of numbers.
        alternatives: values that a column often has, by column; none for texts and dates.
        importance: by how much each column moves log-odds, on average.
        about: what a person should know of it: the target, when it was made, the verdict.
    """

    encoder: Encoder
    booster: xgboost.Booster
    linear: Linear
    weight: float
    calibration: Calibration
    history: Vector
    bands: tuple[tuple[float, int, int], ...] = ()
    typical: Mapping[str, float] = field(default_factory=dict)
    alternatives: Mapping[str, tuple[Alternative, ...]] = field(default_factory=dict)
    importance: Mapping[str, float] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are looked at."""
        own = (field.name for field in self.encoder.fields)
        return tuple(dict.fromkeys((*own, self.encoder.moment[0]) if self.encoder.moment else own))

    def margins(self, matrix: Matrix) -> Vector:
        """Calibrated log-odds of success of each row."""
        return self.mixed(*self.halves(matrix))

    def halves(self, matrix: Matrix) -> tuple[Vector, Vector]:
        """What boosting and what the regression says, in log-odds that are not calibrated yet."""
        return boosting.margins(self.booster, matrix), self.linear.margins(matrix)

    def mixed(self, boosted: Vector, linear: Vector) -> Vector:
        """The calibrated log-odds that both halves come to."""
        found: Vector = self.calibration.slope * mix(boosted, linear, self.weight) + self.calibration.intercept
        return found

    def probabilities(self, table: Table) -> Vector:
        """The chance of success of each row."""
        found: Vector = expit(self.margins(self.encoder.encode(table)))
        return found

    def percentiles(self, margins: Vector) -> Vector:
        """0 to 100: how many of 100 past leads had lower log-odds."""
        found: Vector = np.round(np.interp(margins, self.history, np.linspace(0, 100, len(self.history))), 1)
        return found

    def contributions(self, matrix: Matrix) -> Vector:
        """What each feature adds to a row's log-odds; the last column is where everybody starts. Each row sums up to its margin."""
        mixed = self.weight * boosting.contributions(self.booster, matrix) + (1 - self.weight) * self.linear.contributions(matrix)
        found: Vector = self.calibration.slope * mixed
        found[:, -1] += self.calibration.intercept
        return found

    def to_bytes(self) -> bytes:
        """As the bytes of a file, the same model as the same bytes."""
        document = {
            "format": _FORMAT,
            "encoder": self.encoder.document(),
            "linear": self.linear.document(),
            "weight": self.weight,
            "calibration": [self.calibration.slope, self.calibration.intercept],
            "history": self.history.tolist(),
            "bands": self.bands,
            "typical": dict(self.typical),
            "importance": dict(self.importance),
            "alternatives": {name: [[each.cell, each.worth] for each in some] for name, some in self.alternatives.items()},
            "about": dict(self.about),
        }
        self.booster.set_attr(**{_ATTRIBUTE: json.dumps(document, ensure_ascii=False, separators=(",", ":"))})
        return bytes(self.booster.save_raw("ubj"))

    @classmethod
    def from_bytes(cls, raw: bytes, source: str = "what was given") -> "Model":
        """The model whose `to_bytes` these are. Nothing in it is run.

        Args:
            raw: the bytes.
            source: where they come from, for errors.

        Raises:
            TableProblem: when they are no model that this version made.
        """
        if not raw.startswith(b"{"):
            raise TableProblem(f"{source} is no model: `twoway train … --model FILE` makes one.")
        try:
            booster = xgboost.Booster({"nthread": boosting.THREADS}, model_file=bytearray(raw))
            attribute = booster.attr(_ATTRIBUTE)
        except xgboost.core.XGBoostError:
            raise TableProblem(f"{source} is no model, or a damaged one: `twoway train … --model FILE` makes one.") from None
        if attribute is None:
            raise TableProblem(
                f"{source} is an XGBoost model without what Twoway needs beside it: `twoway train … --model FILE` makes one."
            )
        document = json.loads(attribute)
        if document.get("format") != _FORMAT:
            raise TableProblem(f"{source} was made by another version of Twoway; train it anew.")
        return cls(
            Encoder.load(document["encoder"]),
            booster,
            Linear.load(document["linear"]),
            float(document["weight"]),
            Calibration(*document["calibration"]),
            np.array(document["history"], dtype=np.float64),
            tuple((float(high), int(rows), int(won)) for high, rows, won in document["bands"]),
            document["typical"],
            {name: tuple(Alternative(*each) for each in some) for name, some in document["alternatives"].items()},
            document["importance"],
            document["about"],
        )

    def write(self, path: Path) -> None:
        """Write it to a file; whoever reads it meanwhile sees the old one or all of the new one.

        Raises:
            TableProblem: when the file cannot be written.
        """
        with written(path) as part:
            part.write_bytes(self.to_bytes())

    @classmethod
    def read(cls, path: Path) -> "Model":
        """Read it from a file.

        Raises:
            TableProblem: when the file holds no model that this version made.
        """
        try:
            raw = path.read_bytes()
        except OSError as err:
            raise TableProblem(f"{path} cannot be read: {err.strerror}.") from None
        return cls.from_bytes(raw, str(path))


def mix(boosted: Vector, linear: Vector, weight: float) -> Vector:
    """The mean of both log-odds."""
    found: Vector = weight * boosted + (1 - weight) * linear
    return found


def history_of(margins: Vector) -> Vector:
    """101 of past leads' log-odds, evenly spread over them."""
    found: Vector = np.round(np.quantile(margins, np.linspace(0, 1, 101)), 6)
    return found


def score_of(margins: Vector) -> Vector:
    """The score that log-odds come to: the chance of success times 100, to a tenth."""
    found: Vector = np.round(100 * expit(margins), 1)
    return found


def bands_of(margins: Vector, labels: Labels, *, most: int = 40, fewest_rows: int = 50) -> tuple[tuple[float, int, int], ...]:
    """Past leads in bands of equal size, from the lowest log-odds to the highest; see `Model.bands`."""
    order = np.argsort(margins, kind="stable")
    parts = np.array_split(order, int(np.clip(len(order) // fewest_rows, 1, most)))
    return tuple((round(float(margins[part].max()), 4), len(part), int(labels[part].sum())) for part in parts)
