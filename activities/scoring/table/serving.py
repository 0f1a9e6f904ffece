"""Scores for leads at hand, one or many: the chance, the score, its reasons, how sure it is, and what would change it most.

    scorer = LeadScorer(Model.from_bytes(stored))
    found = scorer.score_one({"visits": 7, "source": "webinar", "created": date(2026, 3, 1)})
    found.score, found.reasons, found.sure, found.change

A scorer may be shared by threads. Making one takes some milliseconds; one lead takes about one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from activities.scoring.table.changes import Change, Changer
from activities.scoring.table.columns import Table, table_from
from activities.scoring.table.kinds import Booleans, present
from activities.scoring.table.linear import Vector
from activities.scoring.table.model import Model, score_of
from activities.scoring.table.reasons import Reason, Reasoner

_REACH = 1.96
_DISAGREE = 0.35
_MATTERS = 0.25


@dataclass(frozen=True, slots=True)
class Sure:
    """How sure a score is.

    Args:
        low, high: the scores between which the truth should lie: by how many past leads were scored like it, and how far both halves
            of the model agree.
        like: how many past leads were scored like it.
        unknown: columns that matter and that nothing is known of in this lead.
    """

    low: float
    high: float
    like: int
    unknown: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As a sentence."""
        gaps = f"; not known: {', '.join(self.unknown)}" if self.unknown else ""
        return f"{self.low:.0f} to {self.high:.0f}, by {self.like:,} past leads scored like it{gaps}"


@dataclass(frozen=True, slots=True)
class LeadScore:
    """What a model says of a lead.

    Args:
        probability: the calibrated chance of success, 0 to 1.
        score: the same times 100, to a tenth.
        percentile: how many of 100 past leads were scored lower.
        usual: the score that every lead starts from; it and the reasons' points add up to the score.
        reasons: at most five, the weightiest first.
        sure: how sure the score is.
        change: what would change it most; None where no single column would move it by a point.
    """

    probability: float
    score: float
    percentile: float
    usual: float
    reasons: tuple[Reason, ...]
    sure: Sure
    change: Change | None


class LeadScorer:
    """Scores leads with one model.

    Args:
        model: what scores them.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._reasoner = Reasoner(model)
        self._changer = Changer(model)
        most = max(model.importance.values(), default=0.0)
        self._weighty = [name for name, share in model.importance.items() if share >= _MATTERS * most > 0]

    def score_one(self, values: Mapping[str, object]) -> LeadScore:
        """Score one lead.

        Args:
            values: by column: numbers, texts, dates, booleans or None. Columns that the model does not know are not looked at;
                those that are not there, and categories that it has not seen, are not known.
        """
        known = {name: values[name] for name in self.model.columns if name in values}
        return self.score(table_from([known]))[0]

    def score(self, table: Table) -> list[LeadScore]:
        """Score every row of a table, in its order."""
        matrix = self.model.encoder.encode(table)
        parts = self.model.contributions(matrix)
        halves = self.model.halves(matrix)
        margins = self.model.mixed(*halves)
        usual, reasons = self._reasoner.explain(table, matrix, parts)
        changes = self._changer.changes(table, matrix, parts, margins)
        sure = self.sure(table, halves, margins)
        return [
            LeadScore(float(chance), float(points), float(place), usual, tuple(why), how_sure, change)
            for chance, points, place, why, how_sure, change in zip(
                expit(margins), score_of(margins), self.model.percentiles(margins), reasons, sure, changes, strict=True
            )
        ]

    def sure(self, table: Table, halves: tuple[Vector, Vector], margins: Vector) -> list[Sure]:
        """Chance among the past leads that were scored alike, and how far both halves of the model disagree."""
        highs = np.array([high for high, _, _ in self.model.bands])
        rows = np.array([count for _, count, _ in self.model.bands])
        like = rows[np.minimum(np.searchsorted(highs, margins), len(rows) - 1)] if len(rows) else np.ones(len(margins), dtype=np.int64)
        chance = np.clip(expit(margins), 0.01, 0.99)
        off = np.sqrt(1 / (like * chance * (1 - chance)) + (_DISAGREE * (halves[0] - halves[1])) ** 2)
        low, high = score_of(margins - _REACH * off), score_of(margins + _REACH * off)
        known = self._known(table)
        return [
            Sure(float(low[row]), float(high[row]), int(like[row]), tuple(name for name, there in known if not there[row]))
            for row in range(len(margins))
        ]

    def _known(self, table: Table) -> list[tuple[str, Booleans]]:
        """For each column that matters, in which rows something is known of it."""
        nowhere = np.zeros(table.rows, dtype=np.bool_)
        return [(name, present(table.columns[name]) if name in table.columns else nowhere) for name in self._weighty]
