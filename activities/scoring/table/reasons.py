"""Why a lead has its score: what each column adds, in sentences and in points of the score."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from activities.scoring.table.columns import Table
from activities.scoring.table.encoding import Feature, Matrix
from activities.scoring.table.kinds import is_missing
from activities.scoring.table.linear import Vector
from activities.scoring.table.model import Model, score_of
from activities.scoring.table.sentences import figure, label, short

MOST = 5
"""Reasons of a lead; where more columns than that play a part, the last one is the sum of the others."""
REST = "everything else"
_LEAST = 0.05
_COUNTER = 0.5
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Reason:
    """What a column adds to a score.

    Args:
        text: a sentence for people.
        points: of the score, to a tenth; below 0 where it takes away.
        column: which column; empty for everything else together.
    """

    text: str
    points: float
    column: str

    def __str__(self) -> str:
        """As it stands in a CSV cell."""
        return f"{self.text} ({self.points:+.1f})"


class Reasoner:
    """Explains scores of one model.

    Args:
        model: whose.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._features = model.encoder.features
        self._sources = [_source(feature) for feature in self._features]
        self._order = list(dict.fromkeys(self._sources))
        place = {source: number for number, source in enumerate(self._order)}
        self._belongs = np.zeros((len(self._features), len(self._order)))
        for feature, source in enumerate(self._sources):
            self._belongs[feature, place[source]] = 1
        self._of = defaultdict(list)
        for number, source in enumerate(self._sources):
            self._of[source].append(number)

    def explain(self, table: Table, matrix: Matrix, parts: Vector) -> tuple[float, list[list[Reason]]]:
        """The score that every lead starts from, and for each row at most five reasons, the weightiest first.

        The points of a row's reasons add up to its score less that start, to the tenth. They are shares of that difference, as each
        column contributed to the log-odds.

        Args:
            table: the rows as they came.
            matrix: the same, encoded.
            parts: the model's contributions to them.
        """
        start = parts[:, -1]
        margins = parts.sum(axis=1)
        gap = margins - start
        there, here = expit(start), expit(margins)
        # where a row is where everybody starts, a contribution is worth what the curve rises there
        slope = 100 * np.divide(here - there, gap, out=there * (1 - there), where=np.abs(gap) > 1e-6)
        worth: Vector = parts[:, :-1] @ self._belongs * slope[:, None]
        usual = float(score_of(start[:1])[0]) if len(start) else 0.0
        scores = score_of(margins)
        return usual, [self._row(table, matrix, row, worth[row], float(scores[row]) - usual) for row in range(table.rows)]

    def _row(self, table: Table, matrix: Matrix, row: int, worth: Vector, total: float) -> list[Reason]:
        order = np.argsort(-np.abs(worth), kind="stable")
        order = order[np.abs(worth[order]) >= _LEAST]
        best = _both_sides(order, worth) if len(order) > MOST else order
        found = [
            Reason(self._sentence(table, matrix[row], self._order[place], row), round(float(worth[place]), 1), self._order[place][0])
            for place in best
        ]
        rest = round(total - sum(reason.points for reason in found), 1)
        if not rest:
            return found
        if len(found) == MOST:
            last = found.pop()
            rest = round(rest + last.points, 1)
        return sorted([*found, Reason(REST, rest, "")], key=lambda reason: -abs(reason.points))

    def _sentence(self, table: Table, values: Any, source: tuple[str, str], row: int) -> str:
        name, word = source
        named = label(name)
        if word:
            said = bool(values[self._of[source][0]] == 1)
            return f"{named} {'mentions' if said else 'does not mention'} “{word}”"
        column = table.columns.get(name)
        cell = "" if column is None else column.levels[column.codes[row]]
        if is_missing(cell):
            return f"{named} is not known"
        feature = self._features[self._of[source][0]]
        match feature.what:
            case "value":
                return self._number(named, name, float(values[self._of[source][0]]))
            case "age":
                return self._date(named, values[self._of[source]], cell)
            case "length":
                return f"{named} has {values[self._of[source][0]]:.0f} words"
            case _:
                return f"{named} is “{short(cell)}”"

    def _number(self, named: str, name: str, value: float) -> str:
        if np.isnan(value):
            return f"{named} is not known"
        usual = self._model.typical.get(name)
        return f"{named} is {figure(value)}" + ("" if usual is None else f" (usually {figure(usual)})")

    def _date(self, named: str, values: Any, cell: str) -> str:
        if np.isnan(values[1]):
            return f"{named} is not known"
        day = _DAYS[int(values[1])]
        age = (
            ""
            if np.isnan(values[0]) or not values[0]
            else f", {abs(values[0]):,.0f} days {'before' if values[0] > 0 else 'after'} the lead's own date"
        )
        return f"{named} is {short(cell)}, a {day}{age}"


def _both_sides(order: Any, worth: Vector) -> list[int]:
    """The weightiest columns, so few that a place is left for the rest; one that speaks against the others is among them if it counts."""
    best = [int(place) for place in order[: MOST - 1]]
    signs = np.sign(worth[best])
    if np.all(signs == signs[0]):
        against = [int(place) for place in order if np.sign(worth[place]) == -signs[0] and abs(worth[place]) >= _COUNTER]
        best[-1:] = against[:1] or best[-1:]
    return best


def _source(feature: Feature) -> tuple[str, str]:
    """Features that one sentence is about: all of a column, but a text's words one by one."""
    return feature.source, feature.level if feature.what == "word" else ""
