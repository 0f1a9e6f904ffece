"""Rows as numbers: an encoder that is learned once, kept as JSON in the model's file, and used alike in training and scoring.

Every column becomes one or more features of a float32 matrix in which NaN is "not known". A category that was not seen in training
counts as not known: a booster would score any code it is given, silently.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from activities.scoring.table.columns import Column, Rows, Table
from activities.scoring.table.kinds import USEFUL, Detected, Floats, Kind, hosts, is_missing, moments, numbers
from activities.scoring.table.words import hits, learn_tone, tones, vocabulary

Matrix = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int8]

MOST_LEVELS = 30
"""Levels of a category with a feature of their own; the others are told by their rate of success alone."""
_RATED_FROM = 30
_TONED_FROM = 60
_WORDY = 1.3
_FEWEST_ROWS = 10
_PRIOR = 5.0
_FLAT = 1e6
_SURE = 2.0
_FOLDS = 10


@dataclass(frozen=True, slots=True)
class Feature:
    """A column of the matrix.

    Args:
        source: the table's column it comes from.
        what: `value`, `level`, `rate`, `age`, `weekday`, `hour`, `day`, `length`, `word` or `tone`.
        level: the level or word that a `level` or `word` is about.
    """

    source: str
    what: str
    level: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """How a column of the table becomes features.

    Args:
        name: of the column.
        kind: what it holds.
        how: a date's format.
        sentinels: numbers that stand for "not known".
        levels: with a feature of their own.
        rates: log-odds of success by level, where there are many.
        words: looked for in a text.
        tone: what words speak for, in a text or a category of many levels.
        hours: whether a date has a time of day.
        dated: whether the date itself is told, beside its age and weekday.
    """

    name: str
    kind: Kind
    how: str = ""
    sentinels: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    rates: Mapping[str, float] | None = None
    words: tuple[str, ...] = ()
    tone: Mapping[str, float] | None = None
    hours: bool = False
    dated: bool = False

    @property
    def features(self) -> list[Feature]:
        """The features it becomes, in order."""
        match self.kind:
            case Kind.DATE:
                return [
                    Feature(self.name, what)
                    for what in ("age", "weekday", *(["hour"] if self.hours else []), *(["day"] if self.dated else []))
                ]
            case Kind.TEXT:
                return [Feature(self.name, "length"), *(Feature(self.name, "word", word) for word in self.words), *self._tone]
            case Kind.CATEGORY | Kind.HOST:
                rate = [Feature(self.name, "rate")] if self.rates is not None else []
                return [*(Feature(self.name, "level", level) for level in self.levels), *rate, *self._tone]
            case _:
                return [Feature(self.name, "value")]

    @property
    def _tone(self) -> list[Feature]:
        return [] if self.tone is None else [Feature(self.name, "tone")]

    def texts(self, column: Column) -> list[str]:
        """What each distinct cell amounts to as a category; empty where it says nothing."""
        levels = hosts(column.levels) if self.kind is Kind.HOST else column.levels
        return ["" if is_missing(level) else level.strip() for level in levels]

    def encode(self, column: Column, moment: Floats | None) -> Matrix:
        """Its features for each row.

        Args:
            column: the cells.
            moment: when each row was as it stands, in days; None where that is not known.
        """
        match self.kind:
            case Kind.DATE:
                return self._dated(column, moment)
            case Kind.TEXT:
                return np.column_stack([hits(column.levels, self.words), *self._toned(column)])[column.codes]
            case Kind.CATEGORY | Kind.HOST:
                return np.column_stack([self._levelled(column), *self._toned(column)])[column.codes]
            case _:
                return numbers(column.levels, self.sentinels).astype(np.float32)[column.codes, None]

    def _dated(self, column: Column, moment: Floats | None) -> Matrix:
        days = moments(column.levels, self.how)
        at = days[column.codes]
        age = np.full_like(at, np.nan) if moment is None else np.round(moment - at, 2)
        parts = [
            *(age, ((np.floor(days) + 3) % 7)[column.codes]),
            *([np.round(at % 1 * 24, 2)] if self.hours else []),
            *([np.floor(at)] if self.dated else []),
        ]
        return np.column_stack(parts).astype(np.float32)

    def _toned(self, column: Column) -> list[Matrix]:
        return [] if self.tone is None else [tones(column.levels, self.tone)]

    def _levelled(self, column: Column) -> Matrix:
        """For each level."""
        texts = self.texts(column)
        shown = np.zeros((max(1, len(texts)), len(self.levels)), dtype=np.float32)
        place = {level: number for number, level in enumerate(self.levels)}
        known = self.rates if self.rates is not None else place
        for row, text in enumerate(texts):
            if text in place:
                shown[row, place[text]] = 1
            elif text not in known and "" in place:
                shown[row, place[""]] = 1
            elif text not in known:
                shown[row] = np.nan
        if self.rates is None:
            return shown
        rate = np.array([self.rates.get(text, self.rates.get("", np.nan)) for text in texts] or [np.nan], dtype=np.float32)
        return np.column_stack([shown, rate])


@dataclass(frozen=True, slots=True)
class Encoder:
    """What turns a table into the matrix a model reads.

    Args:
        fields: how each column that is used becomes features.
        moment: the date column that says when a row was as it stands, and its format; None without one.
    """

    fields: tuple[Field, ...]
    moment: tuple[str, str] | None = None

    @property
    def features(self) -> list[Feature]:
        """The matrix's columns, in order."""
        return [feature for field in self.fields for feature in field.features]

    def encode(self, table: Table) -> Matrix:
        """The matrix of a table; what the table lacks is not known, what it has beyond is not looked at."""
        moment = None
        if self.moment is not None and self.moment[0] in table.columns:
            column = table.columns[self.moment[0]]
            moment = moments(column.levels, self.moment[1])[column.codes]
        nothing = Column("", ("",), np.zeros(table.rows, dtype=np.int32))
        parts = [field.encode(table.columns.get(field.name, nothing), moment) for field in self.fields]
        return np.concatenate(parts, axis=1) if parts else np.empty((table.rows, 0), dtype=np.float32)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"fields": [asdict(field) for field in self.fields], "moment": self.moment}

    @classmethod
    def load(cls, document: Mapping[str, Any]) -> "Encoder":
        """The encoder that `document` was made from."""
        fields = (
            Field(
                **{**each, "kind": Kind(each["kind"])} | {name: tuple(each[name]) for name in ("sentinels", "levels", "words")},
            )
            for each in document["fields"]
        )
        moment = document["moment"]
        return cls(tuple(fields), (moment[0], moment[1]) if moment else None)


def learn(
    table: Table, labels: Labels, kinds: Mapping[str, Detected], moment: tuple[str, str] | None, *, seed: int, dated: bool = False
) -> tuple[Encoder, Matrix]:
    """Learn an encoder, and encode what it was learned from.

    In that matrix the rate of a level is told to each row by the other rows (cross-fitted), so that no row knows its own outcome.

    Args:
        table: rows to learn from.
        labels: 1 for each that succeeded.
        kinds: what the columns hold; those not in it are left out.
        moment: see `Encoder`.
        seed: decides which rows tell which.
        dated: whether dates are told themselves; what comes after the newest of them is then judged like the newest.
    """
    useful = {name: found for name, found in kinds.items() if found.kind in USEFUL}
    encoder = Encoder(tuple(_learned(table.columns[name], found, labels, dated=dated) for name, found in useful.items()), moment)
    matrix = encoder.encode(table)
    fold = np.random.default_rng(seed).permutation(len(labels)) % _FOLDS
    for place, field, what in _told(encoder.fields):
        column = table.columns[field.name]
        for number in range(_FOLDS):
            inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
            told = _told_by(field, column, inside, labels[inside]) if what == "rate" else _toned_by(column, inside, labels[inside])
            matrix[outside, place] = told[column.codes[outside]]
    return encoder, matrix


def _told(fields: Iterable[Field]) -> Iterable[tuple[int, Field, str]]:
    """The features that are made of outcomes: their places, fields and what they are."""
    place = 0
    for field in fields:
        for feature in field.features:
            if feature.what in {"rate", "tone"}:
                yield place, field, feature.what
            place += 1


def _told_by(field: Field, column: Column, rows: Rows, labels: Labels) -> Matrix:
    texts = field.texts(column)
    rates = _rates(texts, column.codes[rows], labels)
    return np.array([rates.get(text, np.nan) for text in texts] or [np.nan], dtype=np.float32)


def _toned_by(column: Column, rows: Rows, labels: Labels) -> Matrix:
    return tones(column.levels, learn_tone(column, rows, labels))


def _learned(column: Column, found: Detected, labels: Labels, *, dated: bool) -> Field:
    match found.kind:
        case Kind.TEXT:
            return Field(column.name, found.kind, words=vocabulary(column, labels), tone=learn_tone(column, np.arange(len(labels)), labels))
        case Kind.DATE:
            days = moments(column.levels, found.how)
            return Field(column.name, found.kind, found.how, hours=bool(np.any(days[np.isfinite(days)] % 1 > 0)), dated=dated)
        case Kind.CATEGORY | Kind.HOST:
            return _learned_levels(column, found.kind, labels)
        case _:
            return Field(column.name, found.kind, sentinels=found.sentinels)


def _learned_levels(column: Column, kind: Kind, labels: Labels) -> Field:
    texts = Field(column.name, kind).texts(column)
    counts: dict[str, int] = {}
    for text, count in zip(texts, np.bincount(column.codes, minlength=len(texts)), strict=True):
        if count:
            counts[text] = counts.get(text, 0) + int(count)
    often = sorted((level for level, count in counts.items() if count >= _FEWEST_ROWS), key=lambda level: (-counts[level], level))
    rates = None if often and len(counts) <= _RATED_FROM else _rates(texts, column.codes, labels)
    wordy = len(counts) > _TONED_FROM and kind is Kind.CATEGORY and np.mean([len(text.split()) for text in counts]) >= _WORDY
    tone = learn_tone(column, np.arange(len(labels)), labels) if wordy else None
    return Field(column.name, kind, levels=tuple(often[:MOST_LEVELS]), rates=rates, tone=tone)


def _rates(texts: Sequence[str], codes: npt.NDArray[np.int32], labels: Labels) -> dict[str, float]:
    """Log-odds of success by level, drawn towards the whole's the more, the less levels differ beyond chance; none where they do not."""
    base = (labels.sum() + 0.5) / (len(labels) + 1)
    count = np.bincount(codes, minlength=len(texts))
    won = np.bincount(codes, weights=labels, minlength=len(texts))
    sums: dict[str, tuple[float, float]] = {}
    for text, rows, successes in zip(texts, count, won, strict=True):
        if rows:
            was = sums.get(text, (0.0, 0.0))
            sums[text] = (was[0] + rows, was[1] + successes)
    prior = _prior(np.array(list(sums.values())), base)
    rates = {text: (successes + prior * base) / (rows + prior) for text, (rows, successes) in sums.items()}
    return {text: round(float(np.log(rate / (1 - rate))), 4) for text, rate in rates.items()}


def _prior(sums: Floats, base: float) -> float:
    """How many rows of the average a level's rate is drawn by: the variance within levels over the one between them.

    The variance between is what the weighted squares of the rates' differences exceed chance by (the moments' estimate of the
    one-way random effects model).
    """
    rows, won = sums[:, 0], sums[:, 1]
    within = base * (1 - base)
    squares = float(np.sum((won - rows * base) ** 2 / rows))
    beyond = squares - within * (len(rows) - 1)
    if beyond < _SURE * within * np.sqrt(2 * len(rows)):
        return _FLAT
    between = beyond / max(1.0, float(rows.sum() - np.sum(rows**2) / rows.sum()))
    return float(np.clip(within / between, _PRIOR, _FLAT))
