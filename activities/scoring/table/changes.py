"""What would change a lead's score most: another value of one of its columns, out of those that leads often have."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from activities.scoring.table.columns import Column, Table
from activities.scoring.table.encoding import Encoder, Matrix
from activities.scoring.table.kinds import Detected, Kind, is_missing, numbers
from activities.scoring.table.linear import Vector
from activities.scoring.table.model import Alternative, Model, score_of
from activities.scoring.table.sentences import figure, label, short

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_OFTEN = 0.02
_MOST = 12
_TRIED = 3
_LEAST = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """What a lead's score would be if one thing were otherwise. The model foretells this; it does not say that the one makes the other.

    Args:
        column: which column.
        instead: the other value.
        has: the value that the lead has; empty where it is not known.
        score: what the score would be.
    """

    column: str
    instead: str
    has: str
    score: float

    def __str__(self) -> str:
        """As a sentence."""
        return f"{label(self.column)} {_said(self.instead)} instead of {_said(self.has)}: {self.score:.0f}"


class Changer:
    """Finds what would change scores of one model most.

    Args:
        model: whose.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        places: dict[str, list[int]] = {}
        for place, feature in enumerate(model.encoder.features):
            places.setdefault(feature.source, []).append(place)
        self._options = [(name, each) for name, some in model.alternatives.items() for each in some]
        self._names = [name for name in model.alternatives if model.alternatives[name]]
        column = {name: number for number, name in enumerate(self._names)}
        self._column = np.array([column[name] for name, _ in self._options], dtype=np.int64)
        self._worth = np.array([each.worth for _, each in self._options])
        self._places = [np.array(places[name], dtype=np.int64) for name in self._names]
        self._coded = [model.encoder.encode(_single(name, each.cell))[0, self._places[column[name]]] for name, each in self._options]

    def changes(self, table: Table, matrix: Matrix, parts: Vector, margins: Vector) -> list[Change | None]:
        """For each row what would change its score most; None where nothing would by a point.

        The contributions say which values are worth a try; those are then scored.

        Args:
            table: the rows as they came.
            matrix: the same, encoded.
            parts: the model's contributions to them.
            margins: their log-odds.
        """
        if not self._options or not len(matrix):
            return [None] * len(matrix)
        now = np.column_stack([parts[:, places].sum(axis=1) for places in self._places])
        gain = self._worth - now[:, self._column]
        tried = self._worth_a_try(gain)
        rows = np.repeat(np.arange(len(matrix)), tried.shape[1])
        others = matrix[rows]
        for place, option in enumerate(tried.ravel()):
            others[place, self._places[self._column[option]]] = self._coded[option]
        scores = score_of(self._model.margins(others)).reshape(tried.shape)
        moved = np.abs(scores - score_of(margins)[:, None])
        best = moved.argmax(axis=1)
        return [
            self._change(table, row, int(tried[row, best[row]]), float(scores[row, best[row]])) if moved[row, best[row]] >= _LEAST else None
            for row in range(len(matrix))
        ]

    def _worth_a_try(self, gain: Vector) -> np.typing.NDArray[np.int64]:
        """For each row the values that promise the most, upwards and downwards."""
        order = np.argsort(gain, axis=1, kind="stable")
        return order if order.shape[1] <= 2 * _TRIED else np.concatenate([order[:, :_TRIED], order[:, -_TRIED:]], axis=1)

    def _change(self, table: Table, row: int, option: int, score: float) -> Change:
        name, other = self._options[option]
        column = table.columns.get(name)
        cell = "" if column is None else column.levels[column.codes[row]]
        return Change(name, other.cell, "" if is_missing(cell) else cell, score)


def alternatives(table: Table, kinds: Mapping[str, Detected], encoder: Encoder, parts: Vector) -> dict[str, tuple[Alternative, ...]]:
    """Values that columns often have, and what leads with them gain from the column.

    Args:
        table: leads.
        kinds: what the columns hold.
        encoder: the model's.
        parts: the model's contributions to these leads.
    """
    sources = [feature.source for feature in encoder.features]
    found = {}
    for name, detected in kinds.items():
        worth = parts[:, [place for place, source in enumerate(sources) if source == name]].sum(axis=1)
        match detected.kind:
            case Kind.NUMBER:
                found[name] = _of_numbers(numbers(table.columns[name].levels, detected.sentinels)[table.columns[name].codes], worth)
            case Kind.CATEGORY:
                found[name] = _of_levels(table.columns[name], worth)
    return {name: some for name, some in found.items() if len(some) > 1}


def _of_numbers(values: Vector, worth: Vector) -> tuple[Alternative, ...]:
    known = np.isfinite(values)
    if not known.any():
        return ()
    distinct = np.unique(values[known])
    at = distinct if len(distinct) <= len(_QUANTILES) else np.unique(np.quantile(values[known], _QUANTILES, method="nearest"))
    nearest = np.abs(values[known, None] - at).argmin(axis=1)
    return tuple(
        Alternative(f"{value:.6g}", round(float(worth[known][nearest == place].mean()), 4))
        for place, value in enumerate(at)
        if (nearest == place).sum() >= _OFTEN * len(values)
    )


def _of_levels(column: Column, worth: Vector) -> tuple[Alternative, ...]:
    count = np.bincount(column.codes, minlength=len(column.levels))
    often = [place for place in np.argsort(-count, kind="stable")[:_MOST] if count[place] >= _OFTEN * len(column.codes)]
    return tuple(
        Alternative(column.levels[place], round(float(worth[column.codes == place].mean()), 4))
        for place in often
        if not is_missing(column.levels[place])
    )


def _single(name: str, cell: str) -> Table:
    return Table({name: Column(name, (cell,), np.zeros(1, dtype=np.int32))}, 1)


def _said(cell: str) -> str:
    if not cell:
        return "not known"
    value = float(numbers([cell])[0])
    return f"“{short(cell)}”" if np.isnan(value) else figure(value)
